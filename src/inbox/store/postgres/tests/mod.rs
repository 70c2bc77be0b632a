//! The engine beside a real PostgreSQL: the suite of both engines, and what only a server that
//! others share can do.

mod concurrent;
mod lost;
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
mod useless;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use uuid::Uuid;

use super::open;
use crate::{
    delivery::event::{Arrival, Subscribers},
    inbox::{
        settings::Limits,
        store::{
            Store, StoreMeter,
            suite::{Fixture, LIMITS, START, arrival, seals, suite},
        },
    },
    runtime::clock::Clock,
};
use servers::postgres::Postgres;

suite!(fixture, ignore = "needs PostgreSQL: make test runs it");

/// In a database of its own on a server that all tests share.
async fn fixture() -> (Fixture, Arc<Postgres>) {
    let server = Postgres::shared();
    let clock = Clock::manual(START);
    let meter = Arc::<StoreMeter>::default();
    let store = opened(&database(&server), LIMITS, &clock, &meter).await;
    let fixture = Fixture {
        store,
        clock,
        meter,
    };
    (fixture, server)
}

/// A new database; its URL.
fn database(server: &Postgres) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    server.database(&format!("inbox{}", MADE.fetch_add(1, SeqCst)))
}

async fn opened(
    url: &str,
    limits: Limits,
    clock: &Clock,
    meter: &Arc<StoreMeter>,
) -> Arc<dyn Store> {
    let opening = open(
        url,
        None,
        None,
        &limits,
        seals(),
        clock.clone(),
        Arc::clone(meter),
    );
    opening.await.expect("it opens")
}

/// A store with the limits and the time of every day.
async fn store(url: &str) -> Arc<dyn Store> {
    opened(url, Limits::default(), &Clock::System, &Arc::default()).await
}

/// An event with an id and a body of its own.
fn fresh() -> Arrival {
    let mut fresh = arrival(1, 1, &["shop"]);
    let id = Uuid::now_v7();
    fresh.event.id = id;
    fresh.event.digest[..16].copy_from_slice(id.as_bytes());
    fresh
}

/// One more with the body of that number.
fn copy(body: u8) -> Arrival {
    let mut copy = arrival(1, body, &["shop"]);
    copy.event.id = Uuid::now_v7();
    copy.subscribers = Subscribers::Queues(vec!["shop".into(), "mail".into()]);
    copy
}

/// Waits for what must become true.
async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "waited in vain: {what}");
}
