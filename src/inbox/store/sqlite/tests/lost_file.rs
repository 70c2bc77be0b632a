//! A store whose file is removed while it is open.

use std::fs;

use super::*;

#[tokio::test]
async fn a_removed_file_rejects_arrivals_but_settles_stored_deliveries() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inbox.db");
    let store = open_sqlite(&file).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let claims = store.claim(&"shop".into(), 2, Duration::from_secs(1));
    let claims = claims.await.unwrap();
    let settle = |at: usize| {
        let lease = claims[at].lease.clone();
        store.settle(lease, Settlement::Delivered { status: 200 })
    };
    fs::remove_file(&file).unwrap();
    // The first transaction after the loss, and a later one.
    assert!(settle(0).await.unwrap());
    assert!(matches!(
        insert(&store, 4).await,
        Err(StoreError::Failed(_))
    ));
    assert!(settle(1).await.unwrap());
}
