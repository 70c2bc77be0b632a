//! A store with a planted bug, around the real one.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::{bug::Bug, world::World};
use crate::{
    delivery::{
        Head, codec,
        event::{
            Arrival, Claim, DeliveryState, EventMetadata, InsertOutcome, Lease, ProbeCursor,
            SealedEvent, Settlement,
        },
        seal::SealedDelivery,
    },
    inbox::store::{
        Cursor, DeliveryRow, ListOrder, Selection, Stats, Store, StoreError, StoreFuture,
    },
    runtime::clock::Millis,
};

/// A store with a planted bug.
pub(super) struct PlantedStore {
    pub(super) store: Arc<dyn Store>,
    pub(super) world: Arc<World>,
    pub(super) bug: Bug,
    /// The first event with each unique value.
    pub(super) firsts: Arc<Mutex<BTreeMap<[u8; 32], Uuid>>>,
}

impl std::fmt::Debug for PlantedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PlantedStore").field(&self.bug).finish()
    }
}

impl PlantedStore {
    fn is(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    /// Makes held deliveries due.
    fn forget_leases(&self, queue: &str) {
        if self.is(Bug::IgnoresLease) && self.world.random().chance(30) {
            let database = self.world.database();
            let sql = "UPDATE delivery SET due = ? WHERE queue = ? AND state = 0 AND held = 1";
            let now = self.world.store_clock.now();
            let forgotten = database.connection().execute(sql, (now, queue));
            forgotten.expect("forgotten");
        }
    }

    /// Returns the token of the last claim.
    fn last_token(&self, lease: &Lease) -> Option<i64> {
        let database = self.world.database();
        let sql = "SELECT lease FROM delivery WHERE event = ? AND queue = ?";
        let key = (lease.event.as_bytes(), &*lease.queue);
        let token = database
            .connection()
            .query_row(sql, key, |row| row.get(0))
            .optional();
        token.expect("a token")
    }
}

/// Seals a claim anew if the bug overlooks its changes, which has the effect of a check that is
/// left out.
fn reseal(world: &World, bug: Bug, mut claim: Claim) -> Claim {
    let event = claim.event.clone();
    let plain = event.head.first() == Some(&0);
    let head = plain.then(|| codec::read(&event.head[1..]).ok()).flatten();
    if let Some(head) = head.filter(|head| overlooks(world, bug, &event, head)) {
        let metadata = EventMetadata {
            id: event.id,
            endpoint: event.endpoint,
            kind: event.kind,
            received: event.received,
        };
        claim.event = world.sealer.seal(metadata, &head, event.body);
    }
    if bug == Bug::SkipsSeals {
        claim.seal = reseal_delivery(world, &claim);
    }
    claim
}

/// Returns whether a bug lets an event pass, whether or not it was changed.
fn overlooks(world: &World, bug: Bug, event: &SealedEvent, head: &Head) -> bool {
    let ledger = world.ledger();
    let Some(sent) = ledger.sent.get(&event.id) else {
        return false;
    };
    let is_endpoint = *event.endpoint == *sent.endpoint;
    let is_head = codec::write(head) == codec::write(&sent.head);
    match bug {
        Bug::SkipsHeads => event.body == sent.body && is_endpoint,
        Bug::SkipsEndpoints => event.body == sent.body && is_head,
        _ => true,
    }
}

fn reseal_delivery(world: &World, claim: &Claim) -> [u8; 32] {
    world.sealer.deliveries().seal(&SealedDelivery {
        event: claim.event.id,
        queue: &claim.lease.queue,
        copy: claim.copy,
        first_received: claim.first_received,
    })
}

impl Store for PlantedStore {
    fn insert(
        &self,
        arrival: Arrival,
        memory: Box<dyn Send>,
    ) -> StoreFuture<'static, InsertOutcome> {
        if self.is(Bug::StopsWithClient) {
            let store = Arc::clone(&self.store);
            return Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                store.insert(arrival, memory).await
            });
        }
        if self.is(Bug::AcknowledgesWhatItReads) {
            let (world, id) = (Arc::clone(&self.world), arrival.event.id);
            let stored = self.store.insert(arrival, memory);
            return Box::pin(async move {
                match stored.await {
                    Err(StoreError::Unavailable(_)) if world.ledger().is_stored(id) => {
                        Ok(InsertOutcome::stored(0))
                    }
                    outcome => outcome,
                }
            });
        }
        if let Some(mark) = arrival.unique.filter(|_| self.is(Bug::DropsDuplicates)) {
            let mut firsts = self.firsts.lock().expect("no panic");
            let of = *firsts.entry(mark).or_insert(arrival.event.id);
            if of != arrival.event.id {
                return Box::pin(async move { Ok(InsertOutcome::Duplicate { of }) });
            }
        }
        self.store.insert(arrival, memory)
    }

    fn claim(
        &self,
        queue: &Arc<str>,
        most: usize,
        lease: Duration,
    ) -> StoreFuture<'static, Vec<Claim>> {
        self.forget_leases(queue);
        let claims = self.store.claim(queue, most, lease);
        if self.bug.invariant() != 5 {
            return claims;
        }
        let (world, bug) = (Arc::clone(&self.world), self.bug);
        Box::pin(async move {
            let claims = claims.await?.into_iter();
            Ok(claims.map(|claim| reseal(&world, bug, claim)).collect())
        })
    }

    fn claim_next(
        &self,
        queue: &Arc<str>,
        after: ProbeCursor,
        lease: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        self.forget_leases(queue);
        let claim = self.store.claim_next(queue, after, lease);
        if self.bug.invariant() != 5 {
            return claim;
        }
        let (world, bug) = (Arc::clone(&self.world), self.bug);
        Box::pin(async move { Ok(claim.await?.map(|claim| reseal(&world, bug, claim))) })
    }

    fn settle(&self, mut lease: Lease, settlement: Settlement) -> StoreFuture<'static, bool> {
        let settlement = match (self.bug, settlement) {
            (Bug::SettlesRejected, Settlement::Retry { .. }) => {
                Settlement::Delivered { status: 200 }
            }
            (Bug::ForgetsDeferred, Settlement::Deferred(cause)) => Settlement::Retry {
                wait: Duration::from_secs(60 * 60 * 24 * 365),
                cause,
            },
            (_, settlement) => settlement,
        };
        if self.is(Bug::IgnoresToken)
            && let Some(token) = self.last_token(&lease)
        {
            lease.token = token;
        }
        self.store.settle(lease, settlement)
    }

    fn sweep(&self, before: Millis, most: usize) -> StoreFuture<'static, u64> {
        if !self.is(Bug::RemovesUndelivered) {
            return self.store.sweep(before, most);
        }
        let dead = Selection {
            states: vec![DeliveryState::Dead],
            until: Some(before),
            ..Selection::default()
        };
        self.store.purge(dead, most)
    }

    fn next_due(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        self.store.next_due(queue)
    }

    fn correct_due(&self, queue: &Arc<str>) -> StoreFuture<'static, u64> {
        self.store.correct_due(queue)
    }

    fn last_requeue(&self, queue: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        self.store.last_requeue(queue)
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
