//! Settles claimed deliveries whose leases have the token of their last claim, many in one
//! transaction.

use std::collections::BTreeSet;

use tokio_postgres::Error;
use uuid::Uuid;

use super::{
    session::{Param, Session},
    time::now,
    tx::DeliveryTx,
};
use crate::{
    delivery::event::{DeliveryState, Lease, Settlement},
    runtime::clock::{self, Millis},
};

/// The maximum number of settlements in one transaction.
pub(super) const MAX_BATCH: usize = 256;

/// Settlements, column by column, as parameters of one statement.
#[derive(Default)]
struct Columns<'a> {
    events: Vec<Uuid>,
    queues: Vec<&'a str>,
    tokens: Vec<i64>,
    states: Vec<i16>,
    at_once: Vec<bool>,
    waits: Vec<Millis>,
    attempts: Vec<i32>,
    tried: Vec<bool>,
    statuses: Vec<Option<i32>>,
    reasons: Vec<Option<&'static str>>,
    responses: Vec<Option<&'a [u8]>>,
}

/// Records settlements of different deliveries. Returns for each whether its lease holds.
pub(super) async fn settle(
    session: &Session,
    settlements: &[(Lease, Settlement)],
    now: Option<Millis>,
    shard: i32,
) -> Result<Vec<bool>, Error> {
    const SETTLE: &str = concat!(
        "UPDATE delivery AS d SET state = s.state, held = false, attempts = d.attempts + s.attempts,
             wait = s.wait,
             due = CASE WHEN s.at_once THEN least((SELECT received FROM event WHERE id = d.event), n.now)
                   ELSE s.wait + n.now END,
             last = CASE WHEN s.tried THEN n.now ELSE d.last END,
             status = CASE WHEN s.tried AND s.state <> 3 THEN s.status ELSE d.status END,
             reason = CASE WHEN s.tried THEN s.reason ELSE d.reason END,
             response = CASE WHEN s.tried AND s.state <> 3 THEN s.response ELSE d.response END
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::smallint[], $5::boolean[], $6::bigint[],
                     $7::integer[], $8::boolean[], $9::integer[], $10::text[], $11::bytea[])
             AS s (event, queue, lease, state, at_once, wait, attempts, tried, status, reason, response),
             (SELECT ",
        now!(12),
        " AS now) AS n
         WHERE d.event = s.event AND d.queue = s.queue AND d.state = 0 AND d.lease = s.lease
         RETURNING d.event, d.queue"
    );
    let columns = Columns::of(settlements);
    let tx = DeliveryTx::begin(session, &columns.events).await?;
    let settled = session.query(SETTLE, &columns.values(&now)).await?;
    tx.commit(session, shard).await?;
    let settled: BTreeSet<(Uuid, &str)> =
        settled.iter().map(|row| (row.get(0), row.get(1))).collect();
    let holds = |(lease, _): &(Lease, _)| settled.contains(&(lease.event, &*lease.queue));
    Ok(settlements.iter().map(holds).collect())
}

impl<'a> Columns<'a> {
    fn of(settlements: &'a [(Lease, Settlement)]) -> Self {
        let mut all = Self::default();
        for (lease, settlement) in settlements {
            all.events.push(lease.event);
            all.queues.push(&lease.queue);
            all.tokens.push(lease.token);
            all.add(settlement);
        }
        all
    }

    fn values<'v>(&'v self, now: &'v Option<Millis>) -> [Param<'v>; 12] {
        [
            &self.events,
            &self.queues,
            &self.tokens,
            &self.states,
            &self.at_once,
            &self.waits,
            &self.attempts,
            &self.tried,
            &self.statuses,
            &self.reasons,
            &self.responses,
            now,
        ]
    }

    fn add(&mut self, settlement: &'a Settlement) {
        use Settlement::{Dead, Deferred, Delivered, Quarantined, Released, Retry};
        let (state, attempts, cause) = match settlement {
            Delivered { .. } => (DeliveryState::Delivered, 1, None),
            Retry { cause, .. } => (DeliveryState::Pending, 1, Some(cause)),
            Deferred(cause) => (DeliveryState::Pending, 0, Some(cause)),
            Dead(cause) => (DeliveryState::Dead, 1, Some(cause)),
            Quarantined => (DeliveryState::Quarantined, 0, None),
            Released => (DeliveryState::Pending, 0, None),
        };
        let (wait, status) = match settlement {
            Retry { wait, cause } => (clock::millis(*wait), cause.status),
            Delivered { status } => (0, Some(*status)),
            _ => (0, cause.and_then(|cause| cause.status)),
        };
        let broken = (*settlement == Quarantined).then_some(Settlement::SEAL_BROKEN);
        self.states.push(state as i16);
        self.at_once
            .push(matches!(settlement, Deferred(_) | Released));
        self.waits.push(wait);
        self.attempts.push(attempts);
        self.tried.push(*settlement != Released);
        self.statuses.push(status.map(i32::from));
        self.reasons
            .push(cause.map(|cause| cause.reason).or(broken));
        self.responses
            .push(cause.and_then(|cause| cause.response.as_deref()));
    }
}
