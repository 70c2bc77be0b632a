//! New rows of events and deliveries, column by column, as parameters of one statement.

use uuid::Uuid;

use super::{session::Param, time::now};
use crate::{
    delivery::{
        event::{Arrival, DeliveryState, Subscribers},
        seal::{DeliverySeals, SealedDelivery},
    },
    inbox::store::recipients::Recipients,
    runtime::clock::Millis,
};

/// An arrival to store, with the number of its body among the copies.
#[derive(Clone, Copy)]
pub(super) struct NewEvent<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) recipients: &'a Recipients,
    pub(super) body: i64,
    /// The number of earlier events with the same body, and when the first of them came.
    pub(super) copy: u32,
    pub(super) first_received: Millis,
}

/// Rows of events.
#[derive(Default)]
pub(super) struct EventColumns<'a> {
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
pub(super) struct DeliveryColumns<'a> {
    events: Vec<Uuid>,
    queues: Vec<&'a str>,
    states: Vec<i16>,
    ranks: Vec<i16>,
    reasons: Vec<Option<&'static str>>,
    seals: Vec<Vec<u8>>,
}

impl<'a> EventColumns<'a> {
    pub(super) const INSERT: &'static str =
        "INSERT INTO event (id, endpoint, kind, received, body, copy, head, seal, mark)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::bytea[], $8::bytea[], $9::bytea[])";

    pub(super) fn of(new: impl Iterator<Item = NewEvent<'a>>) -> Self {
        let mut rows = Self::default();
        for one in new {
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
                .push(one.recipients.mark.as_ref().map(|mark| &mark[..]));
        }
        rows
    }

    /// Returns the bytes of the heads.
    pub(super) fn size(&self) -> i64 {
        self.heads.iter().map(|head| head.len() as i64).sum()
    }

    pub(super) fn values(&self) -> [Param<'_>; 9] {
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

impl<'a> DeliveryColumns<'a> {
    pub(super) const INSERT: &'static str = concat!(
        "INSERT INTO delivery (event, queue, state, rank, reason, seal, due, last)
         SELECT d.*, n.now, CASE WHEN d.state <> 0 THEN n.now END
         FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::text[], $6::bytea[])
                  AS d (event, queue, state, rank, reason, seal), (SELECT ",
        now!(7),
        " AS now) AS n"
    );

    pub(super) fn of(new: impl Iterator<Item = NewEvent<'a>>, seals: &DeliverySeals) -> Self {
        let mut rows = Self::default();
        for one in new {
            for queue in &one.recipients.queues {
                rows.add(&one, queue, seals);
            }
        }
        rows
    }

    fn add(&mut self, new: &NewEvent<'a>, queue: &'a str, seals: &DeliverySeals) {
        let event = new.arrival.event.id;
        let (state, reason) = match new.arrival.subscribers {
            Subscribers::Queues(_) => (DeliveryState::Pending, None),
            Subscribers::None(reason) => (DeliveryState::Dead, Some(reason)),
        };
        self.events.push(event);
        self.queues.push(queue);
        self.states.push(state as i16);
        self.ranks.push(i16::from(new.copy > 0));
        self.reasons.push(reason);
        let delivery = SealedDelivery {
            event,
            queue,
            copy: new.copy,
            first_received: new.first_received,
        };
        self.seals.push(seals.seal(&delivery).to_vec());
    }

    pub(super) fn values<'v>(&'v self, now: &'v Option<Millis>) -> [Param<'v>; 7] {
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
