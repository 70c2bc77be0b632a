//! Keeps the profiles of a gate: permits samples, and stores what was learned.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{inbox::Inbox, proxy::shared::Shared};

/// The seconds between two synchronizations with the store.
const STORED_EVERY: u64 = 60;

/// The time that the end of a gate waits for the store.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Keeps the profiles until the future is dropped. Reads the stored ones before it permits the first
/// sample.
pub(super) async fn keep(gate: Arc<Shared>) {
    let mut works = true;
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for second in 0_u64.. {
        seconds.tick().await;
        if let Some(inbox) = &gate.inbox
            && second.is_multiple_of(STORED_EVERY)
        {
            works = synchronize(&gate, inbox, false, works).await;
        }
        gate.profiler.refill();
    }
}

/// Stores everything that was learned, at the end of a gate.
pub(super) async fn store_all(gate: &Shared) {
    if let Some(inbox) = &gate.inbox
        && timeout(TIMEOUT, synchronize(gate, inbox, true, true))
            .await
            .is_err()
    {
        tracing::warn!("profiles not stored in time");
    }
}

/// Returns whether the store works. Logs a failure unless the last time failed, too.
async fn synchronize(gate: &Shared, inbox: &Inbox, all: bool, worked: bool) -> bool {
    let names: HashSet<_> = gate.with_config(|config| {
        let endpoints = config.endpoints.iter();
        endpoints
            .map(|endpoint| Arc::clone(&endpoint.name))
            .collect()
    });
    let is_configured = |name: &str| names.contains(name);
    let result = gate
        .profiler
        .synchronize(&*inbox.store, is_configured, all)
        .await;
    if let Err(error) = &result
        && worked
    {
        tracing::warn!(%error, "profiles not stored");
    }
    result.is_ok()
}
