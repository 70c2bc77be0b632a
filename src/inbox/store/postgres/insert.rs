//! Stores arrivals, many in one transaction: two trips to the server, three if values are unique or a body has many copies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::{try_join, try_join5};
use tokio_postgres::{Error, Row};

use super::{
    columns::{Deliveries, Events, Stored},
    known::{by_mark, copies, mark_of},
    row::fixed,
    session::Session,
};
use crate::{
    delivery::{
        event::{Arrival, InsertOutcome},
        seal::DeliverySeals,
    },
    inbox::{
        settings::Limits,
        store::{
            Limit, StoreError,
            admission::{Admission, Copies, Holders, Mark, Refusal},
            postgres::counters::Usage,
        },
    },
    runtime::clock::Millis,
};

type Digest = [u8; 32];
pub(super) type Verdict = Result<InsertOutcome, StoreError>;

/// Arrivals by what they have in common, as their places in a batch.
type Groups<'a> = BTreeMap<&'a Digest, Vec<usize>>;

/// How arrivals are stored.
pub(super) struct Rules<'a> {
    pub(super) limits: &'a Limits,
    pub(super) seals: &'a DeliverySeals,
    pub(super) shard: i32,
    pub(super) now: Option<Millis>,
}

/// A batch of arrivals and what is known of each so far.
struct Batch<'a> {
    arrivals: &'a [&'a Arrival],
    admissions: Vec<Admission>,
    verdicts: Vec<Option<Verdict>>,
    /// Duplicates of arrivals of this batch, each with one that it is a duplicate of, and the destination that is to get that one.
    followers: Vec<(usize, usize, Arc<str>)>,
    /// Unique values that came with one more body.
    marks: BTreeMap<Digest, Mark>,
    stored: Vec<Place>,
    /// Bodies that were counted more often than they are stored.
    excess: Vec<(i64, i64)>,
    bytes: i64,
}

/// An arrival that is stored, and its body.
struct Place {
    place: usize,
    body: i64,
    copy: u32,
    first_received: Millis,
}

/// Writes them; nothing is committed if it fails. Returns the new totals as well.
pub(super) async fn insert(
    session: &Session,
    arrivals: &[&Arrival],
    rules: &Rules<'_>,
    usage: Usage,
) -> Result<(Vec<Verdict>, Usage), Error> {
    let mut batch = Batch::new(arrivals);
    batch.admit(rules.limits, usage);
    let most = rules.limits.copies.max(1);
    let adding = async {
        batch.compare_marks(session).await?;
        batch.add_bodies(session, most).await
    };
    try_join(session.begin(), adding).await?;
    batch.take_back(session).await?;
    let usage = batch.finish(session, rules).await?;
    Ok((batch.into_verdicts(), usage))
}

impl<'a> Batch<'a> {
    fn new(arrivals: &'a [&'a Arrival]) -> Self {
        let admissions = arrivals
            .iter()
            .map(|arrival| Admission::of(&arrival.subscribers));
        Self {
            arrivals,
            admissions: admissions.collect(),
            verdicts: vec![None; arrivals.len()],
            followers: Vec::new(),
            marks: BTreeMap::new(),
            stored: Vec::new(),
            excess: Vec::new(),
            bytes: 0,
        }
    }

    /// Rejects the arrivals that there is no room for.
    fn admit(&mut self, limits: &Limits, mut usage: Usage) {
        for (arrival, verdict) in self.arrivals.iter().zip(&mut self.verdicts) {
            let size = (arrival.event.head.len() + arrival.event.body.len()) as u64;
            let bytes = usage.bytes.saturating_add(size);
            let full = if usage.events >= limits.events {
                Limit::Events
            } else if bytes > limits.bytes {
                Limit::Bytes
            } else {
                usage.events += 1;
                usage.bytes = bytes;
                continue;
            };
            *verdict = Some(Err(StoreError::Full(full)));
        }
    }

    /// The arrivals without a verdict, by a digest of theirs. Rows are locked in the order of the digests.
    fn groups(&self, digest: impl Fn(&'a Arrival) -> Option<&'a Digest>) -> Groups<'a> {
        let mut groups = Groups::new();
        for (place, arrival) in self.arrivals.iter().enumerate() {
            if self.verdicts[place].is_none()
                && let Some(digest) = digest(arrival)
            {
                groups.entry(digest).or_default().push(place);
            }
        }
        groups
    }

    fn first(&self, places: &[usize]) -> &'a Arrival {
        self.arrivals[places[0]]
    }

    /// Notes unique values, and finds out which destinations lack the arrivals. The second statement sees what was committed
    /// while the first waited for a lock.
    async fn compare_marks(&mut self, session: &Session) -> Result<(), Error> {
        const MARK: &str = "INSERT INTO mark AS m (digest, first, last)
             SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[])
             ON CONFLICT (digest) DO UPDATE SET last = greatest(m.last, excluded.last)
             RETURNING digest, first, second, reused";
        const HOLDERS: &str = "SELECT e.mark, e.id, d.queue
             FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.mark = ANY ($1) AND d.state IN (0, 1) ORDER BY e.id";
        let groups = self.groups(|arrival| arrival.unique.as_ref());
        if groups.is_empty() {
            return Ok(());
        }
        let digests: Vec<&[u8]> = groups.keys().map(|digest| &digest[..]).collect();
        let firsts = || groups.values().map(|places| &self.first(places).event);
        let bodies: Vec<&[u8]> = firsts().map(|event| &event.digest[..]).collect();
        let last: Vec<Millis> = firsts().map(|event| event.received).collect();
        let mark = session.statement(MARK).await?;
        let holders = session.statement(HOLDERS).await?;
        let (marks, held) = try_join(
            session.client.query(&mark, &[&digests, &bodies, &last]),
            session.client.query(&holders, &[&digests]),
        )
        .await?;
        let holders = by_mark(&held);
        for row in &marks {
            let digest = fixed(row.get("digest"));
            if let Some(places) = groups.get(&digest) {
                self.compare(digest, mark_of(row), places, holders.get(&digest));
            }
        }
        Ok(())
    }

    /// Compares the arrivals with one unique value with what is stored, and with each other.
    fn compare(
        &mut self,
        digest: Digest,
        mut mark: Mark,
        places: &[usize],
        holders: Option<&Holders>,
    ) {
        let nobody = Holders::new();
        // The arrivals of this batch that are stored.
        let mut fresh = BTreeMap::<Arc<str>, usize>::new();
        let mut changed = false;
        for &place in places {
            changed |= mark.note(self.arrivals[place].event.digest);
            if mark.reused {
                self.admissions[place].reused();
                continue;
            }
            let admission = &mut self.admissions[place];
            if let Err(Refusal::Duplicate { of }) =
                admission.skip(digest, holders.unwrap_or(&nobody))
            {
                self.verdicts[place] = Some(Ok(InsertOutcome::Duplicate { of }));
            } else if let Some(first) = first_of(admission, &fresh) {
                let of = self.arrivals[first].event.id;
                self.verdicts[place] = Some(Ok(InsertOutcome::Duplicate { of }));
                let queues = admission.queues.iter();
                let held = queues.map(|queue| (place, fresh[queue], Arc::clone(queue)));
                self.followers.extend(held);
            } else {
                // An arrival that follows others only in part is stored in full: they may still be rejected.
                fresh.extend(
                    admission
                        .queues
                        .iter()
                        .map(|queue| (Arc::clone(queue), place)),
                );
            }
        }
        if changed {
            self.marks.insert(digest, mark);
        }
    }

    /// Counts each arrival with its body. Equal digests are of equal bytes: stored bytes that differ were damaged, and would
    /// take each copy into quarantine with them. They were counted as they came, so the totals stay.
    async fn add_bodies(&mut self, session: &Session, most: u32) -> Result<(), Error> {
        const BODY: &str = "INSERT INTO body AS b (digest, bytes, first_received, seen, events, undelivered)
             SELECT digest, bytes, received, many, many, many
             FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[])
                 AS new (digest, bytes, received, many)
             ON CONFLICT (digest) DO UPDATE SET seen = b.seen + excluded.seen,
                 events = b.events + excluded.events, undelivered = b.undelivered + excluded.undelivered,
                 bytes = CASE WHEN b.bytes <> excluded.bytes THEN excluded.bytes ELSE b.bytes END
             RETURNING b.id, b.digest, b.first_received, b.seen, b.events, b.undelivered";
        let groups = self.groups(|arrival| Some(&arrival.event.digest));
        let digests: Vec<&[u8]> = groups.keys().map(|digest| &digest[..]).collect();
        let firsts = || groups.values().map(|places| &self.first(places).event);
        let bodies: Vec<&[u8]> = firsts().map(|event| &event.body[..]).collect();
        let received: Vec<Millis> = firsts().map(|event| event.received).collect();
        let many: Vec<i64> = groups.values().map(|places| places.len() as i64).collect();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&digests, &bodies, &received, &many];
        let rows = session.query(BODY, &values).await?;
        // No destination can have more than all together.
        let is_full = |row: &&Row| row.get::<_, i64>("undelivered") > i64::from(most);
        let full: Vec<i64> = rows
            .iter()
            .filter(is_full)
            .map(|row| row.get("id"))
            .collect();
        let mut copies = copies(session, &full).await?;
        for row in &rows {
            if let Some(places) = groups.get(&fixed(row.get("digest"))) {
                self.add_copies(row, places, copies.get_mut(&row.get("id")), most);
            }
        }
        Ok(())
    }

    /// Stores the arrivals with one body, as far as destinations have room for copies.
    fn add_copies(
        &mut self,
        row: &Row,
        places: &[usize],
        mut copies: Option<&mut Copies>,
        most: u32,
    ) {
        let many = places.len() as i64;
        let (body, seen, events): (i64, i64, i64) =
            (row.get("id"), row.get("seen"), row.get("events"));
        if events == many {
            self.bytes += self.first(places).event.body.len() as i64;
        }
        let (mut copy, mut refused) = (u32::try_from(seen - many).unwrap_or(u32::MAX), 0);
        for &place in places {
            let admission = &mut self.admissions[place];
            if let Some(copies) = copies.as_deref_mut() {
                if admission.leave_out(copies, most).is_err() {
                    self.verdicts[place] = Some(Err(StoreError::Copies));
                    refused += 1;
                    continue;
                }
                for queue in &admission.queues {
                    *copies.entry(queue.to_string()).or_default() += 1;
                }
            }
            self.verdicts[place] = Some(Ok(admission.stored(copy)));
            self.stored.push(Place {
                place,
                body,
                copy,
                first_received: row.get("first_received"),
            });
            copy = copy.saturating_add(1);
        }
        if refused > 0 {
            self.excess.push((body, refused));
        }
    }

    /// Takes back what was counted too much, and notes the bodies of unique values. A duplicate of an arrival that is rejected,
    /// or that its destination does not get, is rejected too.
    async fn take_back(&mut self, session: &Session) -> Result<(), Error> {
        const BACK: &str =
            "UPDATE body AS b SET seen = b.seen - x.many, events = b.events - x.many,
                 undelivered = b.undelivered - x.many
             FROM unnest($1::bigint[], $2::bigint[]) AS x (id, many) WHERE b.id = x.id";
        const NOTE: &str = "UPDATE mark AS m SET second = x.second, reused = x.reused
             FROM unnest($1::bytea[], $2::bytea[], $3::boolean[]) AS x (digest, second, reused)
             WHERE m.digest = x.digest";
        for (place, first, queue) in &self.followers {
            if let Some(Err(error)) = &self.verdicts[*first] {
                self.verdicts[*place] = Some(Err(error.clone()));
            } else if !self.admissions[*first].queues.contains(queue) {
                self.verdicts[*place] = Some(Err(StoreError::Copies));
            }
        }
        if !self.excess.is_empty() {
            let (ids, many): (Vec<i64>, Vec<i64>) = self.excess.iter().copied().unzip();
            session.execute(BACK, &[&ids, &many]).await?;
        }
        if !self.marks.is_empty() {
            let digests: Vec<&[u8]> = self.marks.keys().map(|digest| &digest[..]).collect();
            let marks = self.marks.values();
            let (second, reused): (Vec<Option<&[u8]>>, Vec<bool>) = marks
                .map(|mark| (mark.second.as_ref().map(|body| &body[..]), mark.reused))
                .unzip();
            session.execute(NOTE, &[&digests, &second, &reused]).await?;
        }
        Ok(())
    }

    /// Writes events and deliveries, and commits.
    async fn finish(&mut self, session: &Session, rules: &Rules<'_>) -> Result<Usage, Error> {
        const TOTAL: &str = "INSERT INTO usage AS u (shard, events, bytes) VALUES ($1, $2, $3)
             ON CONFLICT (shard) DO UPDATE SET events = u.events + excluded.events, bytes = u.bytes + excluded.bytes";
        self.stored.sort_unstable_by_key(|one| one.place);
        let stored = || {
            self.stored.iter().map(|one| Stored {
                arrival: self.arrivals[one.place],
                admission: &self.admissions[one.place],
                body: one.body,
                copy: one.copy,
                first_received: one.first_received,
            })
        };
        let events = Events::of(stored());
        let deliveries = Deliveries::of(stored(), rules.seals);
        let many = self.stored.len() as i64;
        let bytes = self.bytes + events.size();
        let (event, delivery) = (
            session.statement(Events::ADD).await?,
            session.statement(Deliveries::ADD).await?,
        );
        let total = session.statement(TOTAL).await?;
        let sum = session.statement(Usage::SUM).await?;
        let (events, deliveries) = (events.values(), deliveries.values(&rules.now));
        let client = &session.client;
        let (_, _, _, usage, ()) = try_join5(
            client.execute(&event, &events),
            client.execute(&delivery, &deliveries),
            client.execute(&total, &[&rules.shard, &many, &bytes]),
            client.query(&sum, &[]),
            session.commit(),
        )
        .await?;
        Ok(Usage::of(&usage))
    }

    fn into_verdicts(self) -> Vec<Verdict> {
        let verdicts = self.verdicts.into_iter();
        verdicts
            .map(|verdict| verdict.unwrap_or(Err(StoreError::Copies)))
            .collect()
    }
}

/// The first of the batch's own arrivals that all destinations of this one will get.
fn first_of(admission: &Admission, fresh: &BTreeMap<Arc<str>, usize>) -> Option<usize> {
    let held = admission
        .queues
        .iter()
        .map(|queue| fresh.get(queue).copied());
    held.collect::<Option<BTreeSet<_>>>()?.pop_first()
}
