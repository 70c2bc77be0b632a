//! Opens an SQLite store, and hands each operation to the thread that carries it out.

use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::{
    claim,
    committer::Committer,
    connection, count, due, file, insert, list, meta,
    open_error::{OpenError, OpenErrorKind},
    open_files::OpenFiles,
    path::with_suffix,
    purge,
    reader::Reader,
    recovery, requeue, retention, schema, settle, stamp, stats,
    tx::Tx,
    writer::Writer,
    writer_loop::WriterLoop,
};
use crate::{
    delivery::{
        event::{Arrival, Claim, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement},
        seal::DeliverySeals,
    },
    inbox::{
        settings::Limits,
        store::{
            contract::{Store, StoreFuture},
            delivery_row::{Cursor, DeliveryRow},
            error::StoreError,
            list_order::ListOrder,
            meter::StoreMeter,
            selection::Selection,
            stats::Stats,
        },
    },
    runtime::clock::{Clock, Millis},
};

/// Rows that one job of a requeue, purge or sweep changes, so that an arrival waits for no more
/// than these.
const MAX_ROWS_PER_JOB: usize = 128;

/// Bytes of bodies and heads that one such job removes. SQLite overwrites each page that becomes
/// free, so the log grows by as much, and must fit even on a disk that the inbox has nearly filled.
const MAX_REMOVED_PER_JOB: u64 = 1 << 20;

/// A store in an SQLite file. When it is dropped, it completes the operations that have begun, and
/// closes the file.
pub(super) struct SqliteStore {
    file: PathBuf,
    clock: Clock,
    /// Runs frequent queries that an index answers.
    pub(super) quick_reader: Arc<Reader>,
    /// Runs queries that walk over many rows.
    slow_reader: Arc<Reader>,
    open_files: Arc<OpenFiles>,
    // Dropped last, because the log can be emptied only when no connection reads.
    pub(super) writer: Arc<Writer>,
}

/// Opens the store in a file, or creates it. Blocks while it checks a store that was not closed.
pub(crate) fn open(
    file: &Path,
    limits: &Limits,
    seals: DeliverySeals,
    clock: Clock,
    meter: Arc<StoreMeter>,
) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(SqliteStore::open(
        file, limits, seals, clock, meter,
    )?))
}

impl SqliteStore {
    pub(super) fn open(
        file: &Path,
        limits: &Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> Result<Self, OpenError> {
        let locked = file::lock(file)?;
        let opened = Self::open_locked(locked, limits, seals, clock, meter);
        opened.map_err(|kind| kind.at(file))
    }

    fn open_locked(
        locked: file::LockedFile,
        limits: &Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> Result<Self, OpenErrorKind> {
        use OpenErrorKind::{Access, Moved};
        let file = locked.path.clone();
        stamp::check(&locked)?;
        recovery::announce(&locked);
        let mut db = connection::open_writer(&file)?;
        schema::prepare(&mut db)?;
        recovery::recover(&db, &locked, clock.now())?;
        let open_files = Arc::new(OpenFiles::record(&locked).map_err(Access)?);
        let reader = || Reader::start(connection::open_reader(&file)?).map_err(Access);
        let (quick_reader, slow_reader) = (reader()?, reader()?);
        open_files.check().map_err(|_| Moved)?;
        let files = Arc::clone(&open_files);
        let committer =
            Committer::new(&mut db, locked, files, limits, seals, clock.clone(), meter)?;
        let writer = Writer::start(WriterLoop::new(db, committer)).map_err(Access)?;
        Ok(Self {
            file,
            clock,
            quick_reader,
            slow_reader,
            open_files,
            writer: Arc::new(writer),
        })
    }

    /// Makes a store whose threads a simulation replaces.
    #[cfg(test)]
    pub(super) fn simulated(clock: Clock, readers: [Arc<Reader>; 2], writer: Writer) -> Self {
        let [quick_reader, slow_reader] = readers;
        Self {
            file: PathBuf::new(),
            clock,
            quick_reader,
            slow_reader,
            open_files: Arc::new(OpenFiles::none()),
            writer: Arc::new(writer),
        }
    }

    /// Applies `change` to each row that a reader found, in several jobs. Returns the number of
    /// changed rows.
    fn change<R: Send + Sync + 'static>(
        &self,
        found: StoreFuture<'static, Vec<R>>,
        change: impl Fn(&mut Tx<'_>, &R) -> rusqlite::Result<bool> + Copy + Send + 'static,
    ) -> StoreFuture<'static, u64> {
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            let mut left = VecDeque::from(found.await?);
            let mut changed = 0;
            while !left.is_empty() {
                let job = writer.submit(move |tx| Ok(change_some(tx, left, change)?));
                let (done, rest) = job.await?;
                changed += done;
                left = rest;
            }
            Ok(changed)
        })
    }
}

/// Changes rows up to the limits of a job. Returns the number of changed rows, and the rows that
/// are left.
fn change_some<R>(
    tx: &mut Tx<'_>,
    mut rows: VecDeque<R>,
    change: impl Fn(&mut Tx<'_>, &R) -> rusqlite::Result<bool>,
) -> rusqlite::Result<(u64, VecDeque<R>)> {
    let before = tx.usage.bytes;
    let mut changed = 0;
    for _ in 0..MAX_ROWS_PER_JOB {
        if before.saturating_sub(tx.usage.bytes) >= MAX_REMOVED_PER_JOB {
            break;
        }
        let Some(row) = rows.pop_front() else {
            break;
        };
        changed += u64::from(change(tx, &row)?);
    }
    Ok((changed, rows))
}

impl Store for SqliteStore {
    fn insert(
        &self,
        arrival: Arrival,
        memory: Box<dyn Send>,
    ) -> StoreFuture<'static, InsertOutcome> {
        let weight = arrival.event.head.len() + arrival.event.body.len();
        self.writer.submit_now(weight, memory, move |tx| {
            tx.accept_arrivals()?;
            insert::insert(tx, &arrival)
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
            .submit(move |tx| claim::claim(tx, &queue, most, lease))
    }

    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        let queue = Arc::clone(queue);
        self.writer
            .submit(move |tx| claim::claim_next(tx, &queue, after, lease))
    }

    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool> {
        self.writer
            .submit(move |tx| Ok(settle::settle(tx, &lease, &settlement)?))
    }

    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        let (queue, clock) = (Arc::clone(queue), self.clock.clone());
        self.quick_reader
            .query(move |db| due::next_due(db, &queue, &clock))
    }

    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64> {
        let (queue, now) = (Arc::clone(queue), self.clock.now());
        let early = self
            .slow_reader
            .query(move |db| due::find_early(db, &queue, now));
        self.change(early, due::correct)
    }

    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        let queue = Arc::clone(queue);
        self.quick_reader
            .query(move |db| meta::last_requeue(db, &queue))
    }

    fn list(
        &self,
        selection: Selection,
        order: ListOrder,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>> {
        self.slow_reader
            .query(move |db| list::list(db, &selection, order, after.as_ref(), most))
    }

    fn count(&self, selection: Selection) -> StoreFuture<'static, u64> {
        self.slow_reader
            .query(move |db| count::count(db, &selection))
    }

    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>> {
        self.quick_reader.query(move |db| list::show(db, id))
    }

    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64> {
        let found = self
            .slow_reader
            .query(move |db| requeue::find_retriable(db, selection, to.as_ref(), most));
        self.change(found, requeue::requeue)
    }

    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64> {
        let found = self
            .slow_reader
            .query(move |db| purge::find(db, &selection, most));
        self.change(found, purge::purge)
    }

    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64> {
        let events = self
            .slow_reader
            .query(move |db| retention::find_events(db, before, most));
        let events = self.change(events, retention::remove_event);
        let marks = self
            .slow_reader
            .query(move |db| retention::find_marks(db, before, most));
        let marks = self.change(marks, retention::remove_mark);
        Box::pin(async move { Ok(events.await? + marks.await?) })
    }

    fn stats(&self) -> StoreFuture<'static, Stats> {
        let wal = with_suffix(&self.file, "-wal");
        self.slow_reader.query(move |db| stats::stats(db, &wal))
    }

    fn backup(&self, to: &Path) -> StoreFuture<'static, ()> {
        self.writer.backup(to)
    }

    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>> {
        self.writer
            .submit(move |tx| Ok(meta::init(tx, name, &value)?))
    }

    fn set_meta(&self, name: String, value: Vec<u8>) -> StoreFuture<'static, ()> {
        self.writer.submit(move |tx| meta::set(tx, &name, &value))
    }

    fn replace_meta(
        &self,
        name: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<'static, bool> {
        self.writer
            .submit(move |tx| meta::replace(tx, &name, expected.as_deref(), value.as_deref()))
    }

    fn list_meta(&self, prefix: &'static str) -> StoreFuture<'static, Vec<(String, Vec<u8>)>> {
        self.slow_reader.query(move |db| meta::list(db, prefix))
    }

    fn outage(&self) -> Option<StoreError> {
        let outage = self.writer.outage();
        outage.or_else(|| self.open_files.check().err())
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.file).finish()
    }
}
