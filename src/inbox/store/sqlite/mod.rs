//! The store of one gate: an SQLite file in WAL mode, with one thread that writes and two that read.

mod backup;
mod batch;
mod change;
mod check;
mod claim;
mod connection;
mod fault;
mod file;
mod free_pages;
mod identity;
pub(crate) mod insert;
mod job;
mod list;
mod log;

mod open_error;
mod reader;
mod recovery;
mod row;
mod schema;
mod settle;
mod space;
mod stamp;
mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod tx;
mod writer;

use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use self::{batch::Desk, file::beside, identity::Identity, reader::Reader, writer::Writer};
pub(crate) use self::{
    check::{check, read_meta},
    open_error::{OpenError, Why},
};
use super::{Cursor, DeliveryRow, Selection, Stats, Store, StoreError, StoreFuture, StoreMeter};
use crate::{
    delivery::{
        event::{Arrival, Claim, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement},
        seal::DeliverySeals,
    },
    inbox::settings::Limits,
    runtime::clock::{Clock, Millis},
};

/// Rows that `again`, `purge` and `sweep` change in one go, so that what comes in waits for no more than these.
const CHANGED_AT_ONCE: usize = 128;

/// Bytes of bodies and heads that they remove in one go. Each page that becomes free is overwritten, and so takes as much of the
/// log, which must fit even on a disk that the inbox has nearly filled.
const REMOVED_AT_ONCE: u64 = 1 << 20;

/// Dropped, it ends what was begun, and closes.
struct Sqlite {
    file: PathBuf,
    clock: Clock,
    /// For what is asked all the time and found by an index.
    quick: Arc<Reader>,
    /// For what walks over many rows.
    slow: Arc<Reader>,
    identity: Arc<Identity>,
    // The last to go: only when nobody reads, the log can be emptied.
    writer: Arc<Writer>,
}

/// Opens the store in a file, or makes it. Blocks for as long as it takes to look the store over, where it was not closed.
pub(crate) fn open(
    file: &Path,
    limits: &Limits,
    seals: DeliverySeals,
    clock: Clock,
    meter: Arc<StoreMeter>,
) -> Result<Arc<dyn Store>, OpenError> {
    let taken = file::take(file)?;
    match Sqlite::open(taken, limits, seals, clock, meter) {
        Ok(store) => Ok(Arc::new(store)),
        Err(why) => Err(why.of(file)),
    }
}

impl Sqlite {
    fn open(
        taken: file::Taken,
        limits: &Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> Result<Self, Why> {
        let file = taken.file.clone();
        stamp::check(&taken)?;
        recovery::announce(&taken);
        let mut db = connection::writing(&file)?;
        schema::prepare(&mut db)?;
        recovery::recover(&db, &taken, clock.now())?;
        let identity = Arc::new(Identity::record(&taken).map_err(Why::Access)?);
        let reader = || Reader::start(connection::reading(&file)?).map_err(Why::Access);
        let (quick, slow) = (reader()?, reader()?);
        identity.check().map_err(|_| Why::Moved)?;
        let desk = Desk::new(
            db,
            taken,
            Arc::clone(&identity),
            limits,
            seals,
            clock.clone(),
            meter,
        )?;
        Ok(Self {
            quick,
            slow,
            writer: Arc::new(Writer::start(desk).map_err(Why::Access)?),
            identity,
            clock,
            file,
        })
    }

    /// Applies `change` to each of the rows that a reader found, in pieces; returns how many it changed.
    fn change<R: Send + Sync + 'static>(
        &self,
        found: StoreFuture<'static, Vec<R>>,
        change: impl Fn(&mut tx::Books<'_>, &R) -> rusqlite::Result<bool> + Copy + Send + 'static,
    ) -> StoreFuture<'static, u64> {
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            let mut left = VecDeque::from(found.await?);
            let mut changed = 0;
            while !left.is_empty() {
                let piece = writer.wait_for(move |books| Ok(change_piece(books, left, change)?));
                let (done, rest) = piece.await?;
                changed += done;
                left = rest;
            }
            Ok(changed)
        })
    }
}

/// Changes rows until the piece is large enough; returns how many were changed, and the rows that are left.
fn change_piece<R>(
    books: &mut tx::Books<'_>,
    mut rows: VecDeque<R>,
    change: impl Fn(&mut tx::Books<'_>, &R) -> rusqlite::Result<bool>,
) -> rusqlite::Result<(u64, VecDeque<R>)> {
    let before = books.usage.bytes;
    let mut changed = 0;
    for _ in 0..CHANGED_AT_ONCE {
        if before.saturating_sub(books.usage.bytes) >= REMOVED_AT_ONCE {
            break;
        }
        let Some(row) = rows.pop_front() else {
            break;
        };
        changed += u64::from(change(books, &row)?);
    }
    Ok((changed, rows))
}

impl Store for Sqlite {
    fn insert(&self, arrival: Arrival, held: Box<dyn Send>) -> StoreFuture<'static, InsertOutcome> {
        let weight = arrival.event.head.len() + arrival.event.body.len();
        self.writer.hand_over(weight, held, move |books| {
            books.is_open()?;
            insert::insert(books, &arrival)
        })
    }

    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>> {
        let queue = Arc::clone(queue);
        self.writer
            .wait_for(move |books| claim::claim(books, &queue, most, lease))
    }

    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        let queue = Arc::clone(queue);
        self.writer
            .wait_for(move |books| claim::claim_next(books, &queue, after, lease))
    }

    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool> {
        self.writer
            .wait_for(move |books| Ok(settle::settle(books, &lease, &settlement)?))
    }

    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        let (queue, clock) = (Arc::clone(queue), self.clock.clone());
        self.quick
            .ask(move |db| claim::next_due(db, &queue, &clock))
    }

    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64> {
        let (queue, now) = (Arc::clone(queue), self.clock.now());
        let found = self
            .slow
            .ask(move |db| change::begun_later(db, &queue, now));
        self.change(found, change::correct_due)
    }

    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        let queue = Arc::clone(queue);
        self.quick.ask(move |db| change::last_requeue(db, &queue))
    }

    fn list(
        &self,
        selection: Selection,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>> {
        self.slow
            .ask(move |db| list::list(db, &selection, after.as_ref(), most))
    }

    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>> {
        self.quick.ask(move |db| list::show(db, id))
    }

    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64> {
        let moved = to.clone();
        let found = self
            .slow
            .ask(move |db| change::retriable(db, selection, moved.as_ref(), most));
        self.change(found, change::requeue)
    }

    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64> {
        let found = self.slow.ask(move |db| change::found(db, &selection, most));
        self.change(found, change::purge)
    }

    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64> {
        let found = self.slow.ask(move |db| change::over(db, before, most));
        let swept = self.change(found, change::sweep);
        let found = self.slow.ask(move |db| change::unused(db, before, most));
        let forgotten = self.change(found, change::forget);
        Box::pin(async move { Ok(swept.await? + forgotten.await?) })
    }

    fn stats(&self) -> StoreFuture<'static, Stats> {
        let log = beside(&self.file, "-wal");
        self.slow.ask(move |db| list::stats(db, &log))
    }

    fn backup(&self, to: &Path) -> StoreFuture<'static, ()> {
        self.writer.back_up(to)
    }

    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>> {
        self.writer
            .wait_for(move |books| Ok(books.init_meta(name, &value)?))
    }

    fn outage(&self) -> Option<StoreError> {
        let outage = self.writer.outage();
        outage.or_else(|| self.identity.check().err())
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.file).finish()
    }
}
