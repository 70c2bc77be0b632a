//! Clients that send events, repeat them, and leave before they get a response.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;
use tower_cartgate::EventKind;
use uuid::Uuid;

use super::{
    gate::{ENDPOINTS, Gate},
    ledger::{Departure, SentEvent},
    world::World,
};
use crate::{
    delivery::{
        Head,
        codec::tests::full_head,
        event::{Arrival, EventMetadata, InsertOutcome, Subscribers},
    },
    runtime::clock::Millis,
};

/// The content of an event. A repeated event has the same content and another id.
#[derive(Debug, Clone)]
pub(super) struct Content {
    endpoint: &'static str,
    body: u64,
    unique: Option<u64>,
    is_poison: bool,
}

impl World {
    /// Returns content like none before, or an earlier one.
    pub(super) fn content(&self, earlier: &mut Vec<Content>) -> (Content, bool) {
        let mut random = self.random();
        if !earlier.is_empty() && random.chance(35) {
            let recent = &earlier[earlier.len().saturating_sub(4)..];
            let mut content = random.pick(recent).clone();
            if random.chance(15) {
                // The sender serializes the event anew.
                content.body = random.below(u64::MAX);
            }
            return (content, false);
        }
        let content = Content {
            endpoint: ENDPOINTS[usize::from(random.chance(50))],
            body: random.below(u64::MAX),
            unique: random.chance(50).then(|| random.below(u64::MAX)),
            is_poison: self.plan.faults.poison && random.chance(8),
        };
        earlier.push(content.clone());
        (content, true)
    }
}

impl Gate {
    /// Sends an event to the gate.
    pub(super) fn send(&mut self, world: &Arc<World>, content: &Content, is_first: bool) {
        let arrival = self.arrival(world, content);
        let (id, event) = (self.id, arrival.event.id);
        let leaves = world.plan.faults.leaving && world.random().chance(25);
        let most = if leaves { 3 } else { 30_000 };
        let patience = Duration::from_millis(world.random().below(most));
        let (inbox, wake, world) = (Arc::clone(&self.inbox), self.waker(), Arc::clone(world));
        self.serve(async move {
            let _busy = world.busy();
            let stored = timeout(patience, inbox.insert(arrival, Box::new(()))).await;
            world.note(format_args!("gate {id}: {event} gets {stored:?}"));
            let at = world.elapsed();
            let mut ledger = world.ledger();
            match stored {
                Ok(Ok(InsertOutcome::Stored(_))) => ledger.acknowledge(event, id),
                Ok(Ok(InsertOutcome::Duplicate { .. })) => ledger.drop_duplicate(event),
                Ok(Err(_)) => {}
                Err(_) if is_first => ledger.departures.push(Departure {
                    event,
                    gate: id,
                    at,
                }),
                Err(_) => {}
            }
            drop(ledger);
            if matches!(stored, Ok(Ok(_))) {
                wake();
            }
        });
    }

    fn arrival(&self, world: &World, content: &Content) -> Arrival {
        let queues = self.subscribers(world);
        let received = self.clock.now();
        let metadata = EventMetadata {
            id: world.event_id(received),
            endpoint: content.endpoint.into(),
            kind: EventKind::Order,
            received,
        };
        let id = metadata.id;
        let body = Bytes::from(format!("{{\"id\":{}}}", content.body));
        let head = world.head();
        let event = self.inbox.sealer.seal(metadata, &head, body.clone());
        let unique = content.unique.map(u64::to_be_bytes);
        let mark = unique.map(|value| self.inbox.sealer.mark(content.endpoint, &value));
        let sent = SentEvent {
            endpoint: content.endpoint,
            queues: queues.clone(),
            head,
            body,
            digest: event.digest,
            mark,
            at: world.elapsed(),
            is_poison: content.is_poison,
        };
        world.note(format_args!(
            "gate {}: {id} arrives for {queues:?}: {content:?}",
            self.id
        ));
        world.ledger().sent.insert(id, sent);
        Arrival {
            event,
            subscribers: if queues.is_empty() {
                Subscribers::None(Subscribers::NO_SUBSCRIBER)
            } else {
                Subscribers::Queues(queues)
            },
            unique: mark,
            late: false,
        }
    }

    /// Returns some of the destinations.
    fn subscribers(&self, world: &World) -> Vec<Arc<str>> {
        let mut random = world.random();
        if random.chance(4) {
            return Vec::new();
        }
        let all = random.chance(50);
        let chosen = self.configured.iter().filter(|_| all || random.chance(50));
        let chosen: Vec<_> = chosen.cloned().collect();
        if chosen.is_empty() {
            self.configured[..1].to_vec()
        } else {
            chosen
        }
    }
}

impl World {
    /// Returns a head unlike all others, of the same length.
    fn head(&self) -> Head {
        let target = format!("/hooks/a%2fb?c={:020}", self.random().below(u64::MAX));
        Head {
            target: target.parse().expect("a target"),
            ..full_head()
        }
    }

    fn event_id(&self, received: Millis) -> Uuid {
        let mut random = self.random();
        let time = u128::try_from(received).unwrap_or_default() << 80;
        let high = u128::from(random.below(1 << 12)) << 64;
        let low = u128::from(random.below(1 << 62));
        Uuid::from_u128(time | (7 << 76) | high | (2 << 62) | low)
    }

    /// Checks that the events of clients that left were stored nevertheless, unless the gate or its
    /// store had a fault meanwhile.
    pub(super) fn check_departures(&self, gates: &[&Gate]) {
        let now = self.elapsed();
        let mut ledger = self.ledger();
        let departures = std::mem::take(&mut ledger.departures);
        let (due, later): (Vec<_>, _) = departures
            .into_iter()
            .partition(|departure| now - departure.at > 120_000);
        ledger.departures = later;
        for Departure { event, gate, .. } in due {
            let runs = gates.iter().any(|own| own.id == gate);
            let Some(sent) = ledger.sent.get(&event).filter(|_| runs) else {
                continue;
            };
            let is_alike = |(id, other): (&Uuid, &SentEvent)| {
                let has_mark = sent.mark.is_some() && other.mark == sent.mark;
                *id != event && (has_mark || other.digest == sent.digest)
            };
            let is_well = ledger
                .faults
                .get(&gate)
                .is_none_or(|fault| *fault < sent.at)
                && !ledger.failed.contains(&gate)
                && self.plan.limits.events > 100
                && !ledger.sent.iter().any(is_alike);
            if is_well && !ledger.stored.contains_key(&event) {
                ledger.violate(
                    2,
                    format!("{event} was not stored, because its client left"),
                );
            }
        }
    }
}
