//! The suite over a real PostgreSQL, and the tests of a shared server.

mod concurrent;
mod lost_server;
mod opening;
mod plan;
#[path = "../../../../../tests/servers/mod.rs"]
#[allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "shared with the drills, which need more of it, and wait on threads of their own"
)]
mod servers;
mod speed;
mod unusable_session;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use tower_cartgate::Secret;
use uuid::Uuid;

use super::{OpenError, open};
use crate::{
    delivery::event::{Arrival, Subscribers},
    inbox::{
        settings::Limits,
        store::{
            Store, StoreError, StoreMeter,
            suite::{Fixture, LIMITS, START, arrival, seals, suite},
        },
    },
    runtime::clock::Clock,
};
use servers::postgres::Postgres;

suite!(fixture, ignore = "needs PostgreSQL: make test runs it");

/// Opens a store in a database of its own, on a server that all tests share.
async fn fixture() -> (Fixture, Arc<Postgres>) {
    let server = Postgres::shared();
    let clock = Clock::manual(START);
    let meter = Arc::<StoreMeter>::default();
    let store = open_with(&database(&server), LIMITS, &clock, &meter).await;
    let fixture = Fixture {
        store,
        clock,
        meter,
    };
    (fixture, server)
}

/// A database of its own, for tests of the layers above.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    _server: Arc<Postgres>,
}

impl TestDatabase {
    pub(crate) fn create() -> Self {
        let server = Postgres::shared();
        Self {
            url: database(&server),
            _server: server,
        }
    }

    /// Runs statements by hand.
    pub(crate) fn run(&self, statements: &str) {
        Postgres::ask(&self.url, statements).expect("they run");
    }
}

/// Creates a database. Returns its URL.
fn database(server: &Postgres) -> String {
    static CREATED: AtomicU32 = AtomicU32::new(0);
    server.database(&format!("inbox{}", CREATED.fetch_add(1, SeqCst)))
}

async fn open_with(
    url: &str,
    limits: Limits,
    clock: &Clock,
    meter: &Arc<StoreMeter>,
) -> Arc<dyn Store> {
    let (clock, meter) = (clock.clone(), Arc::clone(meter));
    let opening = open(url, None, None, &limits, seals(), clock, meter);
    opening.await.expect("it opens")
}

/// Opens a store with the default limits and the clock of the server.
async fn store(url: &str) -> Arc<dyn Store> {
    open_with(url, Limits::default(), &Clock::System, &Arc::default()).await
}

/// Opens the same with a login.
async fn open_as(
    url: &str,
    password: Option<&str>,
    ca_file: Option<&Path>,
) -> Result<Arc<dyn Store>, OpenError> {
    let password = password.map(|text| Secret::new(text.as_bytes()).expect("not empty"));
    let (limits, clock) = (Limits::default(), Clock::System);
    let meter = Arc::default();
    let password = password.as_ref();
    open(url, password, ca_file, &limits, seals(), clock, meter).await
}

/// Stores an event. Returns false if the store is unavailable.
async fn is_stored(store: &dyn Store) -> bool {
    match store.insert(fresh(), Box::new(())).await {
        Ok(_) => true,
        Err(StoreError::Unavailable(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// Makes an event with an id and a body of its own.
fn fresh() -> Arrival {
    let mut fresh = arrival(1, 1, &["shop"]);
    let id = Uuid::now_v7();
    fresh.event.id = id;
    fresh.event.digest[..16].copy_from_slice(id.as_bytes());
    fresh
}

/// Makes an event with the body of this number.
fn copy(body: u8) -> Arrival {
    let mut copy = arrival(1, body, &["shop"]);
    copy.event.id = Uuid::now_v7();
    copy.subscribers = Subscribers::Queues(vec!["shop".into(), "mail".into()]);
    copy
}

/// Waits until a condition is true.
async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "waited in vain: {what}");
}
