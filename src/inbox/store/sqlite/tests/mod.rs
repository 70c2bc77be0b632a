//! The suite over a real file, and what is SQLite's own. What a start does about the last end is in `starting`.

mod lost_file;
mod starting;

use std::{fs, os::unix::fs::PermissionsExt as _};

use rusqlite::{Connection, ffi};
use tempfile::TempDir;

use super::*;
use crate::{
    delivery::event::DeliveryState,
    inbox::store::{
        Limit,
        suite::{self, Fixture, LIMITS, START, arrival, id},
    },
};

suite::suite!(fixture);

async fn fixture() -> (Fixture, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let (clock, meter) = (Clock::manual(START), Arc::default());
    let file = directory.path().join("inbox.db");
    let store = open(
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

fn open_sqlite(file: &Path) -> Result<Sqlite, OpenError> {
    open_by(file, Clock::manual(START))
}

fn open_by(file: &Path, clock: Clock) -> Result<Sqlite, OpenError> {
    Sqlite::open(
        file::take(file)?,
        &LIMITS,
        suite::seals(),
        clock,
        Arc::default(),
    )
    .map_err(|why| why.of(file))
}

async fn insert(store: &impl Store, number: u8) -> Result<InsertOutcome, StoreError> {
    let arrival = arrival(number, number, &["shop"]);
    store.insert(arrival, Box::new(())).await
}

async fn pending(store: &impl Store) -> Vec<Uuid> {
    let all = store.list(Selection::default(), None, 100).await.unwrap();
    assert!(
        all.iter()
            .all(|listed| listed.state == DeliveryState::Pending)
    );
    all.into_iter().map(|listed| listed.event).collect()
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_clean_end_which_leaves_no_log() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = fs::metadata(beside(&file, suffix))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    drop(store);
    assert!(!file::take(&file).unwrap().unclean);
    let store = open_sqlite(&file).unwrap();
    assert_eq!(pending(&store).await, [1, 2, 3].map(id));
    assert_eq!(store.stats().await.unwrap().events, 3);
}

#[tokio::test]
async fn a_failed_sync_ends_the_store_and_the_next_start_looks_it_over() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    assert!(store.outage().is_none());
    let failing = store
        .writer
        .wait_for::<()>(|_| Err(fault::failure(ffi::SQLITE_IOERR_FSYNC).into()));
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
    let taken = file::take(&file).unwrap();
    assert!(taken.unclean && taken.is_doubted());
    drop(taken);
    let store = open_sqlite(&file).unwrap();
    let found = pending(&store).await;
    assert!(found.starts_with(&[1, 2, 3].map(id)) && !found.contains(&id(5)));
    drop(store);
    let taken = file::take(&file).unwrap();
    assert!(!taken.unclean && !taken.is_doubted());
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_by_half_and_resumes_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let set_most = |pages: i64| {
        store.writer.wait_for(move |books| {
            let most: i64 =
                books
                    .db
                    .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                        row.get(0)
                    })?;
            Ok(most)
        })
    };
    set_most(1).await.unwrap();
    let large = || {
        let mut large = arrival(4, 4, &["shop"]);
        large.event.body = vec![4; 20_000].into();
        large
    };
    let kept = store.insert(large(), Box::new(())).await;
    assert!(matches!(kept, Err(StoreError::Unavailable(_))), "{kept:?}");
    assert!(store.outage().is_none());
    assert_eq!(pending(&store).await, [1, 2, 3].map(id));
    assert_eq!(store.stats().await.unwrap().bytes, 330);
    set_most(1_000_000).await.unwrap();
    let kept = store.insert(large(), Box::new(())).await.unwrap();
    assert_eq!(kept, InsertOutcome::stored(0));
}

#[tokio::test]
async fn below_its_floor_a_disk_takes_nothing_in_but_lets_all_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    drop(store);
    let limits = Limits {
        disk_floor: u64::MAX,
        ..LIMITS
    };
    let taken = file::take(&file).unwrap();
    let store = Sqlite::open(
        taken,
        &limits,
        suite::seals(),
        Clock::manual(START),
        Arc::default(),
    )
    .unwrap();
    assert!(matches!(
        insert(&store, 4).await,
        Err(StoreError::Full(Limit::Disk))
    ));
    let claims = store
        .claim(&"shop".into(), 1, Duration::from_secs(1))
        .await
        .unwrap();
    let settled = store.settle(
        claims[0].lease.clone(),
        Settlement::Delivered { status: 200 },
    );
    assert!(settled.await.unwrap());
    let left = store.list(Selection::default(), None, 9).await.unwrap();
    assert_eq!(
        left.iter()
            .filter(|one| one.state == DeliveryState::Pending)
            .count(),
        2
    );
}

#[tokio::test]
async fn a_file_that_is_not_this_programs_or_of_another_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let why = |name: &str| open_sqlite(&directory.path().join(name)).unwrap_err().why;
    fs::write(directory.path().join("text"), "no database ".repeat(1000)).unwrap();
    assert!(matches!(why("text"), Why::Foreign));
    let other = Connection::open(directory.path().join("other")).unwrap();
    other.execute_batch("CREATE TABLE orders (id)").unwrap();
    assert!(matches!(why("other"), Why::Foreign));
    let mode: String = other
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete", "it was changed");
    drop(open_sqlite(&directory.path().join("newer")).unwrap());
    let set_version = |version: u32| {
        let db = Connection::open(directory.path().join("newer")).unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
    };
    set_version(99);
    assert!(matches!(why("newer"), Why::Newer { found: 99, .. }));
    set_version(1);
    assert!(matches!(why("newer"), Why::Earlier { found: 1, .. }));
    // Nothing was ever written to it.
    fs::write(directory.path().join("empty"), "").unwrap();
    open_sqlite(&directory.path().join("empty")).unwrap();
}

#[tokio::test]
async fn a_second_gate_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    let error = open_sqlite(&file).unwrap_err();
    assert!(matches!(error.why, Why::InUse));
    assert!(error.to_string().contains("inbox.db"));
    drop(store);
    open_sqlite(&file).unwrap();
}

#[tokio::test]
async fn a_backup_is_whole_private_and_never_over_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let to = directory.path().join("backup.db");
    store.backup(&to).await.unwrap();
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    insert(&store, 4).await.unwrap();
    let before = fs::read(&to).unwrap();
    assert!(store.backup(&to).await.is_err());
    assert_eq!(fs::read(&to).unwrap(), before);
    let copy = open_sqlite(&to).unwrap();
    assert_eq!(pending(&copy).await, [1, 2, 3].map(id));
    insert(&copy, 5).await.unwrap();
    assert_eq!(pending(&store).await, [1, 2, 3, 4].map(id));
}

/// A store without limits, and events of 50 KB in it.
async fn large_store(file: &Path, events: u8) -> Sqlite {
    let limits = Limits {
        disk_floor: 0,
        ..Limits::default()
    };
    let taken = file::take(file).unwrap();
    let store = Sqlite::open(
        taken,
        &limits,
        suite::seals(),
        Clock::manual(START),
        Arc::default(),
    )
    .unwrap();
    for number in 0..events {
        insert_large(&store, number).await;
    }
    store
}

async fn insert_large(store: &Sqlite, number: u8) {
    let mut large = arrival(number, number, &["shop"]);
    large.event.body = vec![number; 50_000].into();
    store.insert(large, Box::new(())).await.unwrap();
}

#[tokio::test]
async fn a_backup_made_while_events_come_in_and_go_is_whole_and_bound_to_no_log() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = large_store(&file, 150).await;
    let to = directory.path().join("backup.db");
    let coming = async {
        for number in 150..250 {
            insert_large(&store, number).await;
            if number % 10 == 0 {
                store.purge(Selection::default(), 2).await.unwrap();
            }
        }
    };
    let (backup, ()) = tokio::join!(store.backup(&to), coming);
    backup.unwrap();
    assert!(!beside(&to, "-wal").exists());
    let copy = Connection::open(&to).unwrap();
    let judged: String = copy
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(judged, "ok");
    let events: u32 = copy
        .query_row("SELECT count(*) FROM event", [], |row| row.get(0))
        .unwrap();
    assert!((130..=230).contains(&events), "{events}");
    let stamp = |db: &Connection| stamp::read(db).unwrap();
    let own = stamp(&Connection::open(&file).unwrap());
    assert_eq!(stamp::version(own), stamp::version(stamp(&copy)));
    assert!(stamp(&copy).abs_diff(own) > 256, "the same stamp");
}

#[tokio::test]
async fn a_backup_that_nobody_waits_for_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = large_store(&directory.path().join("inbox.db"), 150).await;
    let to = directory.path().join("backup.db");
    let backup = store.backup(&to);
    // It is handed over at the first look, and given up.
    assert!(futures_util::FutureExt::now_or_never(backup).is_none());
    insert_large(&store, 200).await;
    drop(store);
    assert!(!to.exists());
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
async fn a_row_that_cannot_be_read_goes_to_quarantine_and_stops_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let edited = store.writer.wait_for(|books| {
        Ok(books
            .statement("UPDATE event SET kind = 'x' WHERE id = ?")?
            .execute([id(2).as_bytes()])?)
    });
    assert_eq!(edited.await.unwrap(), 1);
    let claims = store
        .claim(&"shop".into(), 9, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(suite::ids(&claims), [id(1), id(3)]);
    let all = store.list(Selection::default(), None, 9).await.unwrap();
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
async fn what_is_due_is_found_by_its_index_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    let plans = store.quick.ask(|db| {
        [claim::DUE, claim::NEXT, claim::NEXT_IN_TURN]
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
