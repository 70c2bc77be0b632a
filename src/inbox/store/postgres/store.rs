//! Hands each operation to the connection that carries it out.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    claim, count, due,
    insert_worker::InsertJob,
    job_queue::JobQueue,
    list, meta,
    open_error::OpenErrorKind,
    purge,
    requeue::{self, Move},
    retention,
    session::{STATEMENT_TIMEOUT, Session},
    settle_worker::{SettleJob, Task},
    stats,
    target::{SharedTarget, Target},
    time::manual_now,
};
use crate::{
    delivery::{
        event::{Arrival, Claim, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement},
        seal::DeliverySeals,
    },
    inbox::{
        settings::{Settings, StoreAddress},
        store::{
            contract::{Store, StoreFuture},
            delivery_row::{Cursor, DeliveryRow},
            error::StoreError,
            list_order::ListOrder,
            selection::Selection,
            stats::Stats,
        },
    },
    runtime::clock::{Clock, Millis},
};

/// A store in PostgreSQL. When it is dropped, its thread completes the jobs that have begun.
pub(super) struct PostgresStore {
    pub(super) clock: Clock,
    pub(super) seals: DeliverySeals,
    pub(super) target: Arc<SharedTarget>,
    /// The row of the totals for the connection of `queries`.
    pub(super) shard: i32,
    pub(super) inserts: JobQueue<InsertJob>,
    /// Jobs of the dispatcher.
    pub(super) claims: JobQueue<Task>,
    /// Jobs of operators, metrics and retention.
    pub(super) queries: JobQueue<Task>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl Store for PostgresStore {
    fn insert(
        &self,
        arrival: Arrival,
        memory: Box<dyn Send>,
    ) -> StoreFuture<'static, InsertOutcome> {
        let (reply, result) = oneshot::channel();
        let job = InsertJob {
            arrival,
            memory,
            reply,
        };
        self.inserts.submit(job, result)
    }

    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>> {
        let (queue, clock) = (Arc::clone(queue), self.clock.clone());
        self.claims.query(move |session| {
            Box::pin(
                async move { claim::claim(session, &queue, most, lease, manual_now(&clock)).await },
            )
        })
    }

    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        let (queue, now) = (Arc::clone(queue), manual_now(&self.clock));
        self.claims.query(move |session| {
            Box::pin(async move { claim::claim_next(session, &queue, after, lease, now).await })
        })
    }

    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool> {
        let (reply, result) = oneshot::channel();
        let job = SettleJob {
            lease,
            settlement,
            reply,
        };
        self.claims.submit(Task::Settle(job), result)
    }

    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        let (queue, clock) = (Arc::clone(queue), self.clock.clone());
        self.claims.query(move |session| {
            Box::pin(async move { due::next_due(session, &queue, manual_now(&clock)).await })
        })
    }

    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64> {
        let (queue, now) = (Arc::clone(queue), manual_now(&self.clock));
        self.queries.query(move |session| {
            Box::pin(async move { due::correct_due(session, &queue, now).await })
        })
    }

    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        let queue = Arc::clone(queue);
        self.claims.query(move |session| {
            Box::pin(async move { meta::last_requeue(session, &queue).await })
        })
    }

    fn list(
        &self,
        selection: Selection,
        order: ListOrder,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>> {
        self.queries.query(move |session| {
            Box::pin(
                async move { list::list(session, &selection, order, after.as_ref(), most).await },
            )
        })
    }

    fn count(&self, selection: Selection) -> StoreFuture<'static, u64> {
        self.queries
            .query(move |session| Box::pin(async move { count::count(session, &selection).await }))
    }

    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>> {
        self.queries
            .query(move |session| Box::pin(list::show(session, id)))
    }

    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64> {
        let (now, shard) = (manual_now(&self.clock), self.shard);
        let seals = self.seals.clone();
        self.queries.query(move |session| {
            Box::pin(async move {
                let to = to.as_deref().map(|to| Move { to, seals: &seals });
                requeue::requeue(session, selection, to, most, now, shard).await
            })
        })
    }

    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64> {
        let shard = self.shard;
        self.queries.query(move |session| {
            Box::pin(async move { purge::purge(session, &selection, most, shard).await })
        })
    }

    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64> {
        let shard = self.shard;
        self.queries
            .query(move |session| Box::pin(retention::sweep(session, before, most, shard)))
    }

    fn stats(&self) -> StoreFuture<'static, Stats> {
        self.queries
            .query(|session| Box::pin(stats::stats(session)))
    }

    fn backup(&self, _to: &Path) -> StoreFuture<'static, ()> {
        let text = "back PostgreSQL up by its own means, such as pg_dump";
        Box::pin(async move { Err(StoreError::Unavailable(text.to_owned())) })
    }

    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>> {
        self.queries
            .query(move |session| Box::pin(async move { meta::init(session, name, &value).await }))
    }

    fn set_meta(&self, name: String, value: Vec<u8>) -> StoreFuture<'static, ()> {
        self.queries
            .query(move |session| Box::pin(async move { meta::set(session, &name, &value).await }))
    }

    fn replace_meta(
        &self,
        name: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<'static, bool> {
        self.queries.query(move |session| {
            Box::pin(async move {
                meta::replace(session, &name, expected.as_deref(), value.as_deref()).await
            })
        })
    }

    fn list_meta(&self, prefix: &'static str) -> StoreFuture<'static, Vec<(String, Vec<u8>)>> {
        self.queries
            .query(move |session| Box::pin(meta::list(session, prefix)))
    }

    fn renew_login(&self, settings: &Settings) -> StoreFuture<'static, ()> {
        let (target, settings) = (Arc::clone(&self.target), settings.clone());
        Box::pin(async move {
            let renewed = renew_login(&target, &settings).await;
            renewed.map_err(|error| StoreError::Unavailable(error.to_string()))
        })
    }

    fn outage(&self) -> Option<StoreError> {
        self.inserts.outage.error()
    }
}

/// Uses the password and the authority of these settings for the next connection, and tries them.
/// Open sessions stay.
async fn renew_login(shared: &SharedTarget, settings: &Settings) -> Result<(), OpenErrorKind> {
    let StoreAddress::Postgres(address) = &settings.store else {
        return Ok(());
    };
    let (password, ca_file) = (settings.password.as_ref(), settings.ca_file.as_deref());
    let target = Arc::new(Target::new(address, password, ca_file)?);
    // The content of a CA file may have changed under the same name.
    let is_known = shared.load().config == target.config && ca_file.is_none();
    shared.store(Arc::clone(&target));
    if !is_known {
        // Later connections use the new login even if the server is down now.
        Session::open(&target, STATEMENT_TIMEOUT).await?;
    }
    Ok(())
}
