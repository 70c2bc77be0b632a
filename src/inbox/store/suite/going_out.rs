//! Deliveries are claimed, attempted and settled.

use std::{sync::Arc, time::Duration};

use super::{Fixture, LEASE, START, arrival, id, ids};
use crate::inbox::{
    clock::millis,
    event::{Settlement, State},
};

const DELIVERED: Settlement = Settlement::Delivered { status: 200 };

pub(crate) async fn the_longest_due_are_claimed_first_and_copies_last(fixture: &Fixture) {
    let second = Duration::from_secs(1);
    // Not in the order of their ids; the second of them is a copy.
    for (number, body) in [(5, 5), (1, 5), (4, 4), (2, 2)] {
        let kept = fixture
            .store
            .keep(arrival(number, body, &["shop", "mail"]), Box::new(()));
        kept.await.unwrap();
        fixture.clock.advance(second);
    }
    assert_eq!(ids(&fixture.claim("shop", 2).await), [id(5), id(4)]);
    let rest = fixture.claim("shop", 10).await;
    assert_eq!(ids(&rest), [id(2), id(1)]);
    assert_eq!((rest[1].copy, rest[1].first_received), (1, START + 5));
    assert_eq!(
        ids(&fixture.claim("mail", 10).await),
        [id(5), id(4), id(2), id(1)]
    );
}

pub(crate) async fn a_claim_hides_until_its_lease_ends(fixture: &Fixture) {
    for number in 1..=3 {
        fixture.keep(number, &["shop"]).await;
    }
    let first = fixture.claim("shop", 1).await.remove(0);
    assert_eq!(ids(&fixture.claim("shop", 9).await), [id(2), id(3)]);
    fixture.clock.advance(LEASE - Duration::from_millis(1));
    assert!(fixture.claim("shop", 9).await.is_empty());
    fixture.clock.advance(Duration::from_millis(1));
    // Another gate takes it over; the first one is fenced off.
    let second = fixture.claim("shop", 1).await.remove(0);
    assert_eq!(second.event.id, first.event.id);
    let settle = |lease| fixture.store.settle(lease, DELIVERED);
    assert!(!settle(first.lease).await.unwrap());
    assert_eq!(fixture.in_state(State::Pending).await.len(), 3);
    assert!(settle(second.lease.clone()).await.unwrap());
    assert!(!settle(second.lease).await.unwrap());
    assert_eq!(
        fixture.in_state(State::Delivered).await,
        [(id(1), "shop".to_owned())]
    );
    assert_eq!(fixture.in_state(State::Pending).await.len(), 2);
}

pub(crate) async fn each_settlement_does_its_own(fixture: &Fixture) {
    for number in 1..=6 {
        fixture.keep(number, &["shop"]).await;
    }
    let wait = Duration::from_secs(4);
    let settlements = [
        DELIVERED,
        Settlement::Again {
            wait,
            status: Some(500),
            reason: "status",
        },
        Settlement::Dead {
            status: Some(410),
            reason: "gone",
        },
        Settlement::Quarantined,
        Settlement::Released,
    ];
    fixture.clock.advance(Duration::from_secs(1));
    let now = START + 1000;
    let due = now + millis(wait);
    for (claim, settlement) in fixture.claim("shop", 5).await.into_iter().zip(settlements) {
        assert!(fixture.store.settle(claim.lease, settlement).await.unwrap());
    }
    let all = fixture.all().await;
    let found: Vec<_> = all
        .iter()
        .map(|one| {
            (
                one.state,
                one.attempts,
                one.due,
                one.last,
                one.status,
                one.reason.as_deref(),
            )
        })
        .collect();
    let expected = [
        (State::Delivered, 1, None, Some(now), Some(200), None),
        (
            State::Pending,
            1,
            Some(due),
            Some(now),
            Some(500),
            Some("status"),
        ),
        (State::Dead, 1, None, Some(now), Some(410), Some("gone")),
        (
            State::Quarantined,
            0,
            None,
            Some(now),
            None,
            Some(Settlement::BROKEN),
        ),
        (State::Pending, 0, Some(now), None, None, None),
        (State::Pending, 0, Some(START), None, None, None),
    ];
    assert_eq!(found, expected);
    fixture.clock.advance(Duration::from_secs(4));
    let claims = fixture.claim("shop", 9).await;
    assert_eq!(ids(&claims), [id(6), id(5), id(2)]);
    assert_eq!(
        claims
            .iter()
            .map(|claim| claim.attempts)
            .collect::<Vec<_>>(),
        [0, 0, 1]
    );
}

pub(crate) async fn a_copy_that_was_delivered_is_only_counted(fixture: &Fixture) {
    fixture.keep(9, &["shop"]).await;
    for number in 1..=3 {
        let kept = fixture
            .store
            .keep(arrival(number, 1, &["shop", "mail"]), Box::new(()));
        kept.await.unwrap();
    }
    for claim in fixture.claim("shop", 9).await {
        assert!(fixture.store.settle(claim.lease, DELIVERED).await.unwrap());
    }
    // Still wanted by mail.
    assert_eq!(fixture.store.stats().await.unwrap().events, 4);
    for claim in fixture.claim("mail", 9).await {
        assert!(fixture.store.settle(claim.lease, DELIVERED).await.unwrap());
    }
    let left: Vec<_> = fixture
        .all()
        .await
        .iter()
        .map(|one| (one.event, one.seen))
        .collect();
    assert_eq!(left, [(id(1), 3), (id(1), 3), (id(9), 1)]);
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!((stats.events, stats.bytes), (2, 220));
}

pub(crate) async fn the_next_due_is_told_by_queue(fixture: &Fixture) {
    let next = |queue: &str| fixture.store.next_due(&Arc::from(queue));
    assert_eq!(next("shop").await.unwrap(), None);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (number, queue) in [(1, "shop"), (2, "shop"), (3, "mail")] {
        fixture.keep(number, &[queue]).await;
        fixture.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(next("shop").await.unwrap(), seconds(0));
    assert_eq!(next("mail").await.unwrap(), seconds(0));
    let first = fixture.claim("shop", 1).await.remove(0);
    assert_eq!(next("shop").await.unwrap(), seconds(0));
    fixture.claim("shop", 1).await;
    assert_eq!(next("shop").await.unwrap(), Some(LEASE));
    let again = Settlement::Again {
        wait: Duration::from_secs(20),
        status: None,
        reason: "silence",
    };
    fixture.clock.advance(Duration::from_secs(3));
    assert!(fixture.store.settle(first.lease, again).await.unwrap());
    assert_eq!(next("shop").await.unwrap(), seconds(20));
    fixture.clock.advance(Duration::from_millis(19_999));
    assert_eq!(next("shop").await.unwrap(), Some(Duration::from_millis(1)));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(next("shop").await.unwrap(), seconds(0));
    assert_eq!(next("mail").await.unwrap(), seconds(0));
}
