//! Tests of late events, whose senders have sent them again or still will.

use super::{Fixture, arrival, id};
use crate::{
    delivery::event::{Arrival, DeliveryState, FailureCause, InsertOutcome, Settlement, Stored},
    inbox::store::StoreError,
};

fn late(number: u8, body: u8, queues: &[&str]) -> Arrival {
    Arrival {
        late: true,
        ..arrival(number, body, queues)
    }
}

async fn insert(fixture: &Fixture, arrival: Arrival) -> InsertOutcome {
    let stored = fixture.store.insert(arrival, Box::new(())).await;
    stored.expect("no error")
}

fn duplicate(of: u8) -> InsertOutcome {
    InsertOutcome::Duplicate { of: id(of) }
}

async fn settle(fixture: &Fixture, settlement: Settlement) {
    for claim in fixture.claim("shop", 9).await {
        let settled = fixture.store.settle(claim.lease, settlement.clone());
        assert!(settled.await.expect("no error"));
    }
}

pub(crate) async fn a_late_event_is_stored_once(fixture: &Fixture) {
    fixture.insert(1, &["shop"]).await;
    let stored = insert(fixture, late(2, 2, &["shop"])).await;
    assert_eq!(stored, InsertOutcome::stored(0));
    assert_eq!(insert(fixture, late(2, 2, &["shop"])).await, duplicate(2));
    settle(fixture, Settlement::Dead(FailureCause::new(None, "so"))).await;
    // Whatever became of it.
    assert_eq!(insert(fixture, late(2, 2, &["shop"])).await, duplicate(2));
    let with_value = || Arrival {
        unique: Some([7; 32]),
        ..late(3, 3, &["shop"])
    };
    insert(fixture, with_value()).await;
    assert_eq!(insert(fixture, with_value()).await, duplicate(3));
    fixture.insert(4, &["shop"]).await;
    assert_eq!(fixture.all().await.len(), 4);
    assert_eq!(fixture.store.stats().await.expect("stats").events, 4);
}

pub(crate) async fn a_late_event_goes_to_the_destinations_that_lack_its_body(fixture: &Fixture) {
    insert(fixture, arrival(1, 9, &["shop"])).await;
    assert_eq!(insert(fixture, late(2, 9, &["shop"])).await, duplicate(1));
    let beside = Stored {
        copy: 1,
        duplicate_of: Some(id(1)),
        ..Stored::default()
    };
    let stored = insert(fixture, late(3, 9, &["shop", "mail"])).await;
    assert_eq!(stored, InsertOutcome::Stored(beside));
    settle(fixture, Settlement::Delivered { status: 200 }).await;
    assert_eq!(insert(fixture, late(4, 9, &["shop"])).await, duplicate(1));
    insert(fixture, arrival(5, 8, &["shop"])).await;
    settle(fixture, Settlement::Dead(FailureCause::new(None, "so"))).await;
    let stored = insert(fixture, late(6, 8, &["shop"])).await;
    assert_eq!(stored, InsertOutcome::stored(1), "the first is dead");
    let pending = fixture.in_state(DeliveryState::Pending).await;
    let of = |number, queue: &str| (id(number), queue.to_owned());
    assert_eq!(pending, [of(3, "mail"), of(6, "shop")]);
}

pub(crate) async fn a_copy_of_a_late_event_is_a_duplicate(fixture: &Fixture) {
    insert(fixture, late(1, 9, &["shop"])).await;
    assert_eq!(
        insert(fixture, arrival(2, 9, &["shop"])).await,
        duplicate(1)
    );
    settle(fixture, Settlement::Delivered { status: 200 }).await;
    assert_eq!(
        insert(fixture, arrival(3, 9, &["shop"])).await,
        duplicate(1)
    );
    // Copies of other events count as before.
    insert(fixture, arrival(4, 8, &["shop"])).await;
    let copy = insert(fixture, arrival(5, 8, &["shop"])).await;
    assert_eq!(copy, InsertOutcome::stored(1));
    let at_once: Vec<_> = [late(6, 7, &["shop"]), arrival(7, 7, &["shop"])]
        .into_iter()
        .map(|one| fixture.store.insert(one, Box::new(())))
        .collect();
    let outcomes: Result<Vec<_>, StoreError> = futures_util::future::try_join_all(at_once).await;
    let outcomes = outcomes.expect("no error");
    assert_eq!(outcomes, [InsertOutcome::stored(0), duplicate(6)]);
    assert_eq!(fixture.store.stats().await.expect("stats").events, 4);
}
