//! Removes what was delivered everywhere and has been kept for long enough. Nothing else is removed here: what is pending,
//! dead or in quarantine stays until a person says otherwise.

use std::{sync::Arc, time::Duration};

use super::{backoff::Backoff, services::Services};
use crate::runtime::clock::millis;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);

/// Events removed at once, few enough that a delivery that is to be kept does not wait for long.
const BATCH: usize = 500;

/// Sweeps for as long as it is let.
pub(super) async fn sweep(services: Arc<Services>) {
    let mut backoff = Backoff::between(EVERY, EVERY * 16);
    loop {
        let now = services.clock.now();
        let before = now.saturating_sub(millis(services.inbox.settings.retain));
        let swept = services.inbox.store.sweep(before, BATCH).await;
        let pause = match swept {
            // An event of several destinations has several deliveries, so a batch that is full removes fewer events.
            Ok(removed) if removed > 0 => Duration::ZERO,
            Ok(_) => {
                backoff.reset();
                EVERY
            }
            Err(error) => {
                tracing::warn!(%error, "delivered events could not be removed; they stay for now");
                backoff.failed()
            }
        };
        services.clock.until(now + millis(pause), now).await;
        // Others have their turn between two batches.
        tokio::task::yield_now().await;
    }
}
