//! A database that goes away is missed at once, and found again by itself.

use std::time::{Duration, Instant};

use tower_cartgate::Secret;

use super::{
    database, fresh, open,
    servers::{
        cutter::Cutter,
        postgres::{DATABASE, PASSWORD, Postgres},
    },
    store, until,
};
use crate::inbox::store::{Store, StoreError};

async fn is_kept(store: &dyn Store) -> bool {
    match store.insert(fresh(), Box::new(())).await {
        Ok(_) => true,
        Err(StoreError::Unavailable(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_server_that_restarts_in_the_middle_loses_nothing_that_was_kept() {
    let mut server = Postgres::start();
    let url = database(&server);
    let store = store(&url).await;
    let mut kept = 0;
    for _ in 0..20 {
        kept += i64::from(is_kept(&*store).await);
    }
    assert_eq!(kept, 20);
    server.kill();
    until("the loss is noticed", async || store.outage().is_some()).await;
    let begun = Instant::now();
    assert!(!is_kept(&*store).await);
    assert!(
        store
            .claim(&"shop".into(), 1, Duration::from_secs(9))
            .await
            .is_err()
    );
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
    server.resume();
    until("it keeps again", async || is_kept(&*store).await).await;
    assert!(store.outage().is_none());
    until("it claims again", async || {
        store
            .claim(&"shop".into(), 99, Duration::from_secs(9))
            .await
            .is_ok_and(|claims| claims.len() == 21)
    })
    .await;
    until("it counts again", async || {
        store.stats().await.is_ok_and(|stats| stats.events == 21)
    })
    .await;
    server.restart();
    until("it keeps again", async || is_kept(&*store).await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_wire_that_is_cut_or_dead_answers_in_seconds() {
    let server = Postgres::start_with_tls();
    let wire = Cutter::before(server.address());
    let url = format!(
        "postgres://postgres@localhost:{}/{DATABASE}",
        wire.address().port()
    );
    let password = Secret::new(PASSWORD.as_bytes()).unwrap();
    let limits = super::Limits::default();
    let authority = server.authority();
    let opening = open(
        &url,
        Some(&password),
        Some(&authority),
        &limits,
        super::seals(),
        super::Clock::System,
        std::sync::Arc::default(),
    );
    let store = opening.await.expect("it opens");
    assert!(is_kept(&*store).await);
    wire.cut();
    until("the cut is noticed", async || !is_kept(&*store).await).await;
    wire.mend();
    until("it keeps again", async || is_kept(&*store).await).await;
    wire.go_dead();
    let begun = Instant::now();
    assert!(!is_kept(&*store).await);
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    assert!(!is_kept(&*store).await);
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
    wire.mend();
    until("it keeps again", async || is_kept(&*store).await).await;
}
