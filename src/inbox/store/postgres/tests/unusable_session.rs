//! An unusable session is replaced, and the store stores nothing until one works.

use super::{database, fresh, is_stored, servers::postgres::Postgres, store, until};
use crate::inbox::store::Store;

fn outage(store: &dyn Store) -> String {
    store
        .outage()
        .map_or_else(String::new, |why| why.to_string())
}

/// Sends events until one is stored, as senders do.
async fn stores_again(store: &dyn Store) {
    until("it stores again", async || is_stored(store).await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_read_only_server_stores_nothing_until_it_writes_again() {
    let server = Postgres::start();
    let url = database(&server);
    let store = store(&url).await;
    assert!(is_stored(&*store).await);
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    server.sql("SELECT pg_reload_conf()");
    let reason = "the server is read-only";
    until("it is noticed", async || {
        is_stored(&*store).await;
        outage(&*store).contains(reason)
    })
    .await;
    assert!(!is_stored(&*store).await);
    // This session may write, like one that an operator opens.
    let writing = format!("{url}&options=-c%20default_transaction_read_only%3Doff");
    let reset = "ALTER SYSTEM RESET default_transaction_read_only";
    Postgres::ask(&writing, reset).unwrap();
    Postgres::ask(&writing, "SELECT pg_reload_conf()").unwrap();
    stores_again(&*store).await;
    assert_eq!(outage(&*store), "");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_statement_whose_table_has_changed_is_prepared_anew() {
    let server = Postgres::shared();
    let url = database(&server);
    let store = store(&url).await;
    let event = fresh();
    let id = event.event.id;
    store.insert(event, Box::new(())).await.unwrap();
    let show = async || store.show(id).await;
    assert!(show().await.unwrap().is_some());
    Postgres::ask(&url, "ALTER TABLE event ALTER kind TYPE varchar(99)").unwrap();
    show().await.expect_err("its plan belongs to the old table");
    until("it shows again", async || show().await.is_ok()).await;
    stores_again(&*store).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn tables_that_go_away_are_named_and_missed_until_they_are_back() {
    let server = Postgres::shared();
    let url = database(&server);
    let store = store(&url).await;
    assert!(is_stored(&*store).await);
    let tables = ["meta", "body", "event", "delivery", "mark", "usage"];
    let renamed = |from: &str, to: &str| {
        let rename = |table: &&str| format!("ALTER TABLE {from}{table} RENAME TO {to}{table}");
        tables.iter().map(rename).collect::<Vec<_>>().join("; ")
    };
    Postgres::ask(&url, &renamed("", "old_")).unwrap();
    until("it is noticed", async || {
        is_stored(&*store).await;
        outage(&*store).contains("its tables are gone")
    })
    .await;
    Postgres::ask(&url, &renamed("old_", "")).unwrap();
    stores_again(&*store).await;
    assert_eq!(outage(&*store), "");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_newer_version_of_the_tables_is_not_written_to() {
    let server = Postgres::shared();
    let url = database(&server);
    let store = store(&url).await;
    assert!(is_stored(&*store).await);
    let newer = "UPDATE meta SET value = '9' WHERE name = 'cartgate-schema'";
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'cartgate'";
    Postgres::ask(&url, newer).unwrap();
    Postgres::ask(&url, end).unwrap();
    until("it is noticed", async || {
        outage(&*store).contains("a newer Cartgate wrote it")
    })
    .await;
    assert!(!is_stored(&*store).await);
}
