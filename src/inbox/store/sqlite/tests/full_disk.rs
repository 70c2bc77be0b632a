//! A disk that is full, or has less free space than its floor.

use super::*;

#[tokio::test]
async fn a_full_disk_stores_nothing_in_part_and_resumes_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("inbox.db")).unwrap();
    for number in 1..=3 {
        insert(&store, number).await.unwrap();
    }
    let set_most = |pages: i64| {
        store.writer.submit(move |tx| {
            let most: i64 =
                tx.db
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
    let stored = store.insert(large(), Box::new(())).await;
    assert!(
        matches!(stored, Err(StoreError::Unavailable(_))),
        "{stored:?}"
    );
    assert!(store.outage().is_none());
    assert_eq!(pending(&store).await, [1, 2, 3].map(id));
    assert_eq!(store.stats().await.unwrap().bytes, 330);
    set_most(1_000_000).await.unwrap();
    let stored = store.insert(large(), Box::new(())).await.unwrap();
    assert_eq!(stored, InsertOutcome::stored(0));
}

#[tokio::test]
async fn a_disk_below_its_floor_rejects_arrivals_but_settles_deliveries() {
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
    let store = open_with(&file, &limits, Clock::manual(START)).unwrap();
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
    let left = store
        .list(Selection::default(), ListOrder::default(), None, 9)
        .await
        .unwrap();
    assert_eq!(
        left.iter()
            .filter(|one| one.state == DeliveryState::Pending)
            .count(),
        2
    );
}
