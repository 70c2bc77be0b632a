//! Rows to be written, column by column.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::time::now;
use crate::{
    delivery::{
        event::{Arrival, DeliveryState, Subscribers},
        seal::{DeliverySeals, SealedDelivery},
    },
    inbox::store::admission::Admission,
    runtime::clock::Millis,
};

/// A parameter.
type Value<'a> = &'a (dyn ToSql + Sync);

/// An arrival that is stored, with what is known of its body.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) admission: &'a Admission,
    pub(super) body: i64,
    /// How many with the same body came before, and when the first of them came.
    pub(super) copy: u32,
    pub(super) first_received: Millis,
}

/// Rows of events.
#[derive(Default)]
pub(super) struct Events<'a> {
    ids: Vec<Uuid>,
    endpoints: Vec<&'a str>,
    kinds: Vec<&'static str>,
    received: Vec<Millis>,
    bodies: Vec<i64>,
    copies: Vec<i64>,
    heads: Vec<&'a [u8]>,
    seals: Vec<&'a [u8]>,
    marks: Vec<Option<&'a [u8]>>,
}

/// Rows of deliveries.
#[derive(Default)]
pub(super) struct Deliveries<'a> {
    events: Vec<Uuid>,
    queues: Vec<&'a str>,
    states: Vec<i16>,
    ranks: Vec<i16>,
    reasons: Vec<Option<&'static str>>,
    seals: Vec<Vec<u8>>,
}

impl<'a> Events<'a> {
    pub(super) const ADD: &'static str =
        "INSERT INTO event (id, endpoint, kind, received, body, copy, head, seal, mark)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::bytea[], $8::bytea[], $9::bytea[])";

    pub(super) fn of(stored: impl Iterator<Item = Stored<'a>>) -> Self {
        let mut rows = Self::default();
        for one in stored {
            let event = &one.arrival.event;
            rows.ids.push(event.id);
            rows.endpoints.push(&event.endpoint);
            rows.kinds.push(event.kind.as_str());
            rows.received.push(event.received);
            rows.bodies.push(one.body);
            rows.copies.push(one.copy.into());
            rows.heads.push(&event.head);
            rows.seals.push(&event.seal);
            rows.marks
                .push(one.admission.mark.as_ref().map(|mark| &mark[..]));
        }
        rows
    }

    /// Bytes of the heads.
    pub(super) fn size(&self) -> i64 {
        self.heads.iter().map(|head| head.len() as i64).sum()
    }

    pub(super) fn values(&self) -> [Value<'_>; 9] {
        [
            &self.ids,
            &self.endpoints,
            &self.kinds,
            &self.received,
            &self.bodies,
            &self.copies,
            &self.heads,
            &self.seals,
            &self.marks,
        ]
    }
}

impl<'a> Deliveries<'a> {
    pub(super) const ADD: &'static str = concat!(
        "INSERT INTO delivery (event, queue, state, rank, reason, seal, due, last)
         SELECT d.*, n.now, CASE WHEN d.state <> 0 THEN n.now END
         FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::text[], $6::bytea[])
                  AS d (event, queue, state, rank, reason, seal), (SELECT ",
        now!(7),
        " AS now) AS n"
    );

    pub(super) fn of(stored: impl Iterator<Item = Stored<'a>>, seals: &DeliverySeals) -> Self {
        let mut rows = Self::default();
        for one in stored {
            for queue in &one.admission.queues {
                rows.add(&one, queue, seals);
            }
        }
        rows
    }

    fn add(&mut self, one: &Stored<'a>, queue: &'a str, seals: &DeliverySeals) {
        let event = one.arrival.event.id;
        let (state, reason) = match one.arrival.subscribers {
            Subscribers::Queues(_) => (DeliveryState::Pending, None),
            Subscribers::None(reason) => (DeliveryState::Dead, Some(reason)),
        };
        self.events.push(event);
        self.queues.push(queue);
        self.states.push(state as i16);
        self.ranks.push(i16::from(one.copy > 0));
        self.reasons.push(reason);
        let delivery = SealedDelivery {
            event,
            queue,
            copy: one.copy,
            first_received: one.first_received,
        };
        self.seals.push(seals.seal(&delivery).to_vec());
    }

    pub(super) fn values<'v>(&'v self, now: &'v Option<Millis>) -> [Value<'v>; 7] {
        [
            &self.events,
            &self.queues,
            &self.states,
            &self.ranks,
            &self.reasons,
            &self.seals,
            now,
        ]
    }
}
