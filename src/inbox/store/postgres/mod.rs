//! The store of several gates. A thread of its own has three connections: one keeps, one claims and settles, one lists and
//! changes. So commits belong to nobody's request, and a long list is in nobody's way.

mod change;
mod claim;
mod columns;
pub(crate) mod counters;
mod fault;
pub(crate) mod insert;
pub(crate) mod insert_worker;
pub(crate) mod job_queue;
mod known;
mod list;
mod open_error;
mod pooler;
mod row;
mod schema;
mod session;
mod settle;
pub(crate) mod settle_worker;
mod target;
#[cfg(test)]
mod tests;
mod time;
mod tls;
mod url;
pub(crate) mod worker;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::spawn_blocking,
};
use tower_cartgate::Secret;
use uuid::Uuid;

use insert_worker::{Keep, Keeper};
use job_queue::{Desk, desk};
pub(crate) use open_error::OpenError;
use open_error::Why;
use session::Session;
use settle_worker::{Clerk, Settle, Task};
use target::{Current, Target};
pub(crate) use url::UrlError;
use worker::{Lane, Trouble};

use super::{Cursor, DeliveryRow, Selection, Stats, Store, StoreError, StoreFuture, StoreMeter};

use crate::{
    delivery::{
        event::{Arrival, Claim, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement},
        seal::DeliverySeals,
    },
    inbox::settings::{Limits, Settings, StoreAddress},
    runtime::{
        background::with_runtime,
        clock::{Clock, Millis},
    },
};

/// How long a statement may take: what a request or a delivery waits for, and what an operator or a scrape asks.
const PATIENCE: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(60);

/// Longer than any gate runs.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A store in PostgreSQL. Dropped, what was begun is brought to its end.
pub(crate) struct Postgres {
    clock: Clock,
    seals: DeliverySeals,
    target: Arc<Current>,
    shard: i32,
    keeps: Desk<Keep>,
    turns: Desk<Task>,
    errands: Desk<Task>,
}

/// Judges a URL by its text.
///
/// # Errors
///
/// When it could not work, or would carry the password in clear text beyond this machine.
pub(crate) fn check_url(url: &str, has_ca_file: bool) -> Result<(), UrlError> {
    url::settings(url, has_ca_file).map(drop)
}

/// Judges everything that [`open`] needs of this machine, without connecting.
///
/// # Errors
///
/// When the URL cannot be used, or the authorities cannot be read.
pub(crate) fn check(address: &str, ca_file: Option<&Path>) -> Result<(), OpenError> {
    Ok(Target::new(address, None, ca_file).map(drop)?)
}

/// Opens the store in a database, and makes its tables if they are not there.
pub(crate) async fn open(
    address: &str,
    password: Option<&Secret>,
    ca_file: Option<&Path>,
    limits: &Limits,
    seals: DeliverySeals,
    clock: Clock,
    meter: Arc<StoreMeter>,
) -> Result<Arc<dyn Store>, OpenError> {
    let target = Target::new(address, password, ca_file)?;
    let target = Arc::new(Current::from_pointee(target));
    // Two rows of the totals for each gate, drawn so that gates rarely share one; where they do, they wait for each other.
    let chance = Uuid::now_v7().into_bytes();
    let shard = i32::from(u16::from_be_bytes([chance[14], chance[15]]) & 0x3ff) * 4;
    let ((keeps, kept), (turns, turned), (errands, run)) = (desk(), desk(), desk());
    let store = Postgres {
        clock: clock.clone(),
        seals: seals.clone(),
        target: Arc::clone(&target),
        shard,
        keeps,
        turns,
        errands,
    };
    let keeper = Keeper {
        limits: *limits,
        seals,
        clock: clock.clone(),
        meter,
        shard,
        usage: None,
    };
    let clerk = |shard| Clerk {
        clock: clock.clone(),
        shard,
    };
    let (turning, running) = (clerk(shard + 1), clerk(shard + 2));
    let lane = |trouble: &Trouble, patience| Lane {
        target: Arc::clone(&target),
        patience,
        trouble: trouble.clone(),
    };
    let lanes = (
        lane(&store.keeps.trouble, PATIENCE),
        lane(&store.turns.trouble, PATIENCE),
        lane(&store.errands.trouble, LONG),
    );
    start(target, move |sessions| async move {
        let [first, second, third] = sessions;
        tokio::join!(
            lanes.0.run(keeper, first, kept),
            lanes.1.run(turning, second, turned),
            lanes.2.run(running, third, run),
        );
    })
    .await?;
    Ok(Arc::new(store))
}

/// Runs the lanes on a thread of their own, once the database is found to be fit.
async fn start<F: Future<Output = ()>>(
    target: Arc<Current>,
    lanes: impl FnOnce([Session; 3]) -> F + Send + 'static,
) -> Result<(), Why> {
    let (ready, opened) = oneshot::channel();
    // One thread for look-ups, started now and kept: tokio panics if it needs one and the system has none.
    let build = || {
        Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_keep_alive(FOR_EVER)
            .build()
    };
    let work = move |runtime: Runtime| {
        runtime.block_on(async move {
            let _ = spawn_blocking(|| ()).await;
            match prepared(&target.load()).await {
                Ok(sessions) => {
                    // Whoever opened it may have given up; then no work will ever come.
                    let _ = ready.send(Ok(()));
                    lanes(sessions).await;
                }
                Err(why) => drop(ready.send(Err(why))),
            }
        });
    };
    with_runtime("cartgate-store".to_owned(), build, work).map_err(Why::Thread)?;
    opened.await.unwrap_or(Err(Why::Silent))
}

async fn prepared(target: &Target) -> Result<[Session; 3], Why> {
    let first = Session::open(target, PATIENCE).await?;
    let second = Session::open(target, PATIENCE).await?;
    let third = Session::open(target, LONG).await?;
    pooler::detect([&first, &second, &third]).await?;
    schema::prepare(&first).await?;
    schema::warn(&first).await?;
    Ok([first, second, third])
}

/// Has the next connection use the password and the authority of these settings, and tries them. Open sessions stay.
async fn renew(current: &Current, settings: &Settings) -> Result<(), Why> {
    let StoreAddress::Postgres(address) = &settings.store else {
        return Ok(());
    };
    let (password, ca_file) = (settings.password.as_ref(), settings.ca_file.as_deref());
    let target = Arc::new(Target::new(address, password, ca_file)?);
    // The file of an authority may have changed without its name.
    let is_known = current.load().config == target.config && ca_file.is_none();
    current.store(Arc::clone(&target));
    if !is_known {
        // Not even a server that is away keeps the new login from being used.
        Session::open(&target, PATIENCE).await?;
    }
    Ok(())
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Store for Postgres {
    fn insert(&self, arrival: Arrival, held: Box<dyn Send>) -> StoreFuture<'static, InsertOutcome> {
        let (answer, answered) = oneshot::channel();
        let keep = Keep {
            arrival,
            held,
            answer,
        };
        self.keeps.hand_in(keep, answered)
    }

    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>> {
        let (queue, clock) = (Arc::clone(queue), self.clock.clone());
        self.turns.errand(move |session| {
            Box::pin(
                async move { claim::claim(session, &queue, most, lease, time::said(&clock)).await },
            )
        })
    }

    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        let (queue, now) = (Arc::clone(queue), time::said(&self.clock));
        self.turns.errand(move |session| {
            Box::pin(async move { claim::claim_next(session, &queue, after, lease, now).await })
        })
    }

    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool> {
        let (answer, answered) = oneshot::channel();
        let settle = Settle {
            lease,
            settlement,
            answer,
        };
        self.turns.hand_in(Task::Settle(settle), answered)
    }

    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        let (queue, clock) = (Arc::clone(queue), self.clock.clone());
        self.turns.errand(move |session| {
            Box::pin(async move { claim::next_due(session, &queue, time::said(&clock)).await })
        })
    }

    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64> {
        let (queue, now) = (Arc::clone(queue), time::said(&self.clock));
        self.errands.errand(move |session| {
            Box::pin(async move { claim::correct_due(session, &queue, now).await })
        })
    }

    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        let queue = Arc::clone(queue);
        self.turns.errand(move |session| {
            Box::pin(async move { change::last_requeue(session, &queue).await })
        })
    }

    fn list(
        &self,
        selection: Selection,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>> {
        self.errands.errand(move |session| {
            Box::pin(async move { list::list(session, &selection, after.as_ref(), most).await })
        })
    }

    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>> {
        self.errands
            .errand(move |session| Box::pin(list::show(session, id)))
    }

    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64> {
        let (now, shard) = (time::said(&self.clock), self.shard + 2);
        let seals = self.seals.clone();
        self.errands.errand(move |session| {
            Box::pin(async move {
                let to = to.as_ref().map(|to| (to, &seals));
                change::requeue(session, selection, to, most, now, shard).await
            })
        })
    }

    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64> {
        let shard = self.shard + 2;
        self.errands.errand(move |session| {
            Box::pin(async move { change::purge(session, &selection, most, shard).await })
        })
    }

    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64> {
        let shard = self.shard + 2;
        self.errands
            .errand(move |session| Box::pin(change::sweep(session, before, most, shard)))
    }

    fn stats(&self) -> StoreFuture<'static, Stats> {
        self.errands
            .errand(|session| Box::pin(list::stats(session)))
    }

    fn backup(&self, _to: &Path) -> StoreFuture<'static, ()> {
        let words = "PostgreSQL is backed up by its own means, such as pg_dump";
        Box::pin(async move { Err(StoreError::Unavailable(words.to_owned())) })
    }

    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>> {
        self.errands.errand(move |session| {
            Box::pin(async move { counters::init_meta(session, name, &value).await })
        })
    }

    fn renew_login(&self, settings: &Settings) -> StoreFuture<'static, ()> {
        let (current, settings) = (Arc::clone(&self.target), settings.clone());
        Box::pin(async move {
            let renewed = renew(&current, &settings).await;
            renewed.map_err(|why| StoreError::Unavailable(why.to_string()))
        })
    }

    fn outage(&self) -> Option<StoreError> {
        self.keeps.trouble.error()
    }
}
