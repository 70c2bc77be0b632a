//! Tests of the operations of operators and of the retention: requeue, remove.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{Fixture, LEASE, START, arrival, id, ids};
use crate::{
    delivery::event::{DeliveryState, FailureCause, Settlement, Subscribers},
    inbox::store::{ListOrder, QueueStats, Selection},
};

const DELIVERED: Settlement = Settlement::Delivered { status: 200 };
const GIVEN_UP: Settlement = Settlement::Dead(FailureCause::new(Some(500), "status"));

/// Stores six events for shop: 1 and 2 delivered, 3 and 4 dead, 5 quarantined, 6 pending.
pub(super) async fn six(fixture: &Fixture) {
    for number in 1..=6 {
        fixture.insert(number, &["shop"]).await;
    }
    let settlements = [
        DELIVERED,
        DELIVERED,
        GIVEN_UP,
        GIVEN_UP,
        Settlement::Quarantined,
    ];
    let claims = fixture.claim("shop", settlements.len()).await;
    for (claim, settlement) in claims.into_iter().zip(settlements) {
        assert!(fixture.store.settle(claim.lease, settlement).await.unwrap());
    }
    fixture.clock.advance(Duration::from_secs(60));
}

pub(super) fn only(numbers: &[u8]) -> Selection {
    Selection {
        ids: numbers.iter().map(|number| id(*number)).collect(),
        ..Selection::default()
    }
}

pub(super) fn states(states: &[DeliveryState]) -> Selection {
    Selection {
        states: states.to_vec(),
        ..Selection::default()
    }
}

pub(super) async fn selected(fixture: &Fixture, selection: Selection) -> Vec<Uuid> {
    let listed = fixture
        .store
        .list(selection, ListOrder::default(), None, 100)
        .await
        .unwrap();
    listed.into_iter().map(|listed| listed.event).collect()
}

/// Returns the events in this state.
async fn now(fixture: &Fixture, state: DeliveryState) -> Vec<Uuid> {
    selected(fixture, states(&[state])).await
}

pub(crate) async fn dead_letters_are_requeued(fixture: &Fixture) {
    six(fixture).await;
    let dead = states(&[DeliveryState::Dead]);
    assert_eq!(
        fixture.store.requeue(dead.clone(), None, 1).await.unwrap(),
        1
    );
    assert_eq!(now(fixture, DeliveryState::Pending).await, [id(3), id(6)]);
    assert_eq!(now(fixture, DeliveryState::Dead).await, [id(4)]);
    assert_eq!(fixture.store.requeue(dead, None, 9).await.unwrap(), 1);
    // A delivered event can be replayed, a quarantined one only if the state is named.
    assert_eq!(
        fixture.store.requeue(only(&[1, 5]), None, 9).await.unwrap(),
        1
    );
    assert_eq!(now(fixture, DeliveryState::Quarantined).await, [id(5)]);
    assert_eq!(now(fixture, DeliveryState::Delivered).await, [id(2)]);
    let claims = fixture.claim("shop", 9).await;
    // Requeued deliveries are due since the requeue, the one that always waited since its arrival.
    assert_eq!(claims[0].event.id, id(6));
    assert_eq!(claims.len(), 4);
    assert!(claims.iter().all(|claim| claim.attempts == 0));
    let broken = states(&[DeliveryState::Quarantined]);
    assert_eq!(fixture.store.requeue(broken, None, 9).await.unwrap(), 1);
    assert_eq!(ids(&fixture.claim("shop", 9).await), [id(5)]);
    assert_eq!(now(fixture, DeliveryState::Delivered).await, [id(2)]);
}

pub(crate) async fn a_delivery_under_way_is_not_attempted_twice_at_once(fixture: &Fixture) {
    for number in 1..=3 {
        fixture.insert(number, &["shop"]).await;
    }
    let claims = fixture.claim("shop", 2).await;
    let all = only(&[1, 2, 3]);
    assert_eq!(
        fixture.store.requeue(all.clone(), None, 9).await.unwrap(),
        3
    );
    assert_eq!(ids(&fixture.claim("shop", 9).await), [id(3)]);
    // A settlement ends the lease, so the next requeue finds a waiting delivery.
    let again = Settlement::Retry {
        wait: Duration::from_secs(3600),
        cause: FailureCause::new(Some(500), "status"),
    };
    let settled = fixture.store.settle(claims[0].lease.clone(), again);
    assert!(settled.await.unwrap());
    assert_eq!(
        fixture.store.requeue(all.clone(), None, 9).await.unwrap(),
        3
    );
    assert_eq!(ids(&fixture.claim("shop", 9).await), [id(1)]);
    // The attempt under way concerns another destination than the one that the delivery moves to.
    let to = Some("mail".into());
    assert_eq!(fixture.store.requeue(only(&[3]), to, 9).await.unwrap(), 1);
    assert_eq!(ids(&fixture.claim("mail", 9).await), [id(3)]);
    // A dead gate settles nothing. Its delivery comes back when the lease ends.
    fixture.clock.advance(LEASE);
    assert_eq!(fixture.store.requeue(all, None, 9).await.unwrap(), 3);
    let claimed = fixture.claim("shop", 9).await;
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().all(|claim| claim.attempts == 0));
}

pub(crate) async fn each_requeue_is_noticed(fixture: &Fixture) {
    six(fixture).await;
    fixture.insert(7, &["mail"]).await;
    let last = async |queue: &str| fixture.store.last_requeue(&queue.into()).await.unwrap();
    assert_eq!(last("shop").await, None);
    let nothing = fixture.store.requeue(only(&[90]), None, 9).await.unwrap();
    assert_eq!((nothing, last("shop").await), (0, None));
    fixture.store.requeue(only(&[3]), None, 9).await.unwrap();
    let first = last("shop").await;
    assert!(first.is_some() && last("mail").await.is_none());
    fixture.store.requeue(only(&[3]), None, 9).await.unwrap();
    assert_ne!(last("shop").await, first);
    let to = Some("mail".into());
    fixture.store.requeue(only(&[4]), to, 9).await.unwrap();
    assert!(last("mail").await.is_some());
}

pub(crate) async fn a_requeue_moves_deliveries_to_another_queue(fixture: &Fixture) {
    six(fixture).await;
    fixture.insert(7, &["shop", "mail"]).await;
    let mut unwanted = arrival(8, 8, &[]);
    unwanted.subscribers = Subscribers::None(Subscribers::NO_SUBSCRIBER);
    fixture.store.insert(unwanted, Box::new(())).await.unwrap();
    let mail: Option<Arc<str>> = Some("mail".into());
    // A delivery without a queue stays, unless it moves to one.
    assert_eq!(fixture.store.requeue(only(&[8]), None, 9).await.unwrap(), 0);
    let chosen = only(&[3, 5, 7, 8]);
    assert_eq!(fixture.store.requeue(chosen, mail, 9).await.unwrap(), 4);
    let claims = fixture.claim("mail", 9).await;
    let mut claimed = ids(&claims);
    claimed.sort();
    assert_eq!(claimed, [id(3), id(7), id(8)]);
    let pending = fixture.in_state(DeliveryState::Pending).await;
    let at = |number, queue: &str| (id(number), queue.to_owned());
    assert_eq!(
        pending,
        [at(3, "mail"), at(6, "shop"), at(7, "mail"), at(8, "mail")]
    );
    assert_eq!(fixture.in_state(DeliveryState::Dead).await, [at(4, "shop")]);
    assert_eq!(
        fixture.in_state(DeliveryState::Quarantined).await,
        [at(5, "shop")]
    );
    // No delivery replaces a quarantined one.
    let shop: Option<Arc<str>> = Some("shop".into());
    fixture.insert(9, &["shop", "mail"]).await;
    fixture.clock.advance(Duration::from_secs(60));
    for claim in fixture.claim("shop", 9).await {
        let broken = fixture.store.settle(claim.lease, Settlement::Quarantined);
        assert!(broken.await.unwrap());
    }
    assert_eq!(
        fixture.store.requeue(only(&[3, 9]), shop, 9).await.unwrap(),
        1
    );
    let pending = fixture.in_state(DeliveryState::Pending).await;
    assert_eq!(
        pending,
        [at(3, "shop"), at(7, "mail"), at(8, "mail"), at(9, "mail")]
    );
    let broken = fixture.in_state(DeliveryState::Quarantined).await;
    assert_eq!(broken, [at(5, "shop"), at(6, "shop"), at(9, "shop")]);
}

pub(crate) async fn a_purge_removes_the_selected_deliveries(fixture: &Fixture) {
    six(fixture).await;
    fixture.insert(7, &["shop", "mail"]).await;
    let stuck = states(&[DeliveryState::Dead, DeliveryState::Quarantined]);
    assert_eq!(fixture.store.purge(stuck.clone(), 2).await.unwrap(), 2);
    assert_eq!(fixture.store.purge(stuck, 2).await.unwrap(), 1);
    let mail = Selection {
        queue: Some("mail".to_owned()),
        ..Selection::default()
    };
    assert_eq!(fixture.store.purge(mail, 9).await.unwrap(), 1);
    let left: Vec<_> = fixture.all().await.iter().map(|one| one.event).collect();
    assert_eq!(left, [1, 2, 6, 7].map(id));
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!((stats.events, stats.bytes), (4, 440));
    // The body is gone, too: the same bytes make a new body.
    let again = fixture
        .store
        .insert(arrival(9, 3, &["shop"]), Box::new(()))
        .await
        .unwrap();
    assert_eq!(again, crate::delivery::event::InsertOutcome::stored(0));
}

pub(crate) async fn a_sweep_removes_events_delivered_everywhere(fixture: &Fixture) {
    six(fixture).await;
    fixture.insert(7, &["shop", "mail"]).await;
    let claim = fixture.claim("mail", 1).await.remove(0);
    assert!(fixture.store.settle(claim.lease, DELIVERED).await.unwrap());
    assert_eq!(fixture.store.sweep(START, 9).await.unwrap(), 0);
    assert_eq!(fixture.store.sweep(START + 1, 1).await.unwrap(), 1);
    // An event that was delivered to one of its two queues stays, and so do dead letters.
    assert_eq!(fixture.store.sweep(START + 1_000_000, 9).await.unwrap(), 1);
    assert_eq!(fixture.store.sweep(START + 1_000_000, 9).await.unwrap(), 0);
    let left: Vec<_> = fixture.all().await.iter().map(|one| one.event).collect();
    assert_eq!(left, [3, 4, 5, 6, 7, 7].map(id));
    assert_eq!(fixture.store.stats().await.unwrap().events, 5);
}

pub(crate) async fn stats_count_events_bytes_and_queues(fixture: &Fixture) {
    six(fixture).await;
    fixture.insert(7, &["shop", "mail"]).await;
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!((stats.events, stats.bytes), (7, 770));
    let queue = |queue: &str, numbers: [u64; 3], oldest| QueueStats {
        queue: queue.to_owned(),
        pending: numbers[0],
        dead: numbers[1],
        quarantined: numbers[2],
        oldest: Some(START + oldest),
    };
    assert_eq!(
        stats.queues,
        [queue("mail", [1, 0, 0], 7), queue("shop", [2, 2, 1], 6)]
    );
}
