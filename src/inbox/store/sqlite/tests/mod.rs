//! The suite over a real file, and the tests of SQLite alone. Those of recovery are in `recovery`.

mod backup;
mod full_disk;
mod lost_file;
mod recovery;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ffi};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    claim, due,
    error::sqlite_failure,
    file,
    open_error::{OpenError, OpenErrorKind},
    path::with_suffix,
    stamp,
    store::SqliteStore,
};
use crate::{
    delivery::event::{DeliveryState, InsertOutcome, Settlement},
    inbox::{
        settings::Limits,
        store::{
            ListOrder, Selection, Store, StoreError,
            error::Limit,
            schema_version::SchemaError,
            suite::{self, Fixture, LIMITS, START, arrival, id},
        },
    },
    runtime::clock::Clock,
};

suite::suite!(fixture);

async fn fixture() -> (Fixture, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let (clock, meter) = (Clock::manual(START), Arc::default());
    let file = directory.path().join("inbox.db");
    let store = super::open(
        &file,
        &LIMITS,
        suite::seals(),
        clock.clone(),
        Arc::clone(&meter),
    );
    let fixture = Fixture {
        store: store.unwrap(),
        clock,
        meter,
    };
    (fixture, directory)
}

fn open_sqlite(file: &Path) -> Result<SqliteStore, OpenError> {
    open_with(file, &LIMITS, Clock::manual(START))
}

fn open_with(file: &Path, limits: &Limits, clock: Clock) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(file, limits, suite::seals(), clock, Arc::default())
}

async fn insert(store: &impl Store, number: u8) -> Result<InsertOutcome, StoreError> {
    let arrival = arrival(number, number, &["shop"]);
    store.insert(arrival, Box::new(())).await
}

async fn pending(store: &impl Store) -> Vec<Uuid> {
    let all = store
        .list(Selection::default(), ListOrder::default(), None, 100)
        .await
        .unwrap();
    assert!(
        all.iter()
            .all(|listed| listed.state == DeliveryState::Pending)
    );
    all.into_iter().map(|listed| listed.event).collect()
}

#[tokio::test]
async fn a_clean_end_leaves_every_event_and_no_log() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = fs::metadata(with_suffix(&file, suffix))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    drop(store);
    assert!(!file::lock(&file).unwrap().is_unclean);
    let store = open_sqlite(&file).unwrap();
    assert_eq!(pending(&store).await, [1, 2, 3].map(id));
    assert_eq!(store.stats().await.unwrap().events, 3);
}

#[tokio::test]
async fn a_failed_sync_ends_the_store_and_the_next_start_checks_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    assert!(store.outage().is_none());
    let failing = store
        .writer
        .submit::<()>(|_| Err(sqlite_failure(ffi::SQLITE_IOERR_FSYNC).into()));
    let sharing = insert(&store, 4);
    let (failed, shared) = tokio::join!(failing, sharing);
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    drop(shared);
    assert!(matches!(
        insert(&store, 5).await,
        Err(StoreError::Failed(_))
    ));
    assert!(matches!(store.outage(), Some(StoreError::Failed(_))));
    assert!(
        store
            .claim(&"shop".into(), 9, Duration::ZERO)
            .await
            .is_err()
    );
    drop(store);
    let locked = file::lock(&file).unwrap();
    assert!(locked.is_unclean && locked.has_failed_sync());
    drop(locked);
    let store = open_sqlite(&file).unwrap();
    let found = pending(&store).await;
    assert!(found.starts_with(&[1, 2, 3].map(id)) && !found.contains(&id(5)));
    drop(store);
    let locked = file::lock(&file).unwrap();
    assert!(!locked.is_unclean && !locked.has_failed_sync());
}

#[tokio::test]
async fn a_file_of_another_program_or_version_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let kind = |name: &str| open_sqlite(&directory.path().join(name)).unwrap_err().kind;
    fs::write(directory.path().join("text"), "no database ".repeat(1000)).unwrap();
    assert!(matches!(kind("text"), OpenErrorKind::Foreign));
    let other = Connection::open(directory.path().join("other")).unwrap();
    other.execute_batch("CREATE TABLE orders (id)").unwrap();
    assert!(matches!(kind("other"), OpenErrorKind::Foreign));
    let mode: String = other
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete", "the file was changed");
    drop(open_sqlite(&directory.path().join("newer")).unwrap());
    let set_version = |version: u32| {
        let db = Connection::open(directory.path().join("newer")).unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
    };
    set_version(99);
    assert!(matches!(
        kind("newer"),
        OpenErrorKind::Schema(SchemaError::Newer(99))
    ));
    set_version(1);
    assert!(matches!(
        kind("newer"),
        OpenErrorKind::Schema(SchemaError::Earlier(1))
    ));
    // An empty file becomes an inbox.
    fs::write(directory.path().join("empty"), "").unwrap();
    open_sqlite(&directory.path().join("empty")).unwrap();
}

#[tokio::test]
async fn a_second_gate_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    let error = open_sqlite(&file).unwrap_err();
    assert!(matches!(error.kind, OpenErrorKind::InUse));
    assert!(error.to_string().contains("inbox.db"));
    drop(store);
    open_sqlite(&file).unwrap();
}

/// Opens a store without limits, and stores events of 50 KB.
async fn large_store(file: &Path, events: u8) -> SqliteStore {
    let limits = Limits {
        disk_floor: 0,
        ..Limits::default()
    };
    let store = open_with(file, &limits, Clock::manual(START)).unwrap();
    for number in 0..events {
        insert_large(&store, number).await;
    }
    store
}

async fn insert_large(store: &SqliteStore, number: u8) {
    let mut large = arrival(number, number, &["shop"]);
    large.event.body = vec![number; 50_000].into();
    store.insert(large, Box::new(())).await.unwrap();
}

#[tokio::test]
async fn free_pages_go_back_to_the_disk_in_steps_while_nothing_waits() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = large_store(&file, 200).await;
    let length = || fs::metadata(&file).unwrap().len();
    store.purge(Selection::default(), 190).await.unwrap();
    let long = std::time::Instant::now();
    while length() == 0 || length() > 2_500_000 {
        assert!(long.elapsed() < Duration::from_secs(30), "{}", length());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(pending(&store).await.len(), 10);
}

#[tokio::test]
async fn an_unreadable_row_is_quarantined_and_stops_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let edited = store.writer.submit(|tx| {
        Ok(tx
            .statement("UPDATE event SET kind = 'x' WHERE id = ?")?
            .execute([id(2).as_bytes()])?)
    });
    assert_eq!(edited.await.unwrap(), 1);
    let claims = store
        .claim(&"shop".into(), 9, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(suite::ids(&claims), [id(1), id(3)]);
    let all = store
        .list(Selection::default(), ListOrder::default(), None, 9)
        .await
        .unwrap();
    let states: Vec<_> = all.iter().map(|one| one.state).collect();
    assert_eq!(
        states,
        [
            DeliveryState::Pending,
            DeliveryState::Quarantined,
            DeliveryState::Pending
        ]
    );
}

#[tokio::test]
async fn due_deliveries_are_found_by_their_index_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    let plans = store.quick_reader.query(|db| {
        [claim::DUE, due::NEXT, claim::NEXT_IN_TURN]
            .map(|sql| {
                let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let count = plan.parameter_count();
                let values = rusqlite::params_from_iter(vec![1; count]);
                plan.query_map(values, |row| row.get::<_, String>("detail"))?
                    .collect::<Result<Vec<_>, _>>()
            })
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
    });
    let search = "SEARCH delivery USING INDEX delivery_due (queue=? AND rank=?";
    for plan in plans.await.unwrap() {
        let detail = plan[0].replace("COVERING ", "");
        assert!(plan.len() == 1 && detail.starts_with(search), "{plan:?}");
    }
}
