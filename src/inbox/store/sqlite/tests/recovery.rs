//! Starts after an unclean end.

use super::*;
use crate::{
    delivery::event::FailureCause,
    inbox::store::suite::{LEASE, ids},
};

/// Makes a closed store of three events that looks as if it was not closed.
async fn left_open(directory: &TempDir) -> PathBuf {
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    drop(store);
    fs::write(with_suffix(&file, "-wal"), "not the log of this file").unwrap();
    file
}

fn damage(file: &Path) -> String {
    match open_sqlite(file).unwrap_err().kind {
        OpenErrorKind::Damaged(found) => found,
        kind => panic!("{kind}"),
    }
}

#[tokio::test]
async fn a_zeroed_page_is_found_after_an_unclean_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = left_open(&directory).await;
    let by_hand = Connection::open(&file).unwrap();
    // A start does not read this page.
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'content'";
    let page: i64 = by_hand.query_row(root, [], |row| row.get(0)).unwrap();
    drop(by_hand);
    let log = with_suffix(&file, "-wal");
    let bytes = fs::read(&file).unwrap();
    let (size, at) = (8192, 8192 * (usize::try_from(page).unwrap() - 1));
    let mut torn = bytes.clone();
    torn[at..at + size].fill(0);
    fs::write(&file, torn).unwrap();
    let _ = fs::remove_file(&log);
    drop(open_sqlite(&file).expect("a clean end needs no check"));
    fs::write(&log, "not the log of this file").unwrap();
    damage(&file);
    fs::write(&file, bytes).unwrap();
    let store = open_sqlite(&file).unwrap();
    assert_eq!(pending(&store).await, [1, 2, 3].map(id));
}

#[tokio::test]
async fn an_index_that_differs_from_its_table_is_found_after_a_failed_sync() {
    let directory = tempfile::tempdir().unwrap();
    let file = left_open(&directory).await;
    let by_hand = Connection::open(&file).unwrap();
    by_hand.execute_batch(
        "PRAGMA writable_schema = 1;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX event_body ON event (copy)' WHERE name = 'event_body'",
    ).unwrap();
    drop(by_hand);
    file::lock(&file).unwrap().record_failed_sync();
    for _ in 0..2 {
        assert!(damage(&file).contains("event_body"), "until it is repaired");
    }
}

#[tokio::test]
async fn a_log_is_rewritten_before_anything_is_added() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let killed = directory.path().join("killed.db");
    for suffix in ["", "-wal"] {
        fs::copy(with_suffix(&file, suffix), with_suffix(&killed, suffix)).unwrap();
    }
    let log = || fs::metadata(with_suffix(&killed, "-wal")).unwrap().len();
    let pages = |length: u64| 32 + length * (24 + 8192);
    assert!(log() > pages(1));
    let store = open_sqlite(&killed).unwrap();
    assert_eq!(log(), pages(1), "more than the next stamp");
    assert_eq!(pending(&store).await, [1, 2, 3].map(id));
}

#[tokio::test]
async fn claims_of_a_dead_gate_are_due_at_once_and_nothing_else_moves() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let (shop, second) = (Arc::from("shop"), Duration::from_secs(1));
    let again = |wait| Settlement::Retry {
        wait,
        cause: FailureCause::new(Some(500), "status"),
    };
    let clock = Clock::manual(START);
    let store = open_with(&file, &LIMITS, clock.clone()).unwrap();
    for number in 1..=5 {
        insert(&store, number).await.unwrap();
    }
    let claims = store.claim(&shop, 2, LEASE).await.unwrap();
    for (claim, wait) in claims.into_iter().zip([second, 600 * second]) {
        let settled = store.settle(claim.lease, again(wait));
        assert!(settled.await.unwrap());
    }
    clock.advance(second);
    let claims = store.claim(&shop, 9, LEASE).await.unwrap();
    assert_eq!(ids(&claims), [3, 4, 5, 1].map(id));
    let settlements = [Settlement::Delivered { status: 200 }, Settlement::Released];
    for (at, settlement) in [0, 2].into_iter().zip(settlements) {
        let settled = store.settle(claims[at].lease.clone(), settlement);
        assert!(settled.await.unwrap());
    }
    drop(store);
    clock.advance(second);
    let store = open_with(&file, &LIMITS, clock).unwrap();
    let all = store
        .list(Selection::default(), ListOrder::default(), None, 9)
        .await
        .unwrap();
    let found: Vec<_> = all
        .iter()
        .map(|one| (one.state, one.attempts, one.due))
        .collect();
    let expected = [
        (DeliveryState::Pending, 1, Some(START + 2000)),
        (DeliveryState::Pending, 1, Some(START + 600_000)),
        (DeliveryState::Delivered, 1, None),
        (DeliveryState::Pending, 0, Some(START + 2000)),
        (DeliveryState::Pending, 0, Some(START + 5)),
    ];
    assert_eq!(found, expected);
    let claims = store.claim(&shop, 9, LEASE).await.unwrap();
    assert_eq!(ids(&claims), [5, 1, 4].map(id));
}
