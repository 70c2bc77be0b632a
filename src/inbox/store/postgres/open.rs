//! Opens a PostgreSQL store: checks the database, and starts the thread with its connections.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::spawn_blocking,
};
use tower_cartgate::Secret;
use uuid::Uuid;

use super::{
    insert_worker::InsertWorker,
    open_error::{OpenError, OpenErrorKind},
    pooler, schema,
    session::{LONG_STATEMENT_TIMEOUT, STATEMENT_TIMEOUT, Session},
    settle_worker::SettleWorker,
    store::PostgresStore,
    target::{SharedTarget, Target},
    worker_loop::WorkerLoop,
};
use crate::{
    delivery::seal::DeliverySeals,
    inbox::{
        settings::Limits,
        store::{contract::Store, meter::StoreMeter},
    },
    runtime::{background::with_runtime, clock::Clock},
};

/// Longer than any gate runs.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Opens the store in a database, and creates its tables if there are none.
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
    let target = Arc::new(SharedTarget::from_pointee(target));
    let shard = random_shard();
    let insert_worker = InsertWorker::new(*limits, seals.clone(), clock.clone(), meter, shard);
    let claim_worker = SettleWorker::new(clock.clone(), shard + 1);
    let query_worker = SettleWorker::new(clock.clone(), shard + 2);
    let (inserts, insert_loop) = WorkerLoop::new(&target, STATEMENT_TIMEOUT);
    let (claims, claim_loop) = WorkerLoop::new(&target, STATEMENT_TIMEOUT);
    let (queries, query_loop) = WorkerLoop::new(&target, LONG_STATEMENT_TIMEOUT);
    start(Arc::clone(&target), move |sessions| async move {
        let [first, second, third] = sessions;
        tokio::join!(
            insert_loop.run(insert_worker, first),
            claim_loop.run(claim_worker, second),
            query_loop.run(query_worker, third),
        );
    })
    .await?;
    Ok(Arc::new(PostgresStore {
        clock,
        seals,
        target,
        shard: shard + 2,
        inserts,
        claims,
        queries,
    }))
}

/// Draws the first of the rows of the totals that this gate writes, one for each connection.
///
/// Gates rarely draw the same one. If they do, they wait for each other.
fn random_shard() -> i32 {
    let random = Uuid::now_v7().into_bytes();
    i32::from(u16::from_be_bytes([random[14], random[15]]) & 0x3ff) * 4
}

/// Runs the workers on a thread of their own, once the database has passed its checks.
async fn start<F: Future<Output = ()>>(
    target: Arc<SharedTarget>,
    workers: impl FnOnce([Session; 3]) -> F + Send + 'static,
) -> Result<(), OpenErrorKind> {
    let (ready, opened) = oneshot::channel();
    // One thread for name look-ups, started now and kept: tokio panics if it needs one and the
    // system has none.
    let build = || {
        Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_keep_alive(FOREVER)
            .build()
    };
    let work = move |runtime: Runtime| {
        runtime.block_on(async move {
            let _ = spawn_blocking(|| ()).await;
            match connect(&target.load()).await {
                Ok(sessions) => {
                    // If the caller is gone, no job will ever come.
                    let _ = ready.send(Ok(()));
                    workers(sessions).await;
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
    };
    with_runtime("cartgate-store".to_owned(), build, work).map_err(OpenErrorKind::Thread)?;
    opened.await.unwrap_or(Err(OpenErrorKind::Silent))
}

async fn connect(target: &Target) -> Result<[Session; 3], OpenErrorKind> {
    let first = Session::open(target, STATEMENT_TIMEOUT).await?;
    let second = Session::open(target, STATEMENT_TIMEOUT).await?;
    let third = Session::open(target, LONG_STATEMENT_TIMEOUT).await?;
    pooler::detect([&first, &second, &third]).await?;
    schema::prepare(&first).await?;
    schema::warn_of_unsafe_settings(&first).await?;
    Ok([first, second, third])
}
