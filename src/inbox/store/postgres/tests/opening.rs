//! A database is found fit, or refused with the reason.

use futures_util::future::join_all;
use tower_cartgate::Secret;

use super::{database, fresh, open, servers::postgres::PASSWORD, store};
use crate::inbox::store::postgres::{
    session::{STATEMENT_TIMEOUT, Session},
    target::Target,
    tests::servers::postgres::{DATABASE, Postgres},
};

async fn refusal(url: &str, password: Option<&str>, ca_file: Option<&std::path::Path>) -> String {
    let password = password.map(|text| Secret::new(text.as_bytes()).expect("not empty"));
    let limits = super::Limits::default();
    let opening = open(
        url,
        password.as_ref(),
        ca_file,
        &limits,
        super::seals(),
        super::Clock::System,
        std::sync::Arc::default(),
    );
    opening
        .await
        .map(drop)
        .expect_err("it is refused")
        .to_string()
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
    // And again beside what is there.
    let again = store(&url).await;
    assert_eq!(again.stats().await.unwrap().events, 4);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn what_is_no_inbox_of_this_version_is_refused_untouched() {
    let server = Postgres::shared();
    let foreign = database(&server);
    Postgres::ask(
        &foreign,
        "CREATE TABLE event (what text); INSERT INTO event VALUES ('theirs')",
    )
    .unwrap();
    let said = refusal(&foreign, None, None).await;
    assert!(said.contains("another program"), "{said}");
    let tables =
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(Postgres::ask(&foreign, tables).unwrap(), "event");

    let other = database(&server);
    Postgres::ask(&other, "CREATE TABLE meta (name text, value bytea)").unwrap();
    let said = refusal(&other, None, None).await;
    assert!(said.contains("another program"), "{said}");

    let newer = database(&server);
    drop(store(&newer).await);
    Postgres::ask(
        &newer,
        "UPDATE meta SET value = '9' WHERE name = 'cartgate-schema'",
    )
    .unwrap();
    let said = refusal(&newer, None, None).await;
    assert!(
        said.contains("newer Cartgate wrote it (schema 9, this one knows 2)"),
        "{said}"
    );
    Postgres::ask(
        &newer,
        "UPDATE meta SET value = '1' WHERE name = 'cartgate-schema'",
    )
    .unwrap();
    let said = refusal(&newer, None, None).await;
    assert!(said.contains("earlier development build"), "{said}");

    let missing = refusal(&server.url("nowhere"), None, None).await;
    assert!(missing.contains("no such database"), "{missing}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_database_that_does_not_sync_is_made_to() {
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
    let password = Secret::new(PASSWORD.as_bytes()).unwrap();
    let limits = super::Limits::default();
    let opening = open(
        &url,
        Some(&password),
        authority,
        &limits,
        super::seals(),
        super::Clock::System,
        std::sync::Arc::default(),
    );
    let store = opening.await.expect("it opens");
    store.insert(fresh(), Box::new(())).await.unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE ssl AND application_name = 'cartgate'";
    assert_eq!(server.sql(encrypted), "3");

    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other.cert.pem()).unwrap();
    let said = refusal(&url, Some(PASSWORD), Some(file.path())).await;
    assert!(
        said.contains("TLS") && said.contains("certificate"),
        "{said}"
    );

    let said = refusal(&url, Some("a-wrong-password"), authority).await;
    assert!(said.contains("rejects the user or the password"), "{said}");
    assert!(!said.contains("a-wrong-password"), "{said}");
    let said = refusal(&url, None, authority).await;
    assert!(said.contains("password"), "{said}");
}
