//! Keeps the profiles of a gate: permits samples, and stores what was learned.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::proxy::shared::Shared;

/// The seconds between two synchronizations with the store.
const STORED_EVERY: u64 = 60;

/// The time that the end of a gate waits for the store.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The interval at which the end of a gate looks whether the last samples are learned.
const POLL: Duration = Duration::from_millis(5);

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

/// Learns the last samples and stores everything, at the end of a gate.
pub(super) async fn store_all(gate: &Shared) {
    let storing = async {
        while !gate.profiler.is_idle() {
            sleep(POLL).await;
        }
        gate.synchronize_profiles(true).await
    };
    match timeout(TIMEOUT, storing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "profiles not stored"),
        Err(_) => tracing::warn!("profiles not stored in time"),
    }
}
