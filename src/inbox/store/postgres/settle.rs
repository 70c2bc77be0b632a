//! Claimed deliveries are settled by whoever shows the token of the last claim; many of them in one transaction.

use std::collections::BTreeSet;

use tokio_postgres::Error;
use uuid::Uuid;

use super::{books::Books, session::Session, time::now};
use crate::inbox::{
    clock::{self, Millis},
    event::{Lease, Settlement, State},
};

/// The most that share a transaction.
pub(super) const MOST: usize = 256;

#[derive(Default)]
struct Columns<'a> {
    events: Vec<Uuid>,
    queues: Vec<&'a str>,
    tokens: Vec<i64>,
    states: Vec<i16>,
    waits: Vec<Option<Millis>>,
    attempts: Vec<i32>,
    tried: Vec<bool>,
    statuses: Vec<Option<i32>>,
    reasons: Vec<Option<&'static str>>,
}

/// Which of the settlements hold. No delivery may come twice.
pub(super) async fn settle(
    session: &Session,
    settlements: &[(Lease, Settlement)],
    now: Option<Millis>,
    shard: i32,
) -> Result<Vec<bool>, Error> {
    const SETTLE: &str = concat!(
        "UPDATE delivery AS d SET state = s.state, attempts = d.attempts + s.attempts,
             due = coalesce(s.wait, 0) + ",
        now!(10),
        ",
             last = CASE WHEN s.tried THEN ",
        now!(10),
        " ELSE d.last END,
             status = CASE WHEN s.attempts > 0 THEN s.status ELSE d.status END,
             reason = CASE WHEN s.tried THEN s.reason ELSE d.reason END
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::smallint[], $5::bigint[], $6::integer[],
                     $7::boolean[], $8::integer[], $9::text[])
             AS s (event, queue, lease, state, wait, attempts, tried, status, reason)
         WHERE d.event = s.event AND d.queue = s.queue AND d.state = 0 AND d.lease = s.lease
         RETURNING d.event, d.queue"
    );
    let columns = Columns::of(settlements);
    let books = Books::open(session, &columns.events).await?;
    let held = session
        .query(
            SETTLE,
            &[
                &columns.events,
                &columns.queues,
                &columns.tokens,
                &columns.states,
                &columns.waits,
                &columns.attempts,
                &columns.tried,
                &columns.statuses,
                &columns.reasons,
                &now,
            ],
        )
        .await?;
    let held: BTreeSet<(Uuid, &str)> = held.iter().map(|row| (row.get(0), row.get(1))).collect();
    books.close(session, shard).await?;
    let holds = |(lease, _): &(Lease, _)| held.contains(&(lease.event, &*lease.queue));
    Ok(settlements.iter().map(holds).collect())
}

impl<'a> Columns<'a> {
    fn of(settlements: &'a [(Lease, Settlement)]) -> Self {
        let mut all = Self::default();
        for (lease, settlement) in settlements {
            all.events.push(lease.event);
            all.queues.push(&lease.queue);
            all.tokens.push(lease.token);
            all.add(*settlement);
        }
        all
    }

    fn add(&mut self, settlement: Settlement) {
        use Settlement::{Again, Dead, Delivered, Quarantined, Released};
        let (state, wait, attempts, status, reason) = match settlement {
            Delivered { status } => (State::Delivered, None, 1, Some(status), None),
            Again {
                wait,
                status,
                reason,
            } => (State::Pending, Some(wait), 1, status, Some(reason)),
            Dead { status, reason } => (State::Dead, None, 1, status, Some(reason)),
            Quarantined => (State::Quarantined, None, 0, None, Some(Settlement::BROKEN)),
            Released => (State::Pending, None, 0, None, None),
        };
        self.states.push(state as i16);
        self.waits.push(wait.map(clock::millis));
        self.attempts.push(attempts);
        self.tried.push(!matches!(settlement, Released));
        self.statuses.push(status.map(i32::from));
        self.reasons.push(reason);
    }
}
