//! Stores how a claim ended.

use crate::{
    delivery::event::{Lease, Settlement},
    inbox::{
        dispatcher::{backoff::Backoff, services::Services},
        store::StoreError,
    },
    runtime::clock::{Millis, millis},
};

/// Settles a claim, and returns whether its lease still held. After an error it tries again until
/// the lease ends: an unsettled event is delivered again for nothing.
pub(crate) async fn settle(
    services: &Services,
    lease: &Lease,
    settlement: &Settlement,
    lease_ends: Millis,
) -> Result<bool, StoreError> {
    let (store, clock) = (&services.inbox.store, &services.clock);
    let mut backoff = Backoff::of_store();
    loop {
        let error = match store.settle(lease.clone(), settlement.clone()).await {
            Ok(held) => return Ok(held),
            Err(error) => error,
        };
        let now = clock.now();
        let next = now + millis(backoff.failed());
        if matches!(error, StoreError::Failed(_)) || next >= lease_ends {
            return Err(error);
        }
        clock.until(next, now).await;
    }
}
