//! Tests of inserts: an event is stored whole or not at all, within the limits, many at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use futures_util::future::join_all;

use super::{Fixture, LIMITS, START, arrival, id};
use crate::{
    delivery::event::{DeliveryState, InsertOutcome, Settlement, Subscribers},
    inbox::store::{Limit, Selection, StoreError},
};

pub(crate) async fn an_event_is_stored_whole(fixture: &Fixture) {
    for number in 1..=3 {
        fixture.insert(number, &["shop", "mail"]).await;
    }
    let (stored, deliveries) = fixture.store.show(id(2)).await.unwrap().unwrap();
    let given = arrival(2, 2, &[]).event;
    assert_eq!(
        (stored.id, &stored.endpoint, stored.kind),
        (given.id, &given.endpoint, given.kind)
    );
    assert_eq!(
        (stored.received, &stored.head, &stored.body),
        (given.received, &given.head, &given.body)
    );
    assert_eq!((stored.seal, stored.digest), (given.seal, given.digest));
    let queues: Vec<_> = deliveries.iter().map(|listed| &*listed.queue).collect();
    assert_eq!(queues, ["mail", "shop"]);
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 6);
    assert!(
        fixture
            .all()
            .await
            .iter()
            .all(|listed| listed.due == Some(START))
    );
}

pub(crate) async fn an_event_without_subscribers_is_a_dead_letter(fixture: &Fixture) {
    fixture.insert(1, &["shop"]).await;
    let mut unwanted = arrival(2, 2, &[]);
    unwanted.subscribers = Subscribers::None(Subscribers::NO_SUBSCRIBER);
    fixture.store.insert(unwanted, Box::new(())).await.unwrap();
    fixture.insert(3, &["shop"]).await;
    assert_eq!(
        fixture.in_state(DeliveryState::Dead).await,
        [(id(2), String::new())]
    );
    assert_eq!(
        fixture.all().await[1].reason.as_deref(),
        Some(Subscribers::NO_SUBSCRIBER)
    );
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 2);
}

pub(crate) async fn copies_share_a_body_up_to_their_limit(fixture: &Fixture) {
    fixture.insert(9, &["shop"]).await;
    for copy in 0..3 {
        let stored = fixture
            .store
            .insert(arrival(copy + 1, 1, &["shop"]), Box::new(()));
        assert_eq!(stored.await.unwrap(), InsertOutcome::stored(copy.into()));
    }
    let fourth = fixture.store.insert(arrival(4, 1, &["shop"]), Box::new(()));
    assert!(matches!(fourth.await, Err(StoreError::Copies)));
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!((stats.events, stats.bytes), (4, 2 * 100 + 4 * 10));
    let seen: Vec<_> = fixture
        .all()
        .await
        .iter()
        .map(|listed| listed.seen)
        .collect();
    assert_eq!(seen, [3, 3, 3, 1]);
    let claim = fixture.claim("shop", 1).await.remove(0);
    let delivered = || Settlement::Delivered { status: 200 };
    let settled = fixture.store.settle(claim.lease, delivered());
    assert!(settled.await.unwrap());
    let claim = fixture.claim("shop", 1).await.remove(0);
    let settled = fixture.store.settle(claim.lease, delivered());
    assert!(settled.await.unwrap());
    let fourth = fixture.store.insert(arrival(4, 1, &["shop"]), Box::new(()));
    assert_eq!(fourth.await.unwrap(), InsertOutcome::stored(3));
}

pub(crate) async fn a_copy_repairs_a_damaged_body(fixture: &Fixture) {
    // The damage: bytes that do not match their digest, by a flipped bit, and by missing ones.
    let good = |body: u8| arrival(body, body, &[]).event.body;
    let flipped = [&[3], &good(2)[1..]].concat();
    let damaged = [
        good(1).to_vec(),
        flipped,
        good(3)[..99].to_vec(),
        good(4).to_vec(),
    ];
    for (number, body) in (1..).zip(&damaged) {
        let mut first = arrival(number, number, &["shop"]);
        first.event.body = body.clone().into();
        fixture.store.insert(first, Box::new(())).await.unwrap();
    }
    let stored = async |number| {
        let (event, _) = fixture.store.show(id(number)).await.unwrap().unwrap();
        event.body
    };
    for (number, body) in (1..).zip(&damaged) {
        assert_eq!(stored(number).await, body);
    }
    let before = fixture.store.stats().await.unwrap().bytes;
    let copies = [(5, 2), (6, 3), (7, 4)];
    for (number, body) in copies {
        let copy = fixture
            .store
            .insert(arrival(number, body, &["shop"]), Box::new(()));
        assert_eq!(copy.await.unwrap(), InsertOutcome::stored(1));
    }
    for (number, body) in [(1, 1), (2, 2), (3, 3), (4, 4)].into_iter().chain(copies) {
        assert_eq!(stored(number).await, good(body), "{number}");
    }
    let heads = 3 * 10;
    assert_eq!(fixture.store.stats().await.unwrap().bytes, before + heads);
}

pub(crate) async fn a_fault_of_one_harms_no_other(fixture: &Fixture) {
    fixture.insert(1, &["shop"]).await;
    // The id of the second exists already, so neither the event nor its body can be stored.
    let arrivals = [
        arrival(2, 2, &["shop"]),
        arrival(1, 7, &["shop"]),
        arrival(3, 3, &["shop"]),
    ];
    let stored = arrivals.map(|arrival| fixture.store.insert(arrival, Box::new(())));
    let stored = join_all(stored).await;
    assert!(
        matches!(stored[1], Err(StoreError::Unavailable(_))),
        "{stored:?}"
    );
    assert!(stored[0].is_ok() && stored[2].is_ok());
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!((stats.events, stats.bytes), (3, 330));
    let seventh = fixture.store.insert(arrival(7, 7, &["shop"]), Box::new(()));
    assert_eq!(seventh.await.unwrap(), InsertOutcome::stored(0));
}

pub(crate) async fn a_full_store_resumes_by_itself(fixture: &Fixture) {
    let many = (1..=LIMITS.events as u8).map(|number| fixture.insert(number, &["shop"]));
    join_all(many).await;
    let more = || {
        fixture
            .store
            .insert(arrival(90, 90, &["shop"]), Box::new(()))
    };
    assert!(matches!(more().await, Err(StoreError::Full(Limit::Events))));
    let three = Selection {
        ids: vec![id(1), id(2), id(3)],
        ..Selection::default()
    };
    assert_eq!(fixture.store.purge(three, 10).await.unwrap(), 3);
    let mut large = arrival(91, 91, &["shop"]);
    large.event.body = vec![0; LIMITS.bytes as usize].into();
    let large = fixture.store.insert(large, Box::new(())).await;
    assert!(matches!(large, Err(StoreError::Full(Limit::Bytes))));
    more().await.unwrap();
    assert_eq!(
        fixture.store.stats().await.unwrap().events,
        LIMITS.events - 2
    );
    assert!(fixture.store.show(id(91)).await.unwrap().is_none());
}

pub(crate) async fn a_dropped_future_stops_nothing(fixture: &Fixture) {
    fixture.insert(1, &["shop"]).await;
    let (told, done) = tokio::sync::oneshot::channel::<()>();
    drop(
        fixture
            .store
            .insert(arrival(2, 2, &["shop"]), Box::new(told)),
    );
    // The store drops the sender after the commit.
    assert!(done.await.is_err());
    fixture.insert(3, &["shop"]).await;
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 3);
}

pub(crate) async fn many_share_a_commit(fixture: &Fixture) {
    let many: Vec<_> = (1..=30)
        .map(|number| {
            fixture
                .store
                .insert(arrival(number, number, &["shop"]), Box::new(()))
        })
        .collect();
    for stored in join_all(many).await {
        assert_eq!(stored.unwrap(), InsertOutcome::stored(0));
    }
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 30);
    let batches = fixture.meter.batches.filled();
    assert!(batches.count < 30, "{} commits", batches.count);
    assert!((batches.sum - 30.0).abs() < 0.1);
}

pub(crate) async fn the_memory_of_an_arrival_is_held_until_the_commit(fixture: &Fixture) {
    struct Held(Arc<AtomicBool>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    for number in 1..=3 {
        let gone = Arc::new(AtomicBool::new(false));
        let held = Box::new(Held(Arc::clone(&gone)));
        let before = fixture.meter.commits.filled().count;
        let stored = fixture
            .store
            .insert(arrival(number, number, &["shop"]), held);
        let watched = async {
            while !gone.load(SeqCst) {
                tokio::task::yield_now().await;
            }
            fixture.meter.commits.filled().count
        };
        let (stored, commits) = tokio::join!(stored, watched);
        stored.unwrap();
        assert_eq!(commits, before + 1);
    }
}

pub(crate) async fn the_first_value_of_a_name_stays(fixture: &Fixture) {
    for (name, value) in [("one", 1), ("two", 2), ("three", 3)] {
        assert_eq!(
            fixture.store.init_meta(name, vec![value]).await.unwrap(),
            [value]
        );
    }
    assert_eq!(fixture.store.init_meta("two", vec![9]).await.unwrap(), [2]);
    assert_eq!(
        fixture.store.init_meta("three", vec![9]).await.unwrap(),
        [3]
    );
}

pub(crate) async fn named_values_are_replaced_and_listed(fixture: &Fixture) {
    let store = &fixture.store;
    let list = || async { store.list_meta("test_%:").await.unwrap() };
    assert!(list().await.is_empty());
    for (name, value) in [
        ("test_%:b", vec![1]),
        ("test_%:a", vec![2; 100_000]),
        ("testx%:c", vec![3]),
        ("test_%:b", vec![4]),
        ("TEST_%:d", vec![5]),
        ("test_%", vec![6]),
    ] {
        store.set_meta(name.to_owned(), value).await.unwrap();
    }
    let found = list().await;
    assert_eq!(
        found,
        [
            ("test_%:a".to_owned(), vec![2; 100_000]),
            ("test_%:b".to_owned(), vec![4]),
        ]
    );
    assert_eq!(store.init_meta("test_%:b", vec![9]).await.unwrap(), [4]);
}

pub(crate) async fn a_named_value_is_replaced_only_if_it_is_the_expected_one(fixture: &Fixture) {
    let store = &fixture.store;
    let replace = |expected: Option<u8>, value: Option<u8>| {
        let bytes = |value: Option<u8>| value.map(|value| vec![value]);
        store.replace_meta("test:a".to_owned(), bytes(expected), bytes(value))
    };
    for other in ["test:", "test:a:", "test:b"] {
        store.set_meta(other.to_owned(), vec![1]).await.unwrap();
    }
    for (expected, value, is_replaced) in [
        (Some(1), Some(2), false),
        (Some(1), None, false),
        (None, None, true),
        (None, Some(1), true),
        (None, Some(2), false),
        (None, None, false),
        (Some(2), Some(3), false),
        (Some(2), None, false),
        (Some(1), Some(2), true),
        (Some(1), Some(3), false),
        (Some(2), None, true),
        (Some(2), None, false),
        (None, Some(4), true),
    ] {
        let replaced = replace(expected, value).await.unwrap();
        assert_eq!(replaced, is_replaced, "{expected:?} -> {value:?}");
    }
    let both = tokio::join!(replace(Some(4), Some(5)), replace(Some(4), Some(6)));
    assert_ne!(both.0.unwrap(), both.1.unwrap(), "one of two wins");
    let found = store.list_meta("test:").await.unwrap();
    assert_eq!(found.len(), 4);
    let others = found.iter().filter(|(name, _)| name != "test:a");
    assert!(others.clone().all(|(_, value)| *value == [1]));
    assert_eq!(others.count(), 3);
}
