//! Compares late arrivals and copies of late events by their bodies.
//!
//! The rows of the bodies are locked by now, so each statement sees what other gates have committed
//! with the same bodies.

use std::collections::BTreeMap;

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    batch::{Batch, Digest, Groups},
    row::digest,
    session::Session,
};
use crate::{
    delivery::event::Arrival,
    inbox::store::recipients::{Holders, NoRecipient, Recipients},
};

/// The destinations that have received an event with some body, or still will.
#[derive(Default)]
pub(super) struct LateCopies {
    /// Whether the batch has a late arrival. Without one, its arrivals need no comparison with each
    /// other.
    has_late: bool,
    /// Late arrivals that are stored already.
    stored: Vec<Uuid>,
    /// By bodies of late arrivals: any event counts.
    of_any: BTreeMap<Digest, Holders>,
    /// By bodies of other arrivals: only a late event counts.
    of_late: BTreeMap<Digest, Holders>,
}

impl LateCopies {
    /// Looks for the events that the arrivals of a batch have to be compared with.
    pub(super) async fn find(
        batch: &Batch<'_>,
        session: &Session,
        groups: &Groups<'_>,
        rows: &[Row],
    ) -> Result<Self, Error> {
        let mut copies = Self {
            has_late: batch.arrivals.iter().any(|arrival| arrival.late),
            ..Self::default()
        };
        let mut known = Vec::new();
        for row in rows {
            let (key, body): (Digest, i64) = (digest(row, "digest"), row.get("id"));
            let Some(places) = groups.get(&key) else {
                continue;
            };
            let is_known = row.get::<_, i64>("events") > places.len() as i64;
            for &place in places.iter().filter(|_| is_known) {
                if batch.arrivals[place].late {
                    copies.find_any(batch, session, place, body).await?;
                } else if batch.arrivals[place].unique.is_none() {
                    known.push(key);
                }
            }
        }
        known.dedup();
        copies.find_late(session, &known).await?;
        Ok(copies)
    }

    /// Looks for one event with the body of a late arrival for each of its destinations, because a
    /// body may have many copies.
    async fn find_any(
        &mut self,
        batch: &Batch<'_>,
        session: &Session,
        place: usize,
        body: i64,
    ) -> Result<(), Error> {
        const HOLDERS: &str = "SELECT q.queue, (
                 SELECT e.id FROM event AS e JOIN delivery AS d ON d.event = e.id AND d.queue = q.queue
                 WHERE e.body = $1 AND d.state IN (0, 1) LIMIT 1) AS id,
                 EXISTS (SELECT 1 FROM event WHERE id = $3) AS stored
             FROM unnest($2::text[]) AS q (queue)";
        let (event, queues) = (
            &batch.arrivals[place].event,
            &batch.recipients[place].queues,
        );
        let queues: Vec<&str> = queues.iter().map(|queue| &**queue).collect();
        let rows = session.query(HOLDERS, &[&body, &queues, &event.id]).await?;
        let holders = self.of_any.entry(event.digest).or_default();
        for row in rows {
            if row.get("stored") {
                self.stored.push(event.id);
            }
            if let Some(id) = row.get::<_, Option<Uuid>>("id") {
                holders.insert(row.get("queue"), id);
            }
        }
        Ok(())
    }

    /// Looks for late events with these bodies, which have the digests as their marks.
    async fn find_late(&mut self, session: &Session, bodies: &[Digest]) -> Result<(), Error> {
        const HOLDERS: &str = "SELECT e.mark, e.id, d.queue
             FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.mark = ANY ($1) AND d.state IN (0, 1) ORDER BY e.id";
        if bodies.is_empty() {
            return Ok(());
        }
        let digests: Vec<&[u8]> = bodies.iter().map(|digest| &digest[..]).collect();
        for row in session.query(HOLDERS, &[&digests]).await? {
            let holders = self.of_late.entry(digest(&row, "mark")).or_default();
            let id: Uuid = row.get("id");
            holders.entry(row.get("queue")).or_insert(id);
        }
        Ok(())
    }

    /// Removes the destinations that do not lack the arrival. Returns the event that it is a
    /// duplicate of, if none is left.
    pub(super) fn remove_holders(
        &self,
        arrival: &Arrival,
        recipients: &mut Recipients,
    ) -> Option<Uuid> {
        let event = &arrival.event;
        if self.stored.contains(&event.id) {
            return Some(event.id);
        }
        if arrival.unique.is_some() {
            return None;
        }
        let none = Holders::new();
        let all = if arrival.late {
            &self.of_any
        } else {
            &self.of_late
        };
        let holders = all.get(&event.digest).unwrap_or(&none);
        if !arrival.late && holders.is_empty() {
            return None;
        }
        match recipients.remove_holders(event.digest, holders) {
            Err(NoRecipient::Duplicate { of }) => Some(of),
            _ => None,
        }
    }

    /// Adds an arrival that is stored, for later ones of the batch.
    pub(super) fn add(&mut self, arrival: &Arrival, recipients: &Recipients) {
        if !self.has_late {
            return;
        }
        let event = &arrival.event;
        let mut of = vec![&mut self.of_any];
        if arrival.late && arrival.unique.is_none() {
            of.push(&mut self.of_late);
        }
        for all in of {
            let holders = all.entry(event.digest).or_default();
            for queue in &recipients.queues {
                holders.entry(queue.to_string()).or_insert(event.id);
            }
        }
    }
}
