//! Several gates on one database.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::{join_all, try_join_all};

use super::{START, copy, database, fresh, open_with, servers::postgres::Postgres, store, until};
use crate::{
    delivery::event::{FailureCause, Settlement},
    inbox::{
        settings::Limits,
        store::{
            Selection, Store, StoreError,
            postgres::{
                session::{STATEMENT_TIMEOUT, Session},
                target::Target,
            },
        },
    },
    runtime::clock::Clock,
};

const LEASE: Duration = Duration::from_secs(45);
const DELIVERED: Settlement = Settlement::Delivered { status: 200 };

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn two_gates_never_hold_one_delivery() {
    let server = Postgres::shared();
    let url = database(&server);
    let (one, two) = (store(&url).await, store(&url).await);
    try_join_all((0..300).map(|_| one.insert(fresh(), Box::new(()))))
        .await
        .unwrap();
    let drain = async |store: &Arc<dyn Store>| {
        let mut held = Vec::new();
        loop {
            let claims = store.claim(&"shop".into(), 7, LEASE).await.unwrap();
            if claims.is_empty() {
                return held;
            }
            held.extend(claims.into_iter().map(|claim| claim.lease.event));
        }
    };
    let (first, second) = tokio::join!(drain(&one), drain(&two));
    assert!(!first.is_empty() && !second.is_empty());
    let all: HashSet<_> = first.iter().chain(&second).collect();
    assert_eq!((all.len(), first.len() + second.len()), (300, 300));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn a_dead_gates_deliveries_are_taken_over_after_their_lease() {
    let server = Postgres::shared();
    let url = database(&server);
    let clock = Clock::manual(START);
    let meter = Arc::default();
    let open = || open_with(&url, Limits::default(), &clock, &meter);
    let (one, two) = (open().await, open().await);
    for _ in 0..3 {
        one.insert(fresh(), Box::new(())).await.unwrap();
    }
    let lost = one.claim(&"shop".into(), 2, LEASE).await.unwrap();
    drop(one);
    let rest = two.claim(&"shop".into(), 9, LEASE).await.unwrap();
    assert_eq!((lost.len(), rest.len()), (2, 1));
    clock.advance(LEASE);
    let taken = two.claim(&"shop".into(), 2, LEASE).await.unwrap();
    let token = |claims: &[crate::delivery::event::Claim]| {
        claims.iter().map(|claim| claim.lease.token).sum::<i64>()
    };
    assert_eq!((token(&lost), token(&taken)), (2, 4));
    for claim in lost {
        assert!(!two.settle(claim.lease, DELIVERED).await.unwrap());
    }
    for claim in taken {
        assert!(two.settle(claim.lease, DELIVERED).await.unwrap());
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn waits_follow_the_clock_of_the_database() {
    let server = Postgres::shared();
    let url = database(&server);
    let store = store(&url).await;
    let queue: Arc<str> = "shop".into();
    for _ in 0..3 {
        store.insert(fresh(), Box::new(())).await.unwrap();
    }
    assert_eq!(store.next_due(&queue).await.unwrap(), Some(Duration::ZERO));
    let claims = store.claim(&queue, 2, LEASE).await.unwrap();
    let wait = Duration::from_secs(3600);
    let again = Settlement::Retry {
        wait,
        cause: FailureCause::new(None, "silence"),
    };
    for claim in claims {
        assert!(store.settle(claim.lease, again.clone()).await.unwrap());
    }
    let due = "SELECT count(*) FROM delivery, (SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now) AS clock \
        WHERE due BETWEEN now + 3500000 AND now + 3600000";
    assert_eq!(Postgres::ask(&url, due).unwrap(), "2");
    assert_eq!(store.next_due(&queue).await.unwrap(), Some(Duration::ZERO));
    store.claim(&queue, 1, wait * 2).await.unwrap();
    let left = store.next_due(&queue).await.unwrap().unwrap();
    assert!(left <= wait && left > wait - Duration::from_secs(100));
}

/// Both wait for the lock of a body in the middle. In different orders, each would then hold a lock
/// that the other needs.
#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn inserts_and_settlements_lock_bodies_in_one_order() {
    let server = Postgres::shared();
    let url = database(&server);
    let (coming, going) = (store(&url).await, store(&url).await);
    // Ids and digests have opposite orders.
    for body in (0..30).rev() {
        coming.insert(copy(body), Box::new(())).await.unwrap();
    }
    let claims = going.claim(&"shop".into(), 30, LEASE).await.unwrap();
    let settled = claims
        .into_iter()
        .map(|claim| going.settle(claim.lease, DELIVERED));
    try_join_all(settled).await.unwrap();
    let claims = going.claim(&"mail".into(), 30, LEASE).await.unwrap();
    assert_eq!(claims.len(), 30);

    let target = Target::new(&url, None, None).unwrap();
    let third = Session::open(&target, STATEMENT_TIMEOUT).await.unwrap();
    third.begin().await.unwrap();
    let lock = "SELECT FROM body WHERE digest = $1 FOR UPDATE";
    third
        .client
        .execute(lock, &[&[15_u8; 32].as_slice()])
        .await
        .unwrap();
    let come = join_all((0..30).map(|body| coming.insert(copy(body), Box::new(()))));
    let settled = claims
        .into_iter()
        .map(|claim| going.settle(claim.lease, DELIVERED));
    let go = try_join_all(settled);
    let release = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let both = async || Postgres::ask(&url, waiting).unwrap() == "2";
        until("both wait", both).await;
        third.commit().await.unwrap();
    };
    let (stored, settled, ()) = tokio::join!(come, go, release);
    assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    assert_eq!(settled.unwrap(), [true; 30]);
    drop(third);
    assert_eq!(deadlocks(&url, [coming, going]).await, "0");
}

/// Returns the number of deadlocks, which sessions report when they end at the latest.
async fn deadlocks(url: &str, stores: [Arc<dyn Store>; 2]) -> String {
    drop(stores);
    let sessions = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'cartgate'";
    let ended = async || Postgres::ask(url, sessions).unwrap() == "0";
    until("the sessions end", ended).await;
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    Postgres::ask(url, sql).unwrap()
}

/// Locks bodies, marks and events in every way, from two gates at once and in random orders.
#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn gates_that_hammer_the_same_bodies_never_block_each_other() {
    let server = Postgres::shared();
    let url = database(&server);
    let limits = Limits {
        copies: 3,
        ..Limits::default()
    };
    let meter = Arc::default();
    let open = || open_with(&url, limits, &Clock::System, &meter);
    let stores = [open().await, open().await];
    let rejected = AtomicU32::new(0);
    let work = |which: usize, round: u32| {
        let (store, rejected) = (&stores[which], &rejected);
        async move {
            // The two gates go through the bodies in opposite orders.
            let body = |step: u32| if which == 0 { step } else { 19 - step } as u8;
            let arrivals = (0..20).map(|step| {
                let mut arrival = copy(body(step));
                arrival.unique = (step % 5 == 0).then_some([body(step); 32]);
                store.insert(arrival, Box::new(()))
            });
            for stored in join_all(arrivals).await {
                match stored {
                    Ok(_) => (),
                    Err(StoreError::Copies) => {
                        rejected.fetch_add(1, SeqCst);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            for queue in ["shop", "mail"] {
                let claims = store.claim(&queue.into(), 15, LEASE).await.unwrap();
                try_join_all(
                    claims
                        .into_iter()
                        .map(|claim| store.settle(claim.lease, DELIVERED)),
                )
                .await
                .unwrap();
            }
            if round.is_multiple_of(3) {
                store.sweep(i64::MAX, 9).await.unwrap();
                store.requeue(Selection::default(), None, 5).await.unwrap();
            }
            if round.is_multiple_of(7) {
                store.purge(Selection::default(), 11).await.unwrap();
            }
        }
    };
    let gate = async |which| {
        for round in 0..25 {
            tokio::join!(work(which, round), work(which, round + 1));
        }
    };
    tokio::join!(gate(0), gate(1));
    assert!(rejected.into_inner() > 0, "no body had too many copies");
    assert_eq!(deadlocks(&url, stores).await, "0");
    // All counters match the rows.
    let wrong = "SELECT count(*) FROM body b WHERE events <> (SELECT count(*) FROM event WHERE body = b.id) \
        OR undelivered <> (SELECT count(*) FROM event e WHERE body = b.id \
            AND EXISTS (SELECT FROM delivery WHERE event = e.id AND state <> 1)) OR seen < events";
    assert_eq!(Postgres::ask(&url, wrong).unwrap(), "0");
    let totals = "SELECT (SELECT sum(events) FROM usage) = (SELECT count(*) FROM event) \
        AND (SELECT sum(bytes) FROM usage) = (SELECT coalesce(sum(octet_length(bytes)), 0) FROM body) \
            + (SELECT coalesce(sum(octet_length(head)), 0) FROM event)";
    assert_eq!(Postgres::ask(&url, totals).unwrap(), "t");
    assert_eq!(
        Postgres::ask(
            &url,
            "SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT FROM mark WHERE digest = e.mark) AND mark IS NOT NULL"
        )
        .unwrap(),
        "0"
    );
}
