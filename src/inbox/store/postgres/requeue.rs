//! Makes selected deliveries due again, or moves them to another queue.

use std::collections::BTreeSet;

use tokio_postgres::Error;
use uuid::Uuid;

use super::{
    meta,
    purge::{FoundDelivery, events, find, remove},
    row,
    session::{Params, Session},
    time::now,
    tx::DeliveryTx,
};
use crate::{
    delivery::{
        event::{DeliveryState, Settlement},
        seal::{DeliverySeals, SealedDelivery},
    },
    inbox::store::selection::Selection,
    runtime::clock::Millis,
};

/// A move to another queue, with the seals that a delivery needs for it.
#[derive(Clone, Copy)]
pub(super) struct Move<'a> {
    pub(super) to: &'a str,
    pub(super) seals: &'a DeliverySeals,
}

/// Requeues the selected deliveries. Skips quarantined ones unless requested, and ones without a
/// queue unless they move to one. Returns the number of deliveries that changed.
pub(super) async fn requeue(
    session: &Session,
    selection: Selection,
    target: Option<Move<'_>>,
    most: usize,
    now: Option<Millis>,
    shard: i32,
) -> Result<u64, Error> {
    let mut found = find(session, &selection.without_quarantined(), most).await?;
    found.retain(|one| target.is_some() || !one.queue.is_empty());
    let tx = DeliveryTx::begin(session, &events(&found)).await?;
    let mut requeued = 0;
    let mut queues = BTreeSet::new();
    for one in &found {
        queues.insert(target.map_or(&*one.queue, |target| target.to));
        requeued += match target {
            Some(target) if target.to != one.queue => move_to(session, one, target, now).await?,
            _ => renew(session, one.event, &one.queue, one.state, now).await?,
        };
    }
    for queue in queues {
        meta::record_requeue(session, queue).await?;
    }
    tx.commit(session, shard).await?;
    Ok(requeued)
}

/// Moves a delivery to another queue.
///
/// If that queue already has a delivery of the event, that one is renewed instead, unless it is
/// quarantined.
async fn move_to(
    session: &Session,
    found: &FoundDelivery,
    target: Move<'_>,
    now: Option<Millis>,
) -> Result<u64, Error> {
    let existing = "SELECT state FROM delivery WHERE event = $1 AND queue = $2";
    let existing = session.query(existing, &[&found.event, &target.to]).await?;
    let existing = existing.first().map(row::state);
    let left = match existing {
        Some(DeliveryState::Quarantined) => 0,
        Some(_) => remove(session, found).await?,
        None => reseal(session, found, target).await?,
    };
    if left == 0 {
        return Ok(0);
    }
    let state = existing.unwrap_or(found.state);
    renew(session, found.event, target.to, state, now).await
}

/// Makes a delivery pending and due now, from the first attempt on.
///
/// A claimed one stays hidden until its lease ends, because an attempt is under way, which would be
/// made twice.
async fn renew(
    session: &Session,
    event: Uuid,
    queue: &str,
    state: DeliveryState,
    now: Option<Millis>,
) -> Result<u64, Error> {
    const RENEW: &str = concat!(
        "UPDATE delivery SET lease = lease + (state <> 0)::integer, state = 0, attempts = 0,
             held = state = 0 AND held,
             wait = CASE WHEN state = 0 AND held THEN wait ELSE 0 END,
             due = CASE WHEN state = 0 AND held THEN due ELSE ",
        now!(4),
        " END WHERE event = $1 AND queue = $2 AND state = $3"
    );
    let values: Params<'_> = &[&event, &queue, &(state as i16), &now];
    session.execute(RENEW, values).await
}

/// Assigns a delivery whose seal holds to another queue, under a new seal. Quarantines it if the
/// seal does not hold.
async fn reseal(session: &Session, found: &FoundDelivery, target: Move<'_>) -> Result<u64, Error> {
    const SEALED: &str = "SELECT e.copy, b.first_received, d.seal
         FROM delivery AS d JOIN event AS e ON e.id = d.event JOIN body AS b ON b.id = e.body
         WHERE d.event = $1 AND d.queue = $2 AND d.state = $3";
    const MOVE: &str =
        "UPDATE delivery SET queue = $3, seal = $4, held = false WHERE event = $1 AND queue = $2";
    const QUARANTINE: &str =
        "UPDATE delivery SET state = 3, reason = $3 WHERE event = $1 AND queue = $2";
    let (event, queue) = (&found.event, &found.queue);
    let fields: Params<'_> = &[event, queue, &(found.state as i16)];
    let rows = session.query(SEALED, fields).await?;
    let Some(row) = rows.first() else {
        return Ok(0);
    };
    let sealed = |queue| SealedDelivery {
        event: found.event,
        queue,
        copy: row::number::<i64, _>(row, "copy"),
        first_received: row.get("first_received"),
    };
    if target.seals.holds(&sealed(queue), row.get("seal")) {
        let seal = target.seals.seal(&sealed(target.to));
        let values: Params<'_> = &[event, queue, &target.to, &seal.as_slice()];
        return session.execute(MOVE, values).await;
    }
    let values: Params<'_> = &[event, queue, &Settlement::SEAL_BROKEN];
    session.execute(QUARANTINE, values).await?;
    Ok(0)
}
