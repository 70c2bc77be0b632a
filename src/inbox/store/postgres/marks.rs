//! Compares the unique values of arrivals with stored ones, and with each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::try_join;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    batch::{Batch, Digest, Follower, Groups},
    row::{digest, optional_digest},
    session::Session,
};
use crate::{
    delivery::event::InsertOutcome,
    inbox::store::recipients::{Holders, Mark, NoRecipient, Recipients},
    runtime::clock::Millis,
};

/// The arrivals of a batch that are stored for each destination.
type Leaders = BTreeMap<Arc<str>, usize>;

impl Batch<'_> {
    /// Records unique values, and removes the destinations that do not lack the arrivals.
    pub(super) async fn compare_marks(&mut self, session: &Session) -> Result<(), Error> {
        let groups = self.groups(|arrival| arrival.unique.as_ref());
        if groups.is_empty() {
            return Ok(());
        }
        let (marks, holders) = self.record_marks(session, &groups).await?;
        let holders = by_mark(&holders);
        let none = Holders::new();
        for row in &marks {
            let digest = digest(row, "digest");
            if let Some(places) = groups.get(&digest) {
                let holders = holders.get(&digest).unwrap_or(&none);
                self.compare(digest, read_mark(row), places, holders);
            }
        }
        Ok(())
    }

    /// Records the unique values that came. Returns the rows of their marks, and of the
    /// destinations that hold them.
    async fn record_marks(
        &self,
        session: &Session,
        groups: &Groups<'_>,
    ) -> Result<(Vec<Row>, Vec<Row>), Error> {
        const MARK: &str = "INSERT INTO mark AS m (digest, first, last)
             SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[])
             ON CONFLICT (digest) DO UPDATE SET last = greatest(m.last, excluded.last)
             RETURNING digest, first, second, reused";
        const HOLDERS: &str = "SELECT e.mark, e.id, d.queue
             FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.mark = ANY ($1) AND d.state IN (0, 1) ORDER BY e.id";
        let digests: Vec<&[u8]> = groups.keys().map(|digest| &digest[..]).collect();
        let firsts = || groups.values().map(|places| &self.first(places).event);
        let bodies: Vec<&[u8]> = firsts().map(|event| &event.digest[..]).collect();
        let last: Vec<Millis> = firsts().map(|event| event.received).collect();
        let mark = session.statement(MARK).await?;
        let holders = session.statement(HOLDERS).await?;
        // The second statement sees commits that ended while the first waited for a lock.
        try_join(
            session.client.query(&mark, &[&digests, &bodies, &last]),
            session.client.query(&holders, &[&digests]),
        )
        .await
    }

    /// Compares the arrivals of one unique value with stored events, and with each other.
    fn compare(&mut self, digest: Digest, mut mark: Mark, places: &[usize], holders: &Holders) {
        let mut leaders = Leaders::new();
        let mut has_changed = false;
        for &place in places {
            has_changed |= mark.record(self.arrivals[place].event.digest);
            if mark.reused {
                self.recipients[place].set_reused();
            } else {
                self.compare_one(digest, place, holders, &mut leaders);
            }
        }
        if has_changed {
            self.changed_marks.insert(digest, mark);
        }
    }

    fn compare_one(
        &mut self,
        digest: Digest,
        place: usize,
        holders: &Holders,
        leaders: &mut Leaders,
    ) {
        let recipients = &mut self.recipients[place];
        let removed = recipients.remove_holders(digest, holders);
        if let Err(NoRecipient::Duplicate { of }) = removed {
            self.results[place] = Some(Ok(InsertOutcome::Duplicate { of }));
        } else if let Some(leader) = first_leader(recipients, leaders) {
            let of = self.arrivals[leader].event.id;
            self.results[place] = Some(Ok(InsertOutcome::Duplicate { of }));
            let followers = recipients.queues.iter().map(|queue| Follower {
                place,
                leader: leaders[queue],
                queue: Arc::clone(queue),
            });
            self.followers.extend(followers);
        } else {
            // A duplicate for some of its destinations is stored for all, because the others may
            // still be rejected.
            let queues = recipients.queues.iter();
            leaders.extend(queues.map(|queue| (Arc::clone(queue), place)));
        }
    }
}

/// Returns the first arrival that these recipients get, if each of them gets one.
fn first_leader(recipients: &Recipients, leaders: &Leaders) -> Option<usize> {
    let queues = recipients.queues.iter();
    let places = queues.map(|queue| leaders.get(queue).copied());
    places.collect::<Option<BTreeSet<_>>>()?.pop_first()
}

/// Sorts holders by their unique value.
fn by_mark(rows: &[Row]) -> BTreeMap<Digest, Holders> {
    let mut all = BTreeMap::<Digest, Holders>::new();
    for row in rows {
        let holders = all.entry(digest(row, "mark")).or_default();
        let id: Uuid = row.get("id");
        holders.entry(row.get("queue")).or_insert(id);
    }
    all
}

fn read_mark(row: &Row) -> Mark {
    Mark {
        first: digest(row, "first"),
        second: optional_digest(row, "second"),
        reused: row.get("reused"),
    }
}
