//! Tests of repeated events: by unique value and by body, for each state of the first event and for
//! each destination.

use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;

use super::{Fixture, START, arrival, id};
use crate::{
    delivery::event::{Arrival, DeliveryState, FailureCause, InsertOutcome, Settlement, Stored},
    inbox::store::{Selection, StoreError},
};

const DELIVERED: Settlement = Settlement::Delivered { status: 200 };
const GIVEN_UP: Settlement = Settlement::Dead(FailureCause::new(Some(410), "gone"));

/// Makes event `number` with its own body and the unique `value`.
fn unique(number: u8, value: u8, queues: &[&str]) -> Arrival {
    with_body(number, number, value, queues)
}

fn with_body(number: u8, body: u8, value: u8, queues: &[&str]) -> Arrival {
    Arrival {
        unique: Some([value; 32]),
        ..arrival(number, body, queues)
    }
}

async fn insert(fixture: &Fixture, arrival: Arrival) -> Result<InsertOutcome, StoreError> {
    fixture.store.insert(arrival, Box::new(())).await
}

fn duplicate(of: u8) -> InsertOutcome {
    InsertOutcome::Duplicate { of: id(of) }
}

/// The outcome for an event that is stored for some destinations only, because the others have
/// event `of`.
fn beside(copy: u32, of: u8) -> InsertOutcome {
    InsertOutcome::Stored(Stored {
        copy,
        duplicate_of: Some(id(of)),
        ..Stored::default()
    })
}

/// Settles the only due delivery of a queue.
async fn settle(fixture: &Fixture, queue: &str, settlement: Settlement) {
    let mut claims = fixture.claim(queue, 9).await;
    assert_eq!(claims.len(), 1, "{queue}");
    let lease = claims.remove(0).lease;
    assert!(fixture.store.settle(lease, settlement).await.unwrap());
}

async fn queues_of(fixture: &Fixture, number: u8) -> Vec<String> {
    let shown = fixture.store.show(id(number)).await.unwrap();
    let deliveries = shown.map(|(_, deliveries)| deliveries).unwrap_or_default();
    deliveries.into_iter().map(|one| one.queue).collect()
}

fn only(number: u8, queue: &str) -> Selection {
    Selection {
        ids: vec![id(number)],
        queue: Some(queue.to_owned()),
        ..Selection::default()
    }
}

pub(crate) async fn a_unique_value_comes_in_once(fixture: &Fixture) {
    for number in 1..=3 {
        let mut first = arrival(number, number, &["shop"]);
        first.unique = Some([number; 32]);
        let stored = fixture.store.insert(first, Box::new(())).await.unwrap();
        assert_eq!(stored, InsertOutcome::stored(0));
    }
    let mut second = arrival(4, 4, &["shop"]);
    second.unique = Some([2; 32]);
    let stored = fixture.store.insert(second, Box::new(())).await.unwrap();
    assert_eq!(stored, InsertOutcome::Duplicate { of: id(2) });
    assert_eq!(fixture.store.stats().await.unwrap().events, 3);
    assert!(fixture.store.show(id(4)).await.unwrap().is_none());
}

pub(crate) async fn a_duplicate_is_dropped_where_the_first_is_delivered_or_pending(
    fixture: &Fixture,
) {
    for (first, settlement) in [(1, Some(DELIVERED)), (2, None)] {
        let queue = &format!("shop{first}");
        let stored = insert(fixture, unique(first, first, &[queue]))
            .await
            .unwrap();
        assert_eq!(stored, InsertOutcome::stored(0));
        if let Some(settlement) = settlement {
            settle(fixture, queue, settlement).await;
        }
        let again = insert(fixture, unique(10 + first, first, &[queue])).await;
        assert_eq!(again.unwrap(), duplicate(first));
    }
    // The third event is under way.
    insert(fixture, unique(3, 3, &["shop3"])).await.unwrap();
    let leased = fixture.claim("shop3", 1).await;
    assert_eq!(leased.len(), 1);
    let again = insert(fixture, unique(13, 3, &["shop3"])).await;
    assert_eq!(again.unwrap(), duplicate(3));
    assert_eq!(fixture.all().await.len(), 3);
}

pub(crate) async fn a_duplicate_goes_where_the_first_is_dead_quarantined_or_gone(
    fixture: &Fixture,
) {
    for (first, settlement) in [
        (1, Some(GIVEN_UP)),
        (2, Some(Settlement::Quarantined)),
        (3, None),
        (4, None),
    ] {
        let queue = &format!("shop{first}");
        insert(fixture, unique(first, first, &[queue]))
            .await
            .unwrap();
        match (first, settlement) {
            (_, Some(settlement)) => settle(fixture, queue, settlement).await,
            (3, None) => {
                let purged = fixture.store.purge(only(3, queue), 9).await;
                assert_eq!(purged.unwrap(), 1);
            }
            // The delivery moves to another destination.
            _ => {
                let moved = fixture
                    .store
                    .requeue(only(4, queue), Some("mail".into()), 9);
                assert_eq!(moved.await.unwrap(), 1);
            }
        }
        // An event whose first one is pending stays a duplicate.
        insert(fixture, unique(30 + first, 30 + first, &[queue]))
            .await
            .unwrap();
        let again = insert(fixture, unique(10 + first, first, &[queue])).await;
        assert_eq!(again.unwrap(), InsertOutcome::stored(0), "{first}");
        assert_eq!(queues_of(fixture, 10 + first).await, [queue.as_str()]);
        let other = insert(fixture, unique(20 + first, 30 + first, &[queue])).await;
        assert_eq!(other.unwrap(), duplicate(30 + first));
    }
}

pub(crate) async fn a_duplicate_goes_to_the_destinations_that_lack_the_first(fixture: &Fixture) {
    let both = ["shop", "mail"];
    insert(fixture, unique(9, 9, &both)).await.unwrap();
    for queue in both {
        settle(fixture, queue, DELIVERED).await;
    }
    // One of two destinations has received the first event.
    insert(fixture, unique(1, 1, &both)).await.unwrap();
    settle(fixture, "shop", DELIVERED).await;
    settle(fixture, "mail", GIVEN_UP).await;
    let again = insert(fixture, unique(2, 1, &both)).await.unwrap();
    assert_eq!(again, beside(0, 1));
    assert_eq!(queues_of(fixture, 2).await, ["mail"]);
    // The first event went to a destination that is no longer configured.
    insert(fixture, unique(3, 3, &["old"])).await.unwrap();
    let again = insert(fixture, unique(4, 3, &both)).await.unwrap();
    assert_eq!(again, InsertOutcome::stored(0));
    assert_eq!(queues_of(fixture, 4).await, ["mail", "shop"]);
    // A destination is new.
    insert(fixture, unique(5, 5, &["shop"])).await.unwrap();
    let again = insert(fixture, unique(6, 5, &both)).await.unwrap();
    assert_eq!(again, beside(0, 5));
    assert_eq!(queues_of(fixture, 6).await, ["mail"]);
    assert_eq!(queues_of(fixture, 9).await, ["mail", "shop"]);
}

pub(crate) async fn a_duplicate_of_a_duplicate_counts_too(fixture: &Fixture) {
    insert(fixture, unique(1, 1, &["shop"])).await.unwrap();
    insert(fixture, unique(9, 9, &["mail"])).await.unwrap();
    settle(fixture, "shop", GIVEN_UP).await;
    // The same bytes make a copy, which is pending.
    let again = with_body(2, 1, 1, &["shop"]);
    assert_eq!(
        insert(fixture, again).await.unwrap(),
        InsertOutcome::stored(1)
    );
    let third = insert(fixture, with_body(3, 1, 1, &["shop"]))
        .await
        .unwrap();
    assert_eq!(third, duplicate(2));
    // The delivered copy stays, because it has a unique value.
    settle(fixture, "shop", DELIVERED).await;
    let fourth = insert(fixture, with_body(4, 1, 1, &["shop"]))
        .await
        .unwrap();
    assert_eq!(fourth, duplicate(2));
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 1);
}

pub(crate) async fn duplicates_that_come_at_once_are_stored_once(fixture: &Fixture) {
    fixture.insert(90, &["shop"]).await;
    let arrivals = (1..=20).map(|number| with_body(number, 1, 1, &["shop", "mail"]));
    let outcomes = join_all(arrivals.map(|arrival| insert(fixture, arrival))).await;
    let outcomes: Vec<InsertOutcome> = outcomes.into_iter().map(Result::unwrap).collect();
    let stored = |outcome: &&InsertOutcome| **outcome == InsertOutcome::stored(0);
    assert_eq!(outcomes.iter().filter(stored).count(), 1, "{outcomes:?}");
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 3);
    let all: Vec<Uuid> = fixture.all().await.iter().map(|one| one.event).collect();
    let of = |outcome: &&InsertOutcome| matches!(outcome, InsertOutcome::Duplicate { of } if all.contains(of));
    assert_eq!(outcomes.iter().filter(of).count(), 19);
}

pub(crate) async fn a_duplicate_of_an_arrival_that_is_rejected_is_rejected_too(fixture: &Fixture) {
    for number in 1..=3 {
        insert(fixture, arrival(number, 1, &["shop"]))
            .await
            .unwrap();
    }
    fixture.insert(90, &["shop"]).await;
    let arrivals = (11..=30).map(|number| with_body(number, 1, 7, &["shop"]));
    let results = join_all(arrivals.map(|arrival| insert(fixture, arrival))).await;
    for result in results {
        assert!(matches!(result, Err(StoreError::Copies)), "{result:?}");
    }
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 4);
    let purged = fixture.store.purge(only(1, "shop"), 9).await;
    assert_eq!(purged.unwrap(), 1);
    let again = insert(fixture, with_body(31, 1, 7, &["shop"]))
        .await
        .unwrap();
    assert_eq!(again, InsertOutcome::stored(3));
}

pub(crate) async fn a_duplicate_of_an_arrival_that_is_left_out_is_rejected(fixture: &Fixture) {
    for number in 1..=3 {
        insert(fixture, arrival(number, 1, &["shop"]))
            .await
            .unwrap();
    }
    // The first arrival occupies the store, so that the others share a transaction.
    let pairs = (1..=3).flat_map(|value| {
        [
            with_body(10 + value, 1, value, &["shop", "mail"]),
            with_body(20 + value, 1, value, &["shop"]),
        ]
    });
    let arrivals = [arrival(90, 90, &["mail"])].into_iter().chain(pairs);
    let results = join_all(arrivals.map(|arrival| insert(fixture, arrival))).await;
    for pair in results[1..].chunks(2) {
        let stored = matches!(&pair[0], Ok(InsertOutcome::Stored(stored)) if stored.left_out);
        assert!(stored, "{pair:?}");
        assert!(matches!(pair[1], Err(StoreError::Copies)), "{pair:?}");
    }
}

pub(crate) async fn a_value_that_comes_with_a_third_body_identifies_nothing(fixture: &Fixture) {
    let reused = |copy| {
        InsertOutcome::Stored(Stored {
            copy,
            reused: true,
            ..Stored::default()
        })
    };
    insert(fixture, unique(90, 9, &["shop"])).await.unwrap();
    for (number, body, expected) in [
        (1, 1, InsertOutcome::stored(0)),
        (2, 1, duplicate(1)),
        // A resend may be serialized anew.
        (3, 2, duplicate(1)),
        (4, 2, duplicate(1)),
        (5, 3, reused(0)),
        (6, 4, reused(0)),
        (7, 3, reused(1)),
        (8, 1, reused(1)),
    ] {
        let stored = insert(fixture, with_body(number, body, 1, &["shop"])).await;
        assert_eq!(stored.unwrap(), expected, "{number}");
    }
    // The limit of copies still holds, and other values are compared as before.
    for (number, expected) in [(10, Some(reused(2))), (11, None)] {
        let stored = insert(fixture, with_body(number, 3, 1, &["shop"])).await;
        assert_eq!(stored.ok(), expected);
    }
    let other = insert(fixture, unique(91, 9, &["shop"])).await.unwrap();
    assert_eq!(other, duplicate(90));
}

pub(crate) async fn a_value_is_forgotten_after_its_events(fixture: &Fixture) {
    let day = Duration::from_secs(24 * 60 * 60);
    for number in 1..=3 {
        insert(fixture, unique(number, number, &["shop"]))
            .await
            .unwrap();
    }
    for claim in fixture.claim("shop", 2).await {
        assert!(fixture.store.settle(claim.lease, DELIVERED).await.unwrap());
    }
    // A value that identifies nothing stays known as long as it comes.
    for body in [11, 12] {
        insert(fixture, with_body(body, body, 1, &["shop"]))
            .await
            .unwrap();
    }
    fixture.clock.advance(day);
    let now = START + 24 * 60 * 60 * 1000;
    // Two events and their values go. The third event and the copy are pending.
    assert_eq!(fixture.store.sweep(now, 9).await.unwrap(), 4);
    assert_eq!(fixture.store.sweep(now, 9).await.unwrap(), 0);
    let third = insert(fixture, unique(23, 3, &["shop"])).await.unwrap();
    assert_eq!(third, duplicate(3));
    for number in [21, 22] {
        let again = insert(fixture, unique(number, number - 20, &["shop"])).await;
        assert_eq!(again.unwrap(), InsertOutcome::stored(0));
    }
}

pub(crate) async fn copies_are_counted_for_each_destination(fixture: &Fixture) {
    let left_out = |copy| {
        InsertOutcome::Stored(Stored {
            copy,
            left_out: true,
            ..Stored::default()
        })
    };
    fixture.insert(90, &["shop", "mail"]).await;
    settle(fixture, "shop", DELIVERED).await;
    // Mail is down, and shop receives each event at once.
    for number in 1..=8 {
        let stored = insert(fixture, arrival(number, 1, &["shop", "mail"]))
            .await
            .unwrap();
        let copy = u32::from(number) - 1;
        let expected = if number <= 3 {
            InsertOutcome::stored(copy)
        } else {
            left_out(copy)
        };
        assert_eq!(stored, expected, "{number}");
        settle(fixture, "shop", DELIVERED).await;
    }
    assert_eq!(fixture.claim("mail", 9).await.len(), 4);
    // An event for both is rejected only when both have too many copies.
    for number in 11..=13 {
        let stored = insert(fixture, arrival(number, 1, &["shop", "mail"]))
            .await
            .unwrap();
        assert_eq!(stored, left_out(u32::from(number) - 3));
    }
    let rejected = insert(fixture, arrival(14, 1, &["shop", "mail"])).await;
    assert!(matches!(rejected, Err(StoreError::Copies)), "{rejected:?}");
    let many = (20..40).map(|number| insert(fixture, arrival(number, 1, &["shop", "mail"])));
    for rejected in join_all(many).await {
        assert!(matches!(rejected, Err(StoreError::Copies)), "{rejected:?}");
    }
    let fresh = insert(fixture, arrival(15, 1, &["other", "mail"]))
        .await
        .unwrap();
    assert_eq!(fresh, left_out(11));
}

pub(crate) async fn copies_of_a_removed_destination_do_not_count(fixture: &Fixture) {
    fixture.insert(90, &["shop"]).await;
    for number in 1..=3 {
        insert(fixture, arrival(number, 1, &["old"])).await.unwrap();
    }
    let rejected = insert(fixture, arrival(4, 1, &["old"])).await;
    assert!(matches!(rejected, Err(StoreError::Copies)), "{rejected:?}");
    let stored = insert(fixture, arrival(5, 1, &["new"])).await.unwrap();
    assert_eq!(stored, InsertOutcome::stored(3));
}

pub(crate) async fn dead_and_quarantined_copies_count(fixture: &Fixture) {
    fixture.insert(90, &["mail"]).await;
    for (number, settlement) in [(1, GIVEN_UP), (2, Settlement::Quarantined), (3, GIVEN_UP)] {
        insert(fixture, arrival(number, 1, &["shop"]))
            .await
            .unwrap();
        settle(fixture, "shop", settlement).await;
    }
    let rejected = insert(fixture, arrival(4, 1, &["shop"])).await;
    assert!(matches!(rejected, Err(StoreError::Copies)), "{rejected:?}");
    // Without one of them there is room again.
    assert_eq!(fixture.store.purge(only(1, "shop"), 9).await.unwrap(), 1);
    let stored = insert(fixture, arrival(4, 1, &["shop"])).await.unwrap();
    assert_eq!(stored, InsertOutcome::stored(3));
}
