//! Removes events that were delivered everywhere and whose retention has ended. Pending, dead and
//! quarantined deliveries stay until an operator removes them.

use std::{sync::Arc, time::Duration};

use super::{backoff::Backoff, services::Services};
use crate::runtime::clock::millis;

/// The interval between two sweeps.
const INTERVAL: Duration = Duration::from_secs(60);

/// The events removed at once: few enough that an insert does not wait for long.
const BATCH: usize = 500;

/// Sweeps until the task is aborted.
pub(super) async fn sweep(services: Arc<Services>) {
    let (clock, inbox) = (&services.clock, &services.inbox);
    let mut backoff = Backoff::between(INTERVAL, INTERVAL * 16);
    loop {
        let now = clock.now();
        let before = now.saturating_sub(millis(inbox.settings.retain));
        let pause = match inbox.store.sweep(before, BATCH).await {
            // A full batch removes fewer events than `BATCH` if events have several deliveries.
            Ok(removed) if removed > 0 => Duration::ZERO,
            Ok(_) => {
                backoff.reset();
                INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, "delivered events not removed; the next sweep tries again");
                backoff.failed()
            }
        };
        clock.until(now + millis(pause), now).await;
        // Lets the queues run between two batches.
        tokio::task::yield_now().await;
    }
}
