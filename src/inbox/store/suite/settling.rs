//! Tests of claims and settlements.

use std::{sync::Arc, time::Duration};

use super::{Fixture, LEASE, START, arrival, id, ids};
use crate::{
    delivery::event::{DeliveryState, FailureCause, ProbeCursor, Settlement},
    runtime::clock::millis,
};

const DELIVERED: Settlement = Settlement::Delivered { status: 200 };

pub(crate) async fn the_longest_due_are_claimed_first_and_copies_last(fixture: &Fixture) {
    let second = Duration::from_secs(1);
    // These are not in the order of their ids; the second one is a copy.
    for (number, body) in [(5, 5), (1, 5), (4, 4), (2, 2)] {
        let stored = fixture
            .store
            .insert(arrival(number, body, &["shop", "mail"]), Box::new(()));
        stored.await.unwrap();
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
        fixture.insert(number, &["shop"]).await;
    }
    let first = fixture.claim("shop", 1).await.remove(0);
    assert_eq!(ids(&fixture.claim("shop", 9).await), [id(2), id(3)]);
    fixture.clock.advance(LEASE - Duration::from_millis(1));
    assert!(fixture.claim("shop", 9).await.is_empty());
    fixture.clock.advance(Duration::from_millis(1));
    // Another gate claims the delivery, which fences the first one off.
    let second = fixture.claim("shop", 1).await.remove(0);
    assert_eq!(second.event.id, first.event.id);
    let settle = |lease| fixture.store.settle(lease, DELIVERED);
    assert!(!settle(first.lease).await.unwrap());
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 3);
    assert!(settle(second.lease.clone()).await.unwrap());
    assert!(!settle(second.lease).await.unwrap());
    assert_eq!(
        fixture.in_state(DeliveryState::Delivered).await,
        [(id(1), "shop".to_owned())]
    );
    assert_eq!(fixture.in_state(DeliveryState::Pending).await.len(), 2);
}

pub(crate) async fn each_settlement_has_its_own_effect(fixture: &Fixture) {
    for number in 1..=7 {
        fixture.insert(number, &["shop"]).await;
    }
    let wait = Duration::from_secs(4);
    let response = Some("out of stock".into());
    let settlements = [
        DELIVERED,
        Settlement::Retry {
            wait,
            cause: FailureCause {
                response,
                ..FailureCause::new(Some(500), "status")
            },
        },
        Settlement::Dead(FailureCause::new(Some(410), "gone")),
        Settlement::Quarantined,
        Settlement::Released,
        Settlement::Deferred(FailureCause::new(Some(503), "status")),
    ];
    fixture.clock.advance(Duration::from_secs(1));
    let now = START + 1000;
    let due = now + millis(wait);
    for (claim, settlement) in fixture.claim("shop", 6).await.into_iter().zip(settlements) {
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
        (
            DeliveryState::Delivered,
            1,
            None,
            Some(now),
            Some(200),
            None,
        ),
        (
            DeliveryState::Pending,
            1,
            Some(due),
            Some(now),
            Some(500),
            Some("status"),
        ),
        (
            DeliveryState::Dead,
            1,
            None,
            Some(now),
            Some(410),
            Some("gone"),
        ),
        (
            DeliveryState::Quarantined,
            0,
            None,
            Some(now),
            None,
            Some(Settlement::SEAL_BROKEN),
        ),
        (DeliveryState::Pending, 0, Some(START + 5), None, None, None),
        (
            DeliveryState::Pending,
            0,
            Some(START + 6),
            Some(now),
            Some(503),
            Some("status"),
        ),
        (DeliveryState::Pending, 0, Some(START), None, None, None),
    ];
    assert_eq!(found, expected);
    let responses: Vec<_> = all.iter().map(|one| &one.stored_response).collect();
    assert_eq!(responses[1].as_deref(), Some(b"out of stock".as_slice()));
    assert_eq!(responses.iter().filter(|one| one.is_some()).count(), 1);
    fixture.clock.advance(Duration::from_secs(4));
    let claims = fixture.claim("shop", 9).await;
    assert_eq!(ids(&claims), [id(7), id(5), id(6), id(2)]);
    let attempts: Vec<_> = claims.iter().map(|claim| claim.attempts).collect();
    assert_eq!(attempts, [0, 0, 0, 1]);
    let delivered = fixture.store.settle(claims[3].lease.clone(), DELIVERED);
    assert!(delivered.await.unwrap());
    let all = fixture.all().await;
    assert_eq!((&all[1].reason, &all[1].stored_response), (&None, &None));
}

pub(crate) async fn probes_take_turns(fixture: &Fixture) {
    // All have the same time; the copy among them comes last.
    for (number, body) in [(1, 1), (2, 1), (3, 3), (4, 4)] {
        let mut arrival = arrival(number, body, &["shop", "mail"]);
        arrival.event.received = START;
        fixture.store.insert(arrival, Box::new(())).await.unwrap();
    }
    let (shop, mut turn, mut taken) = (Arc::from("shop"), ProbeCursor::START, Vec::new());
    for _ in 0..9 {
        let claim = fixture.store.claim_next(&shop, turn, LEASE).await.unwrap();
        let claim = claim.expect("one is due");
        turn = ProbeCursor::of(&claim);
        taken.push(claim.event.id);
        let down = Settlement::Deferred(FailureCause::new(None, "silence"));
        assert!(fixture.store.settle(claim.lease, down).await.unwrap());
        fixture.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(taken, [1, 3, 4, 2, 1, 3, 4, 2, 1].map(id));
    assert!(fixture.all().await.iter().all(|one| one.attempts == 0));
    // A claimed delivery is hidden, and the oldest ones come first again.
    let claim = fixture.store.claim_next(&shop, turn, LEASE).await.unwrap();
    assert_eq!(claim.map(|claim| claim.event.id), Some(id(3)));
    assert_eq!(ids(&fixture.claim("shop", 9).await), [1, 4, 2].map(id));
    let none = fixture.store.claim_next(&shop, turn, LEASE).await.unwrap();
    assert!(none.is_none());
    assert_eq!(fixture.claim("mail", 9).await.len(), 4);
}

pub(crate) async fn a_wait_that_began_in_the_future_begins_anew(fixture: &Fixture) {
    const HOUR: Duration = Duration::from_secs(3600);
    let (queue, minute) = (Arc::from("shop"), Duration::from_secs(60));
    let again = |wait| Settlement::Retry {
        wait,
        cause: FailureCause::new(Some(500), "status"),
    };
    let correct = || fixture.store.correct_due(&queue);
    for number in 1..=5 {
        fixture.insert(number, &["shop", "mail"]).await;
    }
    let mut claims = fixture.claim("shop", 3).await.into_iter();
    // The first waits properly. The others are settled, stored and claimed by a clock that is an
    // hour ahead.
    let mut settle = async |wait| {
        let lease = claims.next().unwrap().lease;
        assert!(fixture.store.settle(lease, again(wait)).await.unwrap());
    };
    settle(2 * HOUR).await;
    fixture.clock.advance(HOUR);
    settle(minute).await;
    settle(3 * HOUR).await;
    assert_eq!(fixture.claim("shop", 1).await.len(), 1);
    fixture.insert(6, &["shop"]).await;
    assert_eq!(correct().await.unwrap(), 0, "all waits began before now");
    fixture.clock.put_back(HOUR);
    assert_eq!(correct().await.unwrap(), 4);
    assert_eq!(correct().await.unwrap(), 0);
    let all = fixture.all().await.into_iter();
    let due: Vec<_> = all
        .filter(|one| one.queue == "shop")
        .map(|one| one.due.unwrap() - START)
        .collect();
    let expected = [2 * HOUR, minute, 3 * HOUR, LEASE].map(millis);
    assert_eq!(due[..4], expected);
    assert_eq!(due[4..], [0, 0]);
    assert_eq!(ids(&fixture.claim("shop", 9).await), [id(5), id(6)]);
    assert_eq!(fixture.claim("mail", 9).await.len(), 5);
}

pub(crate) async fn a_copy_that_was_delivered_is_only_counted(fixture: &Fixture) {
    fixture.insert(9, &["shop"]).await;
    for number in 1..=3 {
        let stored = fixture
            .store
            .insert(arrival(number, 1, &["shop", "mail"]), Box::new(()));
        stored.await.unwrap();
    }
    for claim in fixture.claim("shop", 9).await {
        assert!(fixture.store.settle(claim.lease, DELIVERED).await.unwrap());
    }
    // Mail has not received them yet.
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

pub(crate) async fn the_next_due_time_is_that_of_the_queue(fixture: &Fixture) {
    let next = |queue: &str| fixture.store.next_due(&Arc::from(queue));
    assert_eq!(next("shop").await.unwrap(), None);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (number, queue) in [(1, "shop"), (2, "shop"), (3, "mail")] {
        fixture.insert(number, &[queue]).await;
        fixture.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(next("shop").await.unwrap(), seconds(0));
    assert_eq!(next("mail").await.unwrap(), seconds(0));
    let first = fixture.claim("shop", 1).await.remove(0);
    assert_eq!(next("shop").await.unwrap(), seconds(0));
    fixture.claim("shop", 1).await;
    assert_eq!(next("shop").await.unwrap(), Some(LEASE));
    let again = Settlement::Retry {
        wait: Duration::from_secs(20),
        cause: FailureCause::new(None, "silence"),
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
