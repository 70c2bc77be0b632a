//! Rows to be written, column by column.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::time::now;
use crate::inbox::{
    clock::Millis,
    event::{Arrival, State, Wanted},
};

/// A parameter.
type Value<'a> = &'a (dyn ToSql + Sync);

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
}

/// Rows of deliveries.
#[derive(Default)]
pub(super) struct Deliveries<'a> {
    events: Vec<Uuid>,
    queues: Vec<&'a str>,
    states: Vec<i16>,
    ranks: Vec<i16>,
    reasons: Vec<Option<&'static str>>,
}

impl<'a> Events<'a> {
    pub(super) const ADD: &'static str =
        "INSERT INTO event (id, endpoint, kind, received, body, copy, head, seal)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::bytea[], $8::bytea[])";

    /// Of arrivals, each with its body's id and how many copies came before.
    pub(super) fn of(arrivals: impl Iterator<Item = (&'a Arrival, i64, i64)>) -> Self {
        let mut rows = Self::default();
        for (arrival, body, copy) in arrivals {
            let event = &arrival.event;
            rows.ids.push(event.id);
            rows.endpoints.push(&event.endpoint);
            rows.kinds.push(event.kind.as_str());
            rows.received.push(event.received);
            rows.bodies.push(body);
            rows.copies.push(copy);
            rows.heads.push(&event.head);
            rows.seals.push(&event.seal);
        }
        rows
    }

    /// Bytes of the heads.
    pub(super) fn size(&self) -> i64 {
        self.heads.iter().map(|head| head.len() as i64).sum()
    }

    pub(super) fn values(&self) -> [Value<'_>; 8] {
        [
            &self.ids,
            &self.endpoints,
            &self.kinds,
            &self.received,
            &self.bodies,
            &self.copies,
            &self.heads,
            &self.seals,
        ]
    }
}

impl<'a> Deliveries<'a> {
    pub(super) const ADD: &'static str = concat!(
        "INSERT INTO delivery (event, queue, state, rank, reason, due, last)
         SELECT d.*, n.now, CASE WHEN d.state <> 0 THEN n.now END
         FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::text[])
                  AS d (event, queue, state, rank, reason), (SELECT ",
        now!(6),
        " AS now) AS n"
    );

    pub(super) fn of(arrivals: impl Iterator<Item = (&'a Arrival, i64, i64)>) -> Self {
        let mut rows = Self::default();
        for (arrival, _, copy) in arrivals {
            match &arrival.wanted {
                Wanted::By(queues) => {
                    for queue in queues {
                        rows.add(arrival, queue, copy, State::Pending, None);
                    }
                }
                Wanted::Nobody(reason) => rows.add(arrival, "", copy, State::Dead, Some(reason)),
            }
        }
        rows
    }

    fn add(
        &mut self,
        arrival: &Arrival,
        queue: &'a str,
        copy: i64,
        state: State,
        reason: Option<&'static str>,
    ) {
        self.events.push(arrival.event.id);
        self.queues.push(queue);
        self.states.push(state as i16);
        self.ranks.push(i16::from(copy > 0));
        self.reasons.push(reason);
    }

    pub(super) fn values<'v>(&'v self, now: &'v Option<Millis>) -> [Value<'v>; 6] {
        [
            &self.events,
            &self.queues,
            &self.states,
            &self.ranks,
            &self.reasons,
            now,
        ]
    }
}
