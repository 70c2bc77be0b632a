//! The ledger: the deeds of clients, apps and operators, and the last content of the store. They
//! determine what the store may hold next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use uuid::Uuid;

use super::rows::{self, Key, Row, Rows};
use crate::{delivery::Head, runtime::clock::Millis};

/// One run of a gate, from a start to its end.
pub(super) type GateId = u32;

/// A broken invariant, by its number in `inbox`.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) invariant: u8,
    pub(super) text: String,
}

/// An event that a client sent.
#[derive(Debug)]
pub(super) struct SentEvent {
    pub(super) endpoint: &'static str,
    pub(super) queues: Vec<Arc<str>>,
    pub(super) head: Head,
    pub(super) body: Bytes,
    pub(super) digest: [u8; 32],
    pub(super) mark: Option<[u8; 32]>,
    pub(super) at: Millis,
    /// Whether it crashes each app.
    pub(super) is_poison: bool,
}

/// The claim of a delivery.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) gate: GateId,
    pub(super) since: Millis,
    pub(super) lease: Millis,
}

/// A client that left before it got a response.
#[derive(Debug)]
pub(super) struct Departure {
    pub(super) event: Uuid,
    pub(super) gate: GateId,
    pub(super) at: Millis,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) sent: BTreeMap<Uuid, SentEvent>,
    pub(super) acknowledged: BTreeSet<Uuid>,
    pub(super) departures: Vec<Departure>,
    /// The number of times that an app accepted a delivery.
    pub(super) accepted: BTreeMap<Key, u32>,
    /// The number of those that a replay has made void.
    pub(super) void: BTreeMap<Key, u32>,
    /// Deliveries to which an app responded 410.
    pub(super) refused: BTreeSet<Key>,
    /// Events that were changed in the store behind its back.
    pub(super) tampered: BTreeSet<Uuid>,
    /// Events that an operator removes, makes due again, or moves.
    pub(super) purged: BTreeSet<Uuid>,
    pub(super) requeued: BTreeSet<Uuid>,
    pub(super) moved: BTreeMap<Uuid, BTreeSet<String>>,
    /// The deliveries in the store.
    pub(super) rows: Rows,
    pub(super) changes: u64,
    /// The latest time that any clock has shown.
    pub(super) latest: Millis,
    pub(super) holds: BTreeMap<Key, Hold>,
    /// The last time at which a delivery stopped to be pending.
    pub(super) ended: BTreeMap<Key, Millis>,
    /// Events that were ever in the store, each with its number among those with its body.
    pub(super) stored: BTreeMap<Uuid, u32>,
    /// The last fault of the store of each gate.
    pub(super) faults: BTreeMap<GateId, Millis>,
    /// Gates whose store has failed.
    pub(super) failed: BTreeSet<GateId>,
    /// The number of power cuts that lost a commit.
    pub(super) power_cuts: u32,
    pub(super) violation: Option<Violation>,
}

impl Ledger {
    pub(super) fn violate(&mut self, invariant: u8, text: String) {
        self.violation.get_or_insert(Violation { invariant, text });
    }

    pub(super) fn has_accepted(&self, key: &Key) -> bool {
        let count = |of: &BTreeMap<Key, u32>| of.get(key).copied().unwrap_or_default();
        count(&self.accepted) > count(&self.void)
    }

    pub(super) fn is_stored(&self, event: Uuid) -> bool {
        rows::has(&self.rows, event)
    }

    pub(super) fn is_moved(&self, event: Uuid) -> bool {
        self.moved.contains_key(&event)
    }

    /// Notes that a client got a 200 for an event that is stored.
    pub(super) fn acknowledge(&mut self, event: Uuid, gate: GateId) {
        if self.failed.contains(&gate) {
            self.violate(6, format!("{event} is acknowledged after a failed sync"));
        }
        if !self.stored.contains_key(&event) {
            self.violate(1, format!("{event} is acknowledged and not stored"));
        }
        self.acknowledged.insert(event);
    }

    /// Notes that a client got a 200 for an event that was dropped as a duplicate.
    pub(super) fn drop_duplicate(&mut self, event: Uuid) {
        let sent = &self.sent[&event];
        let (queues, at) = (sent.queues.clone(), sent.at);
        for queue in queues {
            if !self.has_holder(event, &queue, at) {
                let text = format!("{event} is dropped, and no event like it reaches {queue}");
                self.violate(8, text);
            }
        }
    }

    /// Returns whether a destination has received an event with the same unique value, or was going
    /// to at some time after `since`.
    pub(super) fn has_holder(&self, event: Uuid, queue: &str, since: Millis) -> bool {
        let mark = self.sent[&event].mark;
        let alike = self
            .sent
            .iter()
            .filter(|(id, sent)| **id != event && mark.is_some() && sent.mark == mark);
        alike.map(|(id, _)| (*id, queue.to_owned())).any(|key| {
            // A stranger can also give a delivered event to another destination.
            let is_foreign = self.tampered.contains(&key.0) && self.rows.contains_key(&key);
            let is_pending = self.rows.get(&key).is_some_and(Row::is_pending);
            let was_pending = self.ended.get(&key).is_some_and(|at| *at >= since);
            is_foreign || is_pending || was_pending || self.accepted.contains_key(&key)
        })
    }

    /// Counts the undelivered copies of an event's body for a destination, without the event.
    pub(super) fn undelivered_copies(&self, event: Uuid, queue: &str) -> usize {
        let digest = self.sent[&event].digest;
        let others = self.rows.iter().filter(|((other, own), row)| {
            let is_copy = self
                .sent
                .get(other)
                .is_some_and(|sent| sent.digest == digest);
            *other != event && own == queue && !row.is_delivered() && is_copy
        });
        others.count()
    }

    /// Forgets what has no effect any more, so that a long run does not become slow.
    pub(super) fn forget_before(&mut self, at: Millis) {
        let rows = &self.rows;
        self.sent
            .retain(|event, sent| sent.at >= at || rows::has(rows, *event));
        let sent = &self.sent;
        let keeps = |event: &Uuid| sent.contains_key(event);
        self.accepted.retain(|(event, _), _| keeps(event));
        self.void.retain(|(event, _), _| keeps(event));
        self.ended.retain(|(event, _), _| keeps(event));
        self.refused.retain(|(event, _)| keeps(event));
        self.stored.retain(|event, _| keeps(event));
        for events in [
            &mut self.acknowledged,
            &mut self.tampered,
            &mut self.purged,
            &mut self.requeued,
        ] {
            events.retain(keeps);
        }
        self.moved.retain(|event, _| keeps(event));
    }
}
