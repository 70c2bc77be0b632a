//! The profile of one endpoint.

use serde::{Deserialize, Serialize};
use tower_cartgate::EventKind;

use super::{
    reading::PayloadReading,
    rhythm::{Pauses, Rhythm},
    sender::{Names, Repeats, Sizes},
    shape::{PayloadShape, ShapeEvent},
};
use crate::runtime::clock::Millis;

/// The facts about the deliveries of one endpoint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Learned {
    /// The time of the first delivery.
    pub(super) first: Option<Millis>,
    /// The time of the last one.
    pub(super) last: Option<Millis>,
    /// When an operator last accepted the shape; zero if never.
    pub(super) accepted: Millis,
    /// Whether the endpoint stored its last delivery.
    pub(super) durable: bool,
    pub(super) deliveries: u64,
    /// The deliveries whose body had not come before.
    pub(super) bodies: u64,
    pub(super) not_json: u64,
    pub(super) too_large: u64,
    pub(super) methods: Names,
    pub(super) content_types: Names,
    pub(super) headers: Names,
    pub(super) sizes: Sizes,
    pub(super) repeats: Repeats,
    /// Profiles of earlier versions have none.
    #[serde(default)]
    pub(super) pauses: Pauses,
    pub(super) shape: PayloadShape,
}

/// The facts of one delivery.
#[derive(Debug)]
pub(super) struct Facts<'s> {
    pub(super) received: Millis,
    pub(super) durable: bool,
    pub(super) kind: EventKind,
    pub(super) method: &'s str,
    pub(super) content_type: Option<&'s str>,
    pub(super) headers: Vec<&'s str>,
    pub(super) length: u64,
    pub(super) body: BodyFacts,
}

/// The body of a delivery.
#[derive(Debug)]
pub(super) enum BodyFacts {
    /// It is larger than bodies that are read.
    TooLarge,
    /// It was read.
    Read {
        digest: u64,
        /// None if it is no JSON.
        reading: Option<PayloadReading>,
    },
}

impl Learned {
    /// Learns a delivery. Returns the news about the shape.
    pub(super) fn learn(&mut self, facts: &Facts<'_>) -> Vec<ShapeEvent> {
        self.first.get_or_insert(facts.received);
        if let Some(last) = self.last {
            self.pauses.add(last, facts.received);
        }
        self.last = self.last.max(Some(facts.received));
        self.durable = facts.durable;
        self.deliveries += 1;
        self.sizes.add(facts.length);
        self.methods.add(facts.method, self.deliveries);
        if let Some(content_type) = facts.content_type {
            self.content_types.add(content_type, self.deliveries);
        }
        for name in &facts.headers {
            self.headers.add(name, self.deliveries);
        }
        match &facts.body {
            BodyFacts::TooLarge => {
                self.too_large += 1;
                self.bodies += 1;
                Vec::new()
            }
            BodyFacts::Read { digest, reading } => {
                self.learn_body(facts, *digest, reading.as_ref())
            }
        }
    }

    /// Learns a body. A retry has the same body again, and is no more evidence about the shape.
    fn learn_body(
        &mut self,
        facts: &Facts<'_>,
        digest: u64,
        reading: Option<&PayloadReading>,
    ) -> Vec<ShapeEvent> {
        if facts.length > 0 && self.repeats.note(digest, facts.received) {
            return Vec::new();
        }
        self.bodies += 1;
        self.not_json += u64::from(reading.is_none());
        let nothing = PayloadReading::nothing();
        let reading = reading.unwrap_or(&nothing);
        self.shape.learn(reading, facts.kind, facts.received)
    }

    /// Returns the rhythm of the deliveries.
    pub(super) fn rhythm(&self, now: Millis) -> Rhythm {
        let first = self.first;
        Rhythm {
            last: self.last,
            silence: first.and_then(|first| self.pauses.silence(first, now)),
        }
    }

    /// Accepts the shape of the last bodies. Returns the number of changes that end.
    pub(super) fn accept(&mut self, now: Millis) -> usize {
        self.accepted = self.accepted.max(now);
        self.shape.accept()
    }

    /// Whether this profile replaces another one of the same endpoint, which another gate stored:
    /// it has been accepted later, or has learned more.
    pub(super) fn supersedes(&self, other: &Self) -> bool {
        (self.accepted, self.deliveries) > (other.accepted, other.deliveries)
    }
}
