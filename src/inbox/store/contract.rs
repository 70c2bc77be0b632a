//! The contract that every engine fulfils.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{
    delivery_row::{Cursor, DeliveryRow},
    error::StoreError,
    list_order::ListOrder,
    selection::Selection,
    stats::Stats,
};
use crate::{
    delivery::event::{Arrival, Claim, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement},
    inbox::settings::Settings,
    runtime::clock::Millis,
};

/// The result of a store operation, once it is done.
pub(crate) type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A store of events. An operation that has begun completes even if its future is dropped.
pub(crate) trait Store: Send + Sync + std::fmt::Debug {
    /// Stores an event. The future completes once the event is committed and synced.
    ///
    /// `memory` accounts for the memory of the body. The store drops it after the commit, and not
    /// before.
    fn insert(
        &self,
        arrival: Arrival,
        memory: Box<dyn Send>,
    ) -> StoreFuture<'static, InsertOutcome>;

    /// Claims up to `most` due deliveries of a queue, and hides them until the lease ends.
    ///
    /// First bodies precede copies; among each, the delivery that has been due for longest comes
    /// first.
    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>>;

    /// Claims the next due delivery of a queue after `after`. After the last one, claims the first.
    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>>;

    /// Records how an attempt ended. Returns false, and records nothing, if a later claim has
    /// superseded the lease.
    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool>;

    /// Returns the time until the next delivery of a queue is due, by the store's clock.
    ///
    /// A claimed delivery is due when its lease ends. The result is zero if a delivery is due, and
    /// `None` if none is pending.
    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>>;

    /// Restarts the waits of a queue that began in the future, because the clock was ahead: each
    /// begins now. Returns their number.
    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64>;

    /// Returns the id of the last [`requeue`](Self::requeue) that affected a queue. Each call has a
    /// new id.
    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>>;

    /// Lists deliveries in the order of their ids, or from the last one on, behind `after`.
    fn list(
        &self,
        selection: Selection,
        order: ListOrder,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>>;

    /// Counts the selected deliveries.
    fn count(&self, selection: Selection) -> StoreFuture<'static, u64>;

    /// Returns an event and all of its deliveries.
    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>>;

    /// Makes up to `most` selected deliveries pending and due now, with their whole schedule ahead.
    /// Returns the number of deliveries that changed.
    ///
    /// `to` moves them to another queue under a new seal; a delivery whose seal does not hold is
    /// quarantined instead. Quarantined deliveries are left out unless the selection names that
    /// state. The caller checks whether their seals hold by now.
    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64>;

    /// Removes up to `most` selected deliveries, and each event that has no delivery left. Returns
    /// the number of deliveries.
    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64>;

    /// Removes up to `most` events that were delivered everywhere before this time, and as many
    /// unique values that were last seen before it and that no stored event has. Returns the number
    /// of both.
    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64>;

    /// Returns how much the store holds.
    fn stats(&self) -> StoreFuture<'static, Stats>;

    /// Writes a complete copy to a new file that only its owner may read.
    fn backup(&self, to: &Path) -> StoreFuture<'static, ()>;

    /// Stores a value under a name, such as the check value of the key, unless the name has one.
    /// Returns the name's value.
    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>>;

    /// Stores a value under a name, in place of an earlier one.
    fn set_meta(&self, name: String, value: Vec<u8>) -> StoreFuture<'static, ()>;

    /// Replaces the value of a name, or removes it, if the name still has the `expected` value; none
    /// stands for a name without a value. Returns whether it did.
    fn replace_meta(
        &self,
        name: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<'static, bool>;

    /// Returns the values whose names have this beginning, with their names, in their order.
    fn list_meta(&self, prefix: &'static str) -> StoreFuture<'static, Vec<(String, Vec<u8>)>>;

    /// Uses the login of these settings for later connections, and tries it at once. Does nothing
    /// in an engine without logins.
    fn renew_login(&self, _settings: &Settings) -> StoreFuture<'static, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Returns why the store acknowledges nothing, if it does not.
    fn outage(&self) -> Option<StoreError>;
}
