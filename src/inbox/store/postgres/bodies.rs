//! Stores the bodies of a batch, and counts the copies of each.

use std::collections::BTreeMap;

use tokio_postgres::{Error, Row};

use super::{
    batch::{Batch, Groups, StoredArrival},
    late_copies::LateCopies,
    row::{digest, number},
    session::{Params, Session},
};
use crate::{
    delivery::event::InsertOutcome,
    inbox::store::{error::StoreError, recipients::Copies},
    runtime::clock::Millis,
};

impl Batch<'_> {
    /// Counts each arrival with its body, and selects the arrivals that a destination has room for.
    pub(super) async fn add_bodies(&mut self, session: &Session, most: u32) -> Result<(), Error> {
        let groups = self.groups(|arrival| Some(&arrival.event.digest));
        let rows = self.count_bodies(session, &groups).await?;
        // No destination has more copies than all of them together.
        let is_full = |row: &&Row| row.get::<_, i64>("undelivered") > i64::from(most);
        let full: Vec<i64> = rows
            .iter()
            .filter(is_full)
            .map(|row| row.get("id"))
            .collect();
        let mut copies = undelivered_copies(session, &full).await?;
        let mut late = LateCopies::find(self, session, &groups, &rows).await?;
        for row in &rows {
            if let Some(places) = groups.get(&digest(row, "digest")) {
                let copies = copies.get_mut(&row.get("id"));
                self.add_copies(row, places, copies, most, &mut late);
            }
        }
        Ok(())
    }

    /// Stores bodies, or counts the arrivals with a stored one.
    ///
    /// Equal digests mean equal bytes, so stored bytes that differ were damaged, and would take
    /// each copy into quarantine: they are replaced. The totals stay, because they count the bytes
    /// that arrived.
    async fn count_bodies(
        &self,
        session: &Session,
        groups: &Groups<'_>,
    ) -> Result<Vec<Row>, Error> {
        const BODY: &str = "INSERT INTO body AS b (digest, bytes, first_received, seen, events, undelivered)
             SELECT digest, bytes, received, many, many, many
             FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[])
                 AS new (digest, bytes, received, many)
             ON CONFLICT (digest) DO UPDATE SET seen = b.seen + excluded.seen,
                 events = b.events + excluded.events, undelivered = b.undelivered + excluded.undelivered,
                 bytes = CASE WHEN b.bytes <> excluded.bytes THEN excluded.bytes ELSE b.bytes END
             RETURNING b.id, b.digest, b.first_received, b.seen, b.events, b.undelivered";
        let digests: Vec<&[u8]> = groups.keys().map(|digest| &digest[..]).collect();
        let firsts = || groups.values().map(|places| &self.first(places).event);
        let bodies: Vec<&[u8]> = firsts().map(|event| &event.body[..]).collect();
        let received: Vec<Millis> = firsts().map(|event| event.received).collect();
        let many: Vec<i64> = groups.values().map(|places| places.len() as i64).collect();
        let values: Params<'_> = &[&digests, &bodies, &received, &many];
        session.query(BODY, values).await
    }

    /// Selects the arrivals with one body that are stored, as far as destinations have room for
    /// copies.
    fn add_copies(
        &mut self,
        row: &Row,
        places: &[usize],
        mut copies: Option<&mut Copies>,
        most: u32,
        late: &mut LateCopies,
    ) {
        let many = places.len() as i64;
        let (body, seen, events): (i64, i64, i64) =
            (row.get("id"), row.get("seen"), row.get("events"));
        if events == many {
            self.body_bytes += self.first(places).event.body.len() as i64;
        }
        let (mut copy, mut rejected) = (u32::try_from(seen - many).unwrap_or(u32::MAX), 0);
        for &place in places {
            let (arrival, recipients) = (self.arrivals[place], &mut self.recipients[place]);
            if let Some(of) = late.remove_holders(arrival, recipients) {
                self.results[place] = Some(Ok(InsertOutcome::Duplicate { of }));
                rejected += 1;
                continue;
            }
            if !self.has_room(place, copies.as_deref_mut(), most) {
                self.results[place] = Some(Err(StoreError::Copies));
                rejected += 1;
                continue;
            }
            self.results[place] = Some(Ok(self.recipients[place].stored(copy)));
            late.add(self.arrivals[place], &self.recipients[place]);
            self.stored.push(StoredArrival {
                place,
                body,
                copy,
                first_received: row.get("first_received"),
            });
            copy = copy.saturating_add(1);
        }
        if rejected > 0 {
            self.excess.push((body, rejected));
        }
    }

    /// Removes the destinations of an arrival that have too many copies of its body. Returns
    /// whether one is left, and counts the arrival for those that are.
    fn has_room(&mut self, place: usize, copies: Option<&mut Copies>, most: u32) -> bool {
        let Some(copies) = copies else {
            return true;
        };
        let recipients = &mut self.recipients[place];
        if recipients.limit_copies(copies, most).is_err() {
            return false;
        }
        for queue in &recipients.queues {
            *copies.entry(queue.to_string()).or_default() += 1;
        }
        true
    }
}

/// Counts the undelivered copies of these bodies, by destination.
async fn undelivered_copies(
    session: &Session,
    bodies: &[i64],
) -> Result<BTreeMap<i64, Copies>, Error> {
    const COPIES: &str = "SELECT e.body, d.queue, count(*) AS copies
         FROM event AS e JOIN delivery AS d ON d.event = e.id
         WHERE e.body = ANY ($1) AND d.state <> 1 GROUP BY e.body, d.queue";
    let mut all: BTreeMap<i64, Copies> = bodies.iter().map(|id| (*id, Copies::new())).collect();
    if bodies.is_empty() {
        return Ok(all);
    }
    for row in session.query(COPIES, &[&bodies]).await? {
        let copies = number::<i64, _>(&row, "copies");
        let of_body = all.entry(row.get("body")).or_default();
        of_body.insert(row.get("queue"), copies);
    }
    Ok(all)
}
