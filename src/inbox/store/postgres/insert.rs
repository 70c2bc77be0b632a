//! Stores arrivals, many in one transaction: in two round trips, or three if values are unique or a
//! body has many copies.

use futures_util::future::{try_join, try_join5};
use tokio_postgres::Error;

use super::{
    batch::{Batch, InsertResult, Rules},
    columns::{DeliveryColumns, EventColumns, NewEvent},
    session::Session,
    usage,
};
use crate::{
    delivery::event::Arrival,
    inbox::store::{error::StoreError, usage::Usage},
};

/// Stores arrivals. Returns a result for each, and the new totals. An error means that nothing was
/// committed, unless the connection broke.
pub(super) async fn insert(
    session: &Session,
    arrivals: &[&Arrival],
    rules: &Rules<'_>,
    usage: Usage,
) -> Result<(Vec<InsertResult>, Usage), Error> {
    let mut batch = Batch::new(arrivals);
    batch.apply_limits(rules.limits, usage);
    let most = rules.limits.copies.max(1);
    let adding = async {
        batch.compare_marks(session).await?;
        batch.add_bodies(session, most).await
    };
    try_join(session.begin(), adding).await?;
    batch.reject_followers();
    batch.correct_counters(session).await?;
    let usage = batch.write_and_commit(session, rules).await?;
    Ok((batch.into_results(), usage))
}

impl Batch<'_> {
    /// Rejects a duplicate of an arrival that is rejected, or that its destination does not get.
    fn reject_followers(&mut self) {
        for follower in &self.followers {
            if let Some(Err(error)) = &self.results[follower.leader] {
                self.results[follower.place] = Some(Err(error.clone()));
            } else if !self.recipients[follower.leader]
                .queues
                .contains(&follower.queue)
            {
                self.results[follower.place] = Some(Err(StoreError::Copies));
            }
        }
    }

    /// Subtracts arrivals that were counted but not stored, and records the bodies of unique
    /// values.
    async fn correct_counters(&self, session: &Session) -> Result<(), Error> {
        const BACK: &str =
            "UPDATE body AS b SET seen = b.seen - x.many, events = b.events - x.many,
                 undelivered = b.undelivered - x.many
             FROM unnest($1::bigint[], $2::bigint[]) AS x (id, many) WHERE b.id = x.id";
        const NOTE: &str = "UPDATE mark AS m SET second = x.second, reused = x.reused
             FROM unnest($1::bytea[], $2::bytea[], $3::boolean[]) AS x (digest, second, reused)
             WHERE m.digest = x.digest";
        if !self.excess.is_empty() {
            let (ids, many): (Vec<i64>, Vec<i64>) = self.excess.iter().copied().unzip();
            session.execute(BACK, &[&ids, &many]).await?;
        }
        if !self.changed_marks.is_empty() {
            let marks = &self.changed_marks;
            let digests: Vec<&[u8]> = marks.keys().map(|digest| &digest[..]).collect();
            let (second, reused): (Vec<Option<&[u8]>>, Vec<bool>) = marks
                .values()
                .map(|mark| (mark.second.as_ref().map(|body| &body[..]), mark.reused))
                .unzip();
            session.execute(NOTE, &[&digests, &second, &reused]).await?;
        }
        Ok(())
    }

    /// Writes events and deliveries, and commits. Returns the new totals.
    async fn write_and_commit(
        &mut self,
        session: &Session,
        rules: &Rules<'_>,
    ) -> Result<Usage, Error> {
        const TOTAL: &str = "INSERT INTO usage AS u (shard, events, bytes) VALUES ($1, $2, $3)
             ON CONFLICT (shard) DO UPDATE SET events = u.events + excluded.events, bytes = u.bytes + excluded.bytes";
        self.stored.sort_unstable_by_key(|one| one.place);
        let events = EventColumns::of(self.new_events());
        let deliveries = DeliveryColumns::of(self.new_events(), rules.seals);
        let many = self.stored.len() as i64;
        let bytes = self.body_bytes + events.size();
        let event = session.statement(EventColumns::INSERT).await?;
        let delivery = session.statement(DeliveryColumns::INSERT).await?;
        let total = session.statement(TOTAL).await?;
        let sum = session.statement(usage::SUM).await?;
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
        Ok(usage::of(&usage))
    }

    fn new_events(&self) -> impl Iterator<Item = NewEvent<'_>> {
        self.stored.iter().map(|one| NewEvent {
            arrival: self.arrivals[one.place],
            recipients: &self.recipients[one.place],
            body: one.body,
            copy: one.copy,
            first_received: one.first_received,
        })
    }
}
