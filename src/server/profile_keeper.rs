//! Keeps the profiles of a gate: permits samples, and stores what was learned.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::proxy::shared::Shared;

/// The seconds between two synchronizations with the store.
const STORED_EVERY: u64 = 60;

/// The time that the end of a gate waits for the store.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Keeps the profiles until the future is dropped. Reads the stored ones before it permits the first
/// sample.
pub(super) async fn keep(gate: Arc<Shared>) {
    let mut failed = false;
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for second in 0_u64.. {
        seconds.tick().await;
        if second.is_multiple_of(STORED_EVERY) {
            let result = gate.synchronize_profiles(false).await;
            if let (Err(error), false) = (&result, failed) {
                tracing::warn!(%error, "profiles not stored");
            }
            failed = result.is_err();
        }
        if second == 0 {
            gate.profiler.open();
        } else {
            gate.profiler.refill();
        }
    }
}

/// Stores everything that was learned, at the end of a gate.
pub(super) async fn store_all(gate: &Shared) {
    match timeout(TIMEOUT, gate.synchronize_profiles(true)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "profiles not stored"),
        Err(_) => tracing::warn!("profiles not stored in time"),
    }
}
