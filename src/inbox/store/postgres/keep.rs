//! Events come in, many in one transaction: two trips to the server, three where values are unique.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join5};
use tokio_postgres::Error;
use uuid::Uuid;

use super::{
    books::Usage,
    columns::{Deliveries, Events},
    session::Session,
};
use crate::inbox::{
    clock::Millis,
    event::{Arrival, Kept},
    settings::Limits,
    store::{Full, StoreError},
};

type Digest = [u8; 32];
pub(super) type Verdict = Result<Kept, StoreError>;

/// A batch of arrivals and what is known of each so far.
pub(super) struct Batch<'a> {
    arrivals: &'a [&'a Arrival],
    verdicts: Vec<Option<Verdict>>,
    /// By unique value: the arrival that is to be marked with it, which the others of the batch follow.
    marked: BTreeMap<Digest, usize>,
    followers: Vec<(usize, usize)>,
    /// What is stored, with its body's id and how many came before.
    stored: Vec<(usize, i64, i64)>,
    /// Bodies that were counted more often than may be.
    excess: Vec<(i64, i64)>,
    bytes: i64,
}

/// Writes them; nothing is committed if it fails. The totals after it go along.
pub(super) async fn keep(
    session: &Session,
    arrivals: &[&Arrival],
    limits: &Limits,
    usage: Usage,
    now: Option<Millis>,
    shard: i32,
) -> Result<(Vec<Verdict>, Usage), Error> {
    let mut batch = Batch::new(arrivals);
    batch.admit(limits, usage);
    let most = i64::from(limits.copies.max(1));
    let adding = async {
        batch.mark(session).await?;
        batch.add_bodies(session, most).await
    };
    try_join(session.begin(), adding).await?;
    let usage = batch.finish(session, now, shard).await?;
    Ok((batch.into_verdicts(), usage))
}

impl<'a> Batch<'a> {
    fn new(arrivals: &'a [&'a Arrival]) -> Self {
        Self {
            arrivals,
            verdicts: vec![None; arrivals.len()],
            marked: BTreeMap::new(),
            followers: Vec::new(),
            stored: Vec::new(),
            excess: Vec::new(),
            bytes: 0,
        }
    }

    /// Turns away what there is no room for.
    fn admit(&mut self, limits: &Limits, mut usage: Usage) {
        for (arrival, verdict) in self.arrivals.iter().zip(&mut self.verdicts) {
            let size = (arrival.event.head.len() + arrival.event.body.len()) as u64;
            let bytes = usage.bytes.saturating_add(size);
            let full = if usage.events >= limits.events {
                Full::Events
            } else if bytes > limits.bytes {
                Full::Bytes
            } else {
                usage.events += 1;
                usage.bytes = bytes;
                continue;
            };
            *verdict = Some(Err(StoreError::Full(full)));
        }
    }

    /// Those that nothing speaks against yet.
    fn open(&self) -> impl Iterator<Item = (usize, &'a Arrival)> {
        let open = self.arrivals.iter().zip(&self.verdicts).enumerate();
        open.filter(|(_, (_, verdict))| verdict.is_none())
            .map(|(place, (arrival, _))| (place, *arrival))
    }

    /// Marks unique values; what came with one that is marked already is a duplicate.
    async fn mark(&mut self, session: &Session) -> Result<(), Error> {
        const MARK: &str = "INSERT INTO mark AS m (digest, event, seen, last)
             SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::bigint[], $4::bigint[])
             ON CONFLICT (digest) DO UPDATE
                 SET seen = m.seen + excluded.seen, last = greatest(m.last, excluded.last)
             RETURNING m.digest, m.event";
        let mut groups = BTreeMap::<&Digest, Vec<usize>>::new();
        for (place, arrival) in self.open() {
            if let Some(unique) = &arrival.unique {
                groups.entry(unique).or_default().push(place);
            }
        }
        if groups.is_empty() {
            return Ok(());
        }
        let digests: Vec<&[u8]> = groups.keys().map(|digest| &digest[..]).collect();
        let event = |places: &Vec<usize>| self.arrivals[places[0]].event.id;
        let events: Vec<Uuid> = groups.values().map(event).collect();
        let seen: Vec<i64> = groups.values().map(|places| places.len() as i64).collect();
        let last = |places: &Vec<usize>| self.arrivals[places[0]].event.received;
        let last: Vec<Millis> = groups.values().map(last).collect();
        let marks = session
            .query(MARK, &[&digests, &events, &seen, &last])
            .await?;
        for row in marks {
            let (digest, of): (&[u8], Uuid) = (row.get(0), row.get(1));
            let Some((unique, places)) = Digest::try_from(digest)
                .ok()
                .and_then(|digest| groups.remove_entry(&digest))
            else {
                continue;
            };
            let first = places[0];
            if self.arrivals[first].event.id == of {
                self.marked.insert(*unique, first);
                self.followers
                    .extend(places[1..].iter().map(|place| (*place, first)));
            }
            let duplicates = places
                .iter()
                .filter(|place| self.arrivals[**place].event.id != of);
            for place in duplicates {
                self.verdicts[*place] = Some(Ok(Kept::Duplicate { of }));
            }
        }
        Ok(())
    }

    /// Counts each arrival with its body, up to so many undelivered copies. Equal digests are of equal bytes: stored ones that
    /// differ were damaged, and would take each copy into quarantine with them. They were counted as they came, so the totals
    /// stay.
    async fn add_bodies(&mut self, session: &Session, most: i64) -> Result<(), Error> {
        const BODY: &str = "INSERT INTO body AS b (digest, bytes, first_received, seen, events, undelivered)
             SELECT digest, bytes, received, many, many, many
             FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[])
                 AS new (digest, bytes, received, many)
             ON CONFLICT (digest) DO UPDATE SET seen = b.seen + excluded.seen,
                 events = b.events + excluded.events, undelivered = b.undelivered + excluded.undelivered,
                 bytes = CASE WHEN b.bytes <> excluded.bytes THEN excluded.bytes ELSE b.bytes END
                 WHERE b.undelivered < $5
             RETURNING b.id, b.digest, b.seen, b.events, b.undelivered";
        let mut groups = BTreeMap::<&Digest, Vec<usize>>::new();
        for (place, arrival) in self.open() {
            groups.entry(&arrival.event.digest).or_default().push(place);
        }
        let first = |places: &Vec<usize>| &self.arrivals[places[0]].event;
        let digests: Vec<&[u8]> = groups.keys().map(|digest| &digest[..]).collect();
        let bodies: Vec<&[u8]> = groups
            .values()
            .map(|places| &first(places).body[..])
            .collect();
        let received: Vec<Millis> = groups
            .values()
            .map(|places| first(places).received)
            .collect();
        let many: Vec<i64> = groups.values().map(|places| places.len() as i64).collect();
        let rows = session
            .query(BODY, &[&digests, &bodies, &received, &many, &most])
            .await?;
        for row in rows {
            let digest = Digest::try_from(row.get::<_, &[u8]>("digest")).ok();
            let Some(places) = digest.and_then(|digest| groups.remove(&digest)) else {
                continue;
            };
            let many = places.len() as i64;
            let (id, undelivered): (i64, i64) = (row.get("id"), row.get("undelivered"));
            let (events, seen): (i64, i64) = (row.get("events"), row.get("seen"));
            let fits = (most - (undelivered - many)).clamp(0, many);
            if fits < many {
                self.excess.push((id, many - fits));
            }
            if events == many {
                self.bytes += self.arrivals[places[0]].event.body.len() as i64;
            }
            let copies = places.into_iter().zip(seen - many..);
            self.stored.extend(
                copies
                    .take(fits as usize)
                    .map(|(place, copy)| (place, id, copy)),
            );
        }
        for (place, _, copy) in &self.stored {
            let copy = u32::try_from(*copy).unwrap_or(u32::MAX);
            self.verdicts[*place] = Some(Ok(Kept::Stored { copy }));
        }
        self.refuse_copies();
        Ok(())
    }

    /// What is left has too many copies before it. What came with its unique value was no duplicate of anything stored, so it
    /// shares that lot.
    fn refuse_copies(&mut self) {
        for verdict in &mut self.verdicts {
            verdict.get_or_insert(Err(StoreError::Copies));
        }
        for (place, first) in &self.followers {
            if let Some(Err(error)) = &self.verdicts[*first] {
                self.verdicts[*place] = Some(Err(error.clone()));
            }
        }
        let refused = |place: &usize| matches!(self.verdicts[*place], Some(Err(_)));
        self.marked.retain(|_, place| refused(place));
    }

    /// Takes back what was counted or marked too much, writes events and deliveries, and commits.
    async fn finish(
        &mut self,
        session: &Session,
        now: Option<Millis>,
        shard: i32,
    ) -> Result<Usage, Error> {
        const BACK: &str = "WITH unmarked AS (DELETE FROM mark WHERE digest = ANY ($3::bytea[]))
             UPDATE body AS b SET seen = b.seen - x.many, events = b.events - x.many,
                 undelivered = b.undelivered - x.many
             FROM unnest($1::bigint[], $2::bigint[]) AS x (id, many) WHERE b.id = x.id";
        if !self.excess.is_empty() || !self.marked.is_empty() {
            let (ids, many): (Vec<i64>, Vec<i64>) = self.excess.iter().copied().unzip();
            let marks: Vec<&[u8]> = self.marked.keys().map(|digest| &digest[..]).collect();
            session.execute(BACK, &[&ids, &many, &marks]).await?;
        }
        self.stored.sort_unstable();
        let stored = || {
            self.stored
                .iter()
                .map(|(place, body, copy)| (self.arrivals[*place], *body, *copy))
        };
        let (events, deliveries) = (Events::of(stored()), Deliveries::of(stored()));
        let many = self.stored.len() as i64;
        let bytes = self.bytes + events.size();
        let (event, delivery) = (
            session.statement(Events::ADD).await?,
            session.statement(Deliveries::ADD).await?,
        );
        let total = session.statement(TOTAL).await?;
        let sum = session.statement(Usage::SUM).await?;
        let (events, deliveries) = (events.values(), deliveries.values(&now));
        let client = &session.client;
        let (_, _, _, usage, ()) = try_join5(
            client.execute(&event, &events),
            client.execute(&delivery, &deliveries),
            client.execute(&total, &[&shard, &many, &bytes]),
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

const TOTAL: &str = "INSERT INTO usage AS u (shard, events, bytes) VALUES ($1, $2, $3)
     ON CONFLICT (shard) DO UPDATE SET events = u.events + excluded.events, bytes = u.bytes + excluded.bytes";
