//! Tests of seals. The store seals deliveries, because it alone knows the number of copies.

use super::{Fixture, START, arrival, id, seals};
use crate::{
    delivery::{
        event::{FailureCause, Settlement, Subscribers},
        seal::SealedDelivery,
    },
    inbox::store::{DeliveryRow, Selection},
};

/// Whether the seal of a delivery belongs to these fields.
fn is_sealed(one: &DeliveryRow, queue: &str, copy: u32) -> bool {
    let delivery = SealedDelivery {
        event: one.event,
        queue,
        copy,
        first_received: one.first_received,
    };
    seals().holds(&delivery, &one.seal)
}

pub(crate) async fn each_delivery_is_sealed_with_its_destination_and_its_copy(fixture: &Fixture) {
    for (number, body) in [(1, 1), (2, 1), (3, 3)] {
        let arrival = arrival(number, body, &["shop", "mail"]);
        fixture.store.insert(arrival, Box::new(())).await.unwrap();
    }
    let mut unwanted = arrival(4, 4, &[]);
    unwanted.subscribers = Subscribers::None(Subscribers::NO_SUBSCRIBER);
    fixture.store.insert(unwanted, Box::new(())).await.unwrap();
    let all = fixture.all().await;
    assert_eq!(all.len(), 7);
    for one in &all {
        assert!(is_sealed(one, &one.queue, one.copy));
        assert!(!is_sealed(one, &one.queue, one.copy + 1));
        assert!(!is_sealed(one, "other", one.copy));
    }
    let claims = fixture.claim("shop", 9).await;
    assert_eq!(claims.len(), 3);
    for claim in claims {
        let delivery = SealedDelivery {
            event: claim.event.id,
            queue: "shop",
            copy: claim.copy,
            first_received: claim.first_received,
        };
        assert!(seals().holds(&delivery, &claim.seal));
    }
    let copy = all.iter().find(|one| one.event == id(2)).unwrap();
    assert_eq!((copy.copy, copy.first_received), (1, START + 1));
}

pub(crate) async fn a_move_seals_a_delivery_anew(fixture: &Fixture) {
    for number in 1..=3 {
        fixture.insert(number, &["shop"]).await;
    }
    for claim in fixture.claim("shop", 2).await {
        let dead = Settlement::Dead(FailureCause::new(None, "silence"));
        assert!(fixture.store.settle(claim.lease, dead).await.unwrap());
    }
    let first = Selection {
        ids: vec![id(1)],
        ..Selection::default()
    };
    let moved = fixture.store.requeue(first, Some("mail".into()), 9).await;
    assert_eq!(moved.unwrap(), 1);
    let queues: Vec<_> = fixture
        .all()
        .await
        .iter()
        .map(|one| (is_sealed(one, &one.queue, 0), one.queue.clone()))
        .collect();
    let sealed = |queue: &str| (true, queue.to_owned());
    assert_eq!(queues, [sealed("mail"), sealed("shop"), sealed("shop")]);
}
