//! Failing stores, lost leases, broken seals, and clocks that are put back.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    app::{App, TIMEOUT},
    fixture::{Fixture, HOUR, MINUTE, SECOND, queue},
};
use crate::{
    delivery::event::{
        Arrival, Claim, DeliveryState, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement,
    },
    inbox::store::{
        Cursor, DeliveryRow, ListOrder, Selection, Stats, Store, StoreError, StoreFuture,
    },
    runtime::clock::Millis,
};

#[tokio::test]
async fn what_somebody_else_has_claimed_is_not_settled() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let ids = [
        fixture.insert(1, &["app"]).await,
        fixture.insert(2, &["elsewhere"]).await,
        fixture.insert(3, &["elsewhere"]).await,
    ];
    let request = app.next().await;
    // An operator moves the delivery to another queue and back, which ends the lease. Another gate
    // then claims it first.
    for queue in ["aside", "app"] {
        let selection = Selection {
            ids: vec![ids[0]],
            ..Selection::default()
        };
        let moved = fixture.store.requeue(selection, Some(queue.into()), 1);
        assert_eq!(moved.await.unwrap(), 1);
    }
    let theirs = fixture.store.claim(&"app".into(), 9, MINUTE).await.unwrap();
    assert_eq!(theirs.len(), 1);
    request.respond("200 OK");
    fixture.dispatcher.drain().await;
    let before = fixture.listed(ids[0], "app").await;
    assert_eq!((before.state, before.attempts), (DeliveryState::Pending, 0));
    let delivered = Settlement::Delivered { status: 200 };
    let settled = fixture
        .store
        .settle(theirs[0].lease.clone(), delivered)
        .await;
    assert!(settled.unwrap(), "it is still theirs");
    for id in &ids[1..] {
        assert_eq!(fixture.listed(*id, "elsewhere").await.attempts, 0);
    }
}

#[tokio::test]
async fn a_broken_seal_never_reaches_an_app() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let mut arrival = fixture.arrival(1, &["app"]);
    arrival.event.body = "body 9".into();
    let tampered = arrival.event.id;
    fixture.store.insert(arrival, Box::new(())).await.unwrap();
    let others = [
        fixture.insert(2, &["app"]).await,
        fixture.insert(3, &["app"]).await,
    ];
    for _ in others {
        let request = app.next().await;
        assert_ne!(request.body, b"body 9");
        request.respond("200 OK");
    }
    fixture.reaches(2, DeliveryState::Delivered).await;
    assert_eq!(
        fixture.listed(tampered, "app").await.state,
        DeliveryState::Quarantined
    );
    fixture.clock.advance(MINUTE);
    fixture.wake();
    fixture.dispatcher.drain().await;
    assert!(app.is_idle());
}

#[tokio::test]
async fn a_settlement_is_tried_again_and_a_store_that_fails_is_left_alone() {
    let mut app = App::start().await;
    let faults = Arc::new(Faults::default());
    let own = Arc::clone(&faults);
    let fixture = Fixture::with_store(vec![queue("app", &app.url)], |store| {
        Arc::new(FaultyStore { store, faults: own })
    });
    let ids = [
        fixture.insert(1, &["app"]).await,
        fixture.insert(2, &["elsewhere"]).await,
        fixture.insert(3, &["elsewhere"]).await,
    ];
    let request = app.next().await;
    faults.settles.store(3, SeqCst);
    request.respond("200 OK");
    let until = |done: Arc<dyn Fn() -> bool + Send + Sync>| {
        let clock = fixture.clock.clone();
        async move {
            let begun = Instant::now();
            while !done() {
                assert!(begun.elapsed() < TIMEOUT);
                clock.advance(Duration::from_millis(100));
                sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let own = Arc::clone(&faults);
    until(Arc::new(move || own.settles.load(SeqCst) == 0)).await;
    fixture.clock.advance(SECOND);
    fixture.reaches(1, DeliveryState::Delivered).await;
    assert!(app.is_idle(), "the app got it once");

    faults.claims.store(3, SeqCst);
    fixture.insert(4, &["app"]).await;
    sleep(Duration::from_millis(20)).await;
    assert_eq!(
        faults.claims.load(SeqCst),
        2,
        "while time stands it asks once"
    );
    let own = Arc::clone(&faults);
    until(Arc::new(move || own.claims.load(SeqCst) == 0)).await;
    fixture.clock.advance(SECOND);
    app.next().await.respond("200 OK");
    fixture.reaches(2, DeliveryState::Delivered).await;
    assert_eq!(fixture.listed(ids[1], "elsewhere").await.attempts, 0);
}

#[tokio::test]
async fn a_clock_that_is_put_back_holds_up_no_queue() {
    let mut app = App::start().await;
    let faults = Arc::new(Faults::default());
    let own = Arc::clone(&faults);
    let fixture = Fixture::with_store(vec![queue("app", &app.url)], |store| {
        Arc::new(FaultyStore { store, faults: own })
    });
    let down = fixture.insert(1, &["app"]).await;
    app.next().await.respond("503 Full");
    fixture.after(0, down, "app").await;
    fixture.clock.put_back(HOUR);
    fixture.insert(2, &["app"]).await;
    fixture.clock.advance(SECOND / 2);
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "its wait is no shorter");
    fixture.clock.advance(SECOND / 2);
    // One of the two was received an hour from now, and is due nevertheless.
    app.next().await.respond("200 OK");
    app.next().await.respond("200 OK");
    fixture.reaches(2, DeliveryState::Delivered).await;

    // The queue finds the work of another gate, which does not notify it.
    fixture.clock.put_back(HOUR);
    let theirs = fixture.arrival(3, &["app"]);
    fixture.store.insert(theirs, Box::new(())).await.unwrap();
    fixture.clock.advance(SECOND);
    app.next().await.respond("200 OK");
    fixture.reaches(3, DeliveryState::Delivered).await;

    faults.claims.store(1, SeqCst);
    fixture.wake();
    let begun = Instant::now();
    while faults.claims.load(SeqCst) > 0 {
        assert!(begun.elapsed() < TIMEOUT);
        sleep(Duration::from_millis(1)).await;
    }
    fixture.clock.put_back(HOUR);
    fixture.insert(4, &["app"]).await;
    fixture.clock.advance(5 * SECOND);
    app.next().await.respond("200 OK");
    fixture.reaches(4, DeliveryState::Delivered).await;
    assert_eq!(fixture.listed(down, "app").await.attempts, 1);
}

#[tokio::test]
async fn a_panic_is_the_end_of_its_signs_of_life() {
    let app = App::start().await;
    let faults = Arc::new(Faults::default());
    let own = Arc::clone(&faults);
    let fixture = Fixture::with_store(vec![queue("app", &app.url)], |store| {
        Arc::new(FaultyStore { store, faults: own })
    });
    assert!(fixture.dispatcher.ping().await);
    faults.panics.store(1, SeqCst);
    fixture.wake();
    let begun = Instant::now();
    while fixture.dispatcher.ping().await {
        assert!(begun.elapsed() < TIMEOUT);
        sleep(Duration::from_millis(1)).await;
    }
}

/// The number of operations that fail.
#[derive(Debug, Default)]
pub(super) struct Faults {
    settles: AtomicU32,
    claims: AtomicU32,
    panics: AtomicU32,
    /// The number of looks for commands, which do not fail.
    pub(super) looks: AtomicU32,
}

fn fails(left: &AtomicU32) -> bool {
    left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

/// A store that fails on demand.
#[derive(Debug)]
pub(super) struct FaultyStore {
    pub(super) store: Arc<dyn Store>,
    pub(super) faults: Arc<Faults>,
}

fn unavailable<T: Send + 'static>() -> StoreFuture<'static, T> {
    Box::pin(async { Err(StoreError::Unavailable("as told".to_owned())) })
}

impl Store for FaultyStore {
    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>> {
        assert!(!fails(&self.faults.panics), "as told");
        if fails(&self.faults.claims) {
            return unavailable();
        }
        self.store.claim(queue, most, lease)
    }

    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        assert!(!fails(&self.faults.panics), "as told");
        if fails(&self.faults.claims) {
            return unavailable();
        }
        self.store.claim_next(queue, after, lease)
    }

    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64> {
        self.store.correct_due(queue)
    }

    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        let (last, faults) = (self.store.last_requeue(queue), Arc::clone(&self.faults));
        Box::pin(async move {
            let last = last.await;
            faults.looks.fetch_add(1, SeqCst);
            last
        })
    }

    fn settle(&self, lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool> {
        if fails(&self.faults.settles) {
            return unavailable();
        }
        self.store.settle(lease, settlement)
    }

    fn insert(&self, arrival: Arrival, held: Box<dyn Send>) -> StoreFuture<'static, InsertOutcome> {
        self.store.insert(arrival, held)
    }

    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        self.store.next_due(queue)
    }

    fn list(
        &self,
        selection: Selection,
        order: ListOrder,
        after: Option<Cursor>,
        most: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>> {
        self.store.list(selection, order, after, most)
    }

    fn count(&self, selection: Selection) -> StoreFuture<'static, u64> {
        self.store.count(selection)
    }

    fn show(&self, id: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>> {
        self.store.show(id)
    }

    fn requeue(
        &self,
        selection: Selection,
        to: Option<Arc<str>>,
        most: usize,
    ) -> StoreFuture<'static, u64> {
        self.store.requeue(selection, to, most)
    }

    fn purge(&self, selection: Selection, most: usize) -> StoreFuture<'static, u64> {
        self.store.purge(selection, most)
    }

    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64> {
        self.store.sweep(before, most)
    }

    fn stats(&self) -> StoreFuture<'static, Stats> {
        self.store.stats()
    }

    fn backup(&self, to: &Path) -> StoreFuture<'static, ()> {
        self.store.backup(to)
    }

    fn init_meta(&self, name: &'static str, value: Vec<u8>) -> StoreFuture<'static, Vec<u8>> {
        self.store.init_meta(name, value)
    }

    fn set_meta(&self, name: String, value: Vec<u8>) -> StoreFuture<'static, ()> {
        self.store.set_meta(name, value)
    }

    fn replace_meta(
        &self,
        name: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<'static, bool> {
        self.store.replace_meta(name, expected, value)
    }

    fn list_meta(&self, prefix: &'static str) -> StoreFuture<'static, Vec<(String, Vec<u8>)>> {
        self.store.list_meta(prefix)
    }

    fn outage(&self) -> Option<StoreError> {
        self.store.outage()
    }
}
