//! What an operator or the retention changes: rows are looked up first, then those are changed that are still as they were
//! found.

use std::{collections::BTreeSet, sync::Arc};

use tokio_postgres::Error;
use uuid::Uuid;

use super::{list, row, session::Session, time::now};
use crate::{
    delivery::{
        event::{DeliveryState, Settlement},
        seal::{DeliverySeals, SealedDelivery},
    },
    inbox::store::{Selection, postgres::counters::Books},
    runtime::clock::Millis,
};

/// A parameter.
type Value<'a> = &'a (dyn tokio_postgres::types::ToSql + Sync);

/// A delivery as it was found.
struct Found {
    event: Uuid,
    queue: String,
    state: i16,
}

pub(super) async fn purge(
    session: &Session,
    selection: &Selection,
    most: usize,
    shard: i32,
) -> Result<u64, Error> {
    let found = find(session, selection, most).await?;
    let books = Books::open(session, &events(&found)).await?;
    let mut purged = 0;
    for one in &found {
        purged += remove(session, one).await?;
    }
    books.close(session, shard).await?;
    Ok(purged)
}

pub(super) async fn requeue(
    session: &Session,
    mut selection: Selection,
    to: Option<(&Arc<str>, &DeliverySeals)>,
    most: usize,
    now: Option<Millis>,
    shard: i32,
) -> Result<u64, Error> {
    if selection.states.is_empty() {
        selection.states = vec![
            DeliveryState::Pending,
            DeliveryState::Delivered,
            DeliveryState::Dead,
        ];
    }
    let mut found = find(session, &selection, most).await?;
    // What no queue has needs one first.
    found.retain(|one| to.is_some() || !one.queue.is_empty());
    let books = Books::open(session, &events(&found)).await?;
    let mut renewed = 0;
    let mut queues = BTreeSet::new();
    for one in &found {
        queues.insert(to.map_or(&*one.queue, |(to, _)| &**to));
        renewed += match to {
            Some((to, seals)) if **to != *one.queue => {
                move_to(session, one, to, seals, now).await?
            }
            _ => renew(session, one, now).await?,
        };
    }
    for queue in queues {
        tell(session, queue).await?;
    }
    books.close(session, shard).await?;
    Ok(renewed)
}

/// The id of the last `again` that concerned a queue.
pub(super) async fn last_requeue(session: &Session, queue: &str) -> Result<Option<Uuid>, Error> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    let rows = session.query(sql, &[&requeue_key(queue)]).await?;
    let id = |row: &tokio_postgres::Row| Uuid::from_slice(row.get(0)).ok();
    Ok(rows.first().and_then(id))
}

/// Has every gate notice that deliveries of a queue are to be tried again.
async fn tell(session: &Session, queue: &str) -> Result<u64, Error> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let id = Uuid::now_v7().into_bytes();
    session
        .execute(sql, &[&requeue_key(queue), &id.as_slice()])
        .await
}

/// The name of the fact that holds that id.
fn requeue_key(queue: &str) -> String {
    format!("again:{queue}")
}

pub(super) async fn sweep(
    session: &Session,
    before: Millis,
    most: usize,
    shard: i32,
) -> Result<u64, Error> {
    const OVER: &str = "SELECT event FROM delivery AS d WHERE state = 1 AND last < $1
             AND NOT EXISTS (SELECT FROM delivery WHERE event = d.event AND (state <> 1 OR last >= $1))
         ORDER BY last LIMIT $2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let over = session.query(OVER, &[&before, &most]).await?;
    let mut swept = 0;
    if !over.is_empty() {
        let events: Vec<Uuid> = over.iter().map(|row| row.get(0)).collect();
        let books = Books::open(session, &events).await?;
        swept = books.sweep(session, shard, before).await?;
    }
    Ok(swept + forget(session, before, most).await?)
}

/// Forgets unique values that were last seen before this time and that no event has. It skips those that others hold, so it
/// waits for no lock.
async fn forget(session: &Session, before: Millis, most: i64) -> Result<u64, Error> {
    const FORGET: &str = "DELETE FROM mark WHERE digest IN (
             SELECT digest FROM mark AS m WHERE last < $1
                 AND NOT EXISTS (SELECT FROM event WHERE mark = m.digest)
             ORDER BY last LIMIT $2 FOR UPDATE SKIP LOCKED)";
    session.execute(FORGET, &[&before, &most]).await
}

async fn find(session: &Session, selection: &Selection, most: usize) -> Result<Vec<Found>, Error> {
    let rows = list::each(session, "d.event, d.queue, d.state", selection, None, most).await?;
    let found = |row: &tokio_postgres::Row| Found {
        event: row.get("event"),
        queue: row.get("queue"),
        state: row::state(row) as i16,
    };
    Ok(rows.iter().map(found).collect())
}

fn events(found: &[Found]) -> Vec<Uuid> {
    found.iter().map(|one| one.event).collect()
}

async fn remove(session: &Session, one: &Found) -> Result<u64, Error> {
    let sql = "DELETE FROM delivery WHERE event = $1 AND queue = $2 AND state = $3";
    let values = [
        &one.event as &(dyn tokio_postgres::types::ToSql + Sync),
        &one.queue,
        &one.state,
    ];
    session.execute(sql, &values).await
}

/// Makes a delivery pending and due now, from the first attempt on. A claimed one stays hidden until its lease ends: an attempt
/// is under way, which would be made twice.
async fn renew(session: &Session, one: &Found, now: Option<Millis>) -> Result<u64, Error> {
    const RENEW: &str = concat!(
        "UPDATE delivery SET lease = lease + (state <> 0)::integer, state = 0, attempts = 0,
             held = state = 0 AND held,
             wait = CASE WHEN state = 0 AND held THEN wait ELSE 0 END,
             due = CASE WHEN state = 0 AND held THEN due ELSE ",
        now!(4),
        " END WHERE event = $1 AND queue = $2 AND state = $3"
    );
    let values = [
        &one.event as &(dyn tokio_postgres::types::ToSql + Sync),
        &one.queue,
        &one.state,
        &now,
    ];
    session.execute(RENEW, &values).await
}

/// Where the other queue has the event already, that one's delivery is renewed instead, unless it is in quarantine.
async fn move_to(
    session: &Session,
    one: &Found,
    to: &str,
    seals: &DeliverySeals,
    now: Option<Millis>,
) -> Result<u64, Error> {
    let there = "SELECT state FROM delivery WHERE event = $1 AND queue = $2";
    let there = session.query(there, &[&one.event, &to]).await?;
    let there = there.first().map(row::state);
    let left = match there {
        Some(DeliveryState::Quarantined) => 0,
        Some(_) => remove(session, one).await?,
        None => reseal(session, one, to, seals).await?,
    };
    if left == 0 {
        return Ok(0);
    }
    let moved = Found {
        event: one.event,
        queue: to.to_owned(),
        state: there.map_or(one.state, |state| state as i16),
    };
    renew(session, &moved, now).await
}

/// Moves a delivery whose seal holds to another queue, under a new seal; quarantines it if the seal does not hold.
async fn reseal(
    session: &Session,
    one: &Found,
    to: &str,
    seals: &DeliverySeals,
) -> Result<u64, Error> {
    const SEALED: &str = "SELECT e.copy, b.first_received, d.seal
         FROM delivery AS d JOIN event AS e ON e.id = d.event JOIN body AS b ON b.id = e.body
         WHERE d.event = $1 AND d.queue = $2 AND d.state = $3";
    const MOVE: &str =
        "UPDATE delivery SET queue = $3, seal = $4, held = false WHERE event = $1 AND queue = $2";
    const QUARANTINE: &str =
        "UPDATE delivery SET state = 3, reason = $3 WHERE event = $1 AND queue = $2";
    let (event, queue) = (&one.event, &one.queue);
    let rows = session.query(SEALED, &[event, queue, &one.state]).await?;
    let Some(row) = rows.first() else {
        return Ok(0);
    };
    let of = |queue| SealedDelivery {
        event: one.event,
        queue,
        copy: row::number::<i64, _>(row, "copy"),
        first_received: row.get("first_received"),
    };
    if seals.holds(&of(queue), row.get("seal")) {
        let seal = seals.seal(&of(to));
        let values = [event as Value<'_>, queue, &to, &seal.as_slice()];
        return session.execute(MOVE, &values).await;
    }
    let values = [event as Value<'_>, queue, &Settlement::SEAL_BROKEN];
    session.execute(QUARANTINE, &values).await?;
    Ok(0)
}
