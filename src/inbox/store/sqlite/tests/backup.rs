//! Backups of a store in use.

use super::*;

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
    assert!(!with_suffix(&to, "-wal").exists());
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
async fn a_backup_whose_caller_is_gone_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = large_store(&directory.path().join("inbox.db"), 150).await;
    let to = directory.path().join("backup.db");
    let backup = store.backup(&to);
    // The first poll submits the request; then the caller gives up.
    assert!(futures_util::FutureExt::now_or_never(backup).is_none());
    insert_large(&store, 200).await;
    drop(store);
    assert!(!to.exists());
}
