//! The checks of a database at the start.

use std::path::Path;

use futures_util::future::join_all;

use super::{database, fresh, open_as, servers::postgres::PASSWORD, store};
use crate::inbox::store::postgres::{
    session::{STATEMENT_TIMEOUT, Session},
    target::Target,
    tests::servers::postgres::{DATABASE, Postgres},
};

async fn rejection(url: &str, password: Option<&str>, ca_file: Option<&Path>) -> String {
    let opened = open_as(url, password, ca_file).await;
    opened.map(drop).expect_err("it is rejected").to_string()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn four_gates_that_start_at_once_make_the_tables_once() {
    let server = Postgres::shared();
    let url = database(&server);
    let stores = join_all((0..4).map(|_| store(&url))).await;
    for store in &stores {
        store.insert(fresh(), Box::new(())).await.unwrap();
    }
    assert_eq!(stores[0].stats().await.unwrap().events, 4);
    // A later gate finds them.
    let again = store(&url).await;
    assert_eq!(again.stats().await.unwrap().events, 4);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn tables_of_another_program_or_version_are_rejected_untouched() {
    let server = Postgres::shared();
    let foreign = database(&server);
    Postgres::ask(
        &foreign,
        "CREATE TABLE event (what text); INSERT INTO event VALUES ('theirs')",
    )
    .unwrap();
    let message = rejection(&foreign, None, None).await;
    assert!(message.contains("another program"), "{message}");
    let tables =
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(Postgres::ask(&foreign, tables).unwrap(), "event");

    let other = database(&server);
    Postgres::ask(&other, "CREATE TABLE meta (name text, value bytea)").unwrap();
    let message = rejection(&other, None, None).await;
    assert!(message.contains("another program"), "{message}");

    let newer = database(&server);
    drop(store(&newer).await);
    Postgres::ask(
        &newer,
        "UPDATE meta SET value = '9' WHERE name = 'cartgate-schema'",
    )
    .unwrap();
    let message = rejection(&newer, None, None).await;
    assert!(
        message.contains("newer Cartgate wrote it (schema 9, this one knows 2)"),
        "{message}"
    );
    Postgres::ask(
        &newer,
        "UPDATE meta SET value = '1' WHERE name = 'cartgate-schema'",
    )
    .unwrap();
    let message = rejection(&newer, None, None).await;
    assert!(message.contains("earlier development build"), "{message}");

    let missing = rejection(&server.url("nowhere"), None, None).await;
    assert!(missing.contains("no such database"), "{missing}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_database_that_does_not_sync_is_overridden() {
    let server = Postgres::shared();
    let url = database(&server);
    let name = Postgres::ask(&url, "SELECT current_database()").unwrap();
    server.sql(&format!(
        "ALTER DATABASE {name} SET synchronous_commit = off"
    ));
    assert_eq!(
        Postgres::ask(&url, "SHOW synchronous_commit").unwrap(),
        "off"
    );
    let target = Target::new(&url, None, None).unwrap();
    let session = Session::open(&target, STATEMENT_TIMEOUT).await.unwrap();
    let rows = session
        .client
        .query("SHOW synchronous_commit", &[])
        .await
        .unwrap();
    assert_eq!(rows[0].get::<_, &str>(0), "on");
    server.sql(&format!(
        "ALTER DATABASE {name} SET synchronous_commit = remote_apply"
    ));
    let session = Session::open(&target, STATEMENT_TIMEOUT).await.unwrap();
    let rows = session
        .client
        .query("SHOW synchronous_commit", &[])
        .await
        .unwrap();
    assert_eq!(rows[0].get::<_, &str>(0), "remote_apply");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn only_the_right_certificate_and_password_get_in() {
    let server = Postgres::start_with_tls();
    let url = format!(
        "postgres://postgres@localhost:{}/{DATABASE}",
        server.address().port()
    );
    let authority = server.authority();
    let authority = Some(authority.as_path());
    let opening = open_as(&url, Some(PASSWORD), authority);
    let store = opening.await.expect("it opens");
    store.insert(fresh(), Box::new(())).await.unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE ssl AND application_name = 'cartgate'";
    assert_eq!(server.sql(encrypted), "3");

    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other.cert.pem()).unwrap();
    let message = rejection(&url, Some(PASSWORD), Some(file.path())).await;
    assert!(
        message.contains("TLS") && message.contains("certificate"),
        "{message}"
    );

    let message = rejection(&url, Some("a-wrong-password"), authority).await;
    assert!(
        message.contains("rejects the user or the password"),
        "{message}"
    );
    assert!(!message.contains("a-wrong-password"), "{message}");
    let message = rejection(&url, None, authority).await;
    assert!(message.contains("password"), "{message}");
}
