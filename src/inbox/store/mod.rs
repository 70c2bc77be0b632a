//! What an engine must do, whichever it is. Two do: SQLite (`sqlite`) for one gate, PostgreSQL (`postgres`) for several.
//! They share their tables and one suite of tests; what holds in both stands at the beginning of `inbox`.

mod admission;
mod meter;
pub(crate) mod postgres;
pub(crate) mod sqlite;
#[cfg(test)]
pub(crate) mod suite;

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tower_cartgate::EventKind;
use uuid::Uuid;

pub(crate) use meter::StoreMeter;

use super::settings::Settings;
use crate::{
    delivery::event::{
        Arrival, Claim, DeliveryState, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement,
    },
    outcome::reject_reason::NotStored,
    runtime::clock::Millis,
};

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoreError {
    /// A limit of the inbox is reached; it resumes by itself.
    #[error("the inbox is full: {0}")]
    Full(Limit),
    /// As many copies of one body are undelivered as may be.
    #[error("too many undelivered copies of one body")]
    Copies,
    /// It did not work this time: busy, unreachable, no room on the disk. Whether a commit came about may be unknown.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// A sync has failed, or something as bad: nothing more is acknowledged until a new start has looked it all over.
    #[error("the store has failed and needs a restart: {0}")]
    Failed(String),
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Limit {
    #[error("as many events as it may hold")]
    Events,
    #[error("as many bytes as it may hold")]
    Bytes,
    #[error("the disk has less free than its floor")]
    Disk,
}

impl From<&StoreError> for NotStored {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full(_) => Self::Full,
            StoreError::Copies => Self::Copies,
            StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Failed(_) => Self::Failed,
        }
    }
}

pub(crate) type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A store of events. Its futures may be dropped: what was begun goes on to its end.
pub(crate) trait Store: Send + Sync + std::fmt::Debug {
    /// Keeps an event: ready once it is committed and synced. `held` is dropped then, and not before: it holds the memory
    /// of the body.
    fn insert(&self, arrival: Arrival, held: Box<dyn Send>) -> StoreFuture<'static, InsertOutcome>;

    /// Claims up to `most` due deliveries of a queue, those of fresh bodies first, the longest due first among them; nobody else gets them before
    /// the lease ends.
    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>>;

    /// Claims the next due delivery of a queue after `after`; after the last one, the first.
    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>>;

    /// Writes down how an attempt ended; false if the lease is not the last one any more, and then nothing is written.
    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool>;

    /// How long until the next delivery of a queue is due by the store's clock, leased ones by the end of their lease: zero
    /// if one is due, none if none is pending.
    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>>;

    /// Shortens the waits of a queue that began later than now, because the clock was ahead when they
    /// began: each begins now. Returns how many.
    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64>;

    /// The id of the last [`again`](Self::again) that concerned a queue: another one each time.
    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>>;

    /// Deliveries in the order of their ids, after `after`.
    fn list(
        &self,
        selection: Selection,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>>;

    /// One event and all of its deliveries.
    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>>;

    /// Makes up to `most` of the selected deliveries pending and due now, with their whole schedule before them. `to` moves them
    /// to another queue and seals them anew; a delivery whose seal does not hold is quarantined instead. Quarantined ones stay
    /// unless that state is named; the caller checks whether their seals hold by now. Returns how many deliveries changed.
    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64>;

    /// Removes up to `most` of the selected deliveries, and each event that has none left. How many it were.
    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64>;

    /// Removes up to `most` events that were delivered everywhere before this time, and as many unique values that were last
    /// seen before it and that no stored event has. Returns how many of both went.
    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64>;

    /// What there is.
    fn stats(&self) -> StoreFuture<'static, Stats>;

    /// Writes a copy that is whole in itself to a new file, which only its owner may read.
    fn backup(&self, to: &Path) -> StoreFuture<'static, ()>;

    /// What stands under a name, such as the check value of the key: this value from now on, unless there is one already.
    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>>;

    /// Uses the login of these settings from the next connection on, where there is one, and tries it at once.
    fn renew_login(&self, _settings: &Settings) -> StoreFuture<'static, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Why it acknowledges nothing, if it does not.
    fn outage(&self) -> Option<StoreError>;
}

/// Which deliveries; what is none or empty selects by nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Selection {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) endpoint: Option<String>,
    pub(crate) queue: Option<String>,
    pub(crate) states: Vec<DeliveryState>,
    #[serde(default, with = "kind_text")]
    pub(crate) kind: Option<EventKind>,
    /// Received at this time or later.
    pub(crate) since: Option<Millis>,
    /// Received before this time.
    pub(crate) until: Option<Millis>,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) event: Uuid,
    pub(crate) queue: String,
}

impl From<&DeliveryRow> for Cursor {
    fn from(one: &DeliveryRow) -> Self {
        Self {
            event: one.event,
            queue: one.queue.clone(),
        }
    }
}

/// One delivery, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveryRow {
    pub(crate) event: Uuid,
    pub(crate) endpoint: String,
    /// The destination's name; empty where none wants it.
    pub(crate) queue: String,
    pub(crate) kind: String,
    pub(crate) state: DeliveryState,
    pub(crate) received: Millis,
    pub(crate) attempts: u32,
    /// The next attempt, for pending ones.
    pub(crate) due: Option<Millis>,
    /// When the last attempt ended, or the delivery.
    pub(crate) last: Option<Millis>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    /// The first line of the response to the last failed attempt.
    pub(crate) response: Option<String>,
    /// The same as it is stored, for the sealer to read.
    #[serde(skip)]
    pub(crate) stored_response: Option<Vec<u8>>,
    /// How many with the same body came before it.
    pub(crate) copy: u32,
    /// How many with the same body came in all.
    pub(crate) seen: u32,
    pub(crate) first_received: Millis,
    /// Bytes of the body as stored.
    pub(crate) size: u64,
    /// The delivery's own seal, for whoever opens the store; never shown.
    #[serde(skip)]
    pub(crate) seal: Vec<u8>,
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Bytes of the write-ahead log, where there is one.
    pub(crate) wal: Option<u64>,
    pub(crate) queues: Vec<QueueStats>,
}

/// What waits for one destination; the one without a name is that of no destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueStats {
    pub(crate) queue: String,
    pub(crate) pending: u64,
    pub(crate) dead: u64,
    pub(crate) quarantined: u64,
    /// When the oldest pending one was received.
    pub(crate) oldest: Option<Millis>,
}

mod kind_text {
    //! A kind as its word.

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use tower_cartgate::EventKind;

    pub(super) fn serialize<S: Serializer>(
        kind: &Option<EventKind>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        kind.map(EventKind::as_str).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<EventKind>, D::Error> {
        let word = Option::<String>::deserialize(from)?;
        let kind = word.map(|word| word.parse()).transpose();
        kind.map_err(D::Error::custom)
    }
}
