//! A server that vanishes is detected at once, and used again when it is back.

use std::time::{Duration, Instant};

use super::{
    database, is_stored, open_as,
    servers::{
        cutter::Cutter,
        postgres::{DATABASE, PASSWORD, Postgres},
    },
    store, until,
};

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_server_that_restarts_loses_nothing_stored() {
    let mut server = Postgres::start();
    let url = database(&server);
    let store = store(&url).await;
    let mut events = 0;
    for _ in 0..20 {
        events += i64::from(is_stored(&*store).await);
    }
    assert_eq!(events, 20);
    server.kill();
    until("the loss is noticed", async || store.outage().is_some()).await;
    let begun = Instant::now();
    assert!(!is_stored(&*store).await);
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
    until("it stores again", async || is_stored(&*store).await).await;
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
    until("it stores again", async || is_stored(&*store).await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn operations_on_a_cut_or_dead_connection_fail_in_seconds() {
    let server = Postgres::start_with_tls();
    let wire = Cutter::before(server.address());
    let url = format!(
        "postgres://postgres@localhost:{}/{DATABASE}",
        wire.address().port()
    );
    let authority = server.authority();
    let opening = open_as(&url, Some(PASSWORD), Some(&authority));
    let store = opening.await.expect("it opens");
    assert!(is_stored(&*store).await);
    wire.cut();
    until("the cut is noticed", async || !is_stored(&*store).await).await;
    wire.mend();
    until("it stores again", async || is_stored(&*store).await).await;
    wire.go_dead();
    let begun = Instant::now();
    assert!(!is_stored(&*store).await);
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    assert!(!is_stored(&*store).await);
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
    wire.mend();
    until("it stores again", async || is_stored(&*store).await).await;
}
