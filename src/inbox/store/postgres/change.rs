//! What an operator or the retention changes: rows are looked up first, then those are changed that are still as they were
//! found.

use std::sync::Arc;

use tokio_postgres::Error;
use uuid::Uuid;

use super::{books::Books, list, row, session::Session, time::now};
use crate::inbox::{clock::Millis, event::State, store::Selection};

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

pub(super) async fn again(
    session: &Session,
    mut selection: Selection,
    to: Option<&Arc<str>>,
    most: usize,
    now: Option<Millis>,
    shard: i32,
) -> Result<u64, Error> {
    if selection.states.is_empty() {
        selection.states = vec![State::Pending, State::Delivered, State::Dead];
    }
    let mut found = find(session, &selection, most).await?;
    // What no queue has needs one first.
    found.retain(|one| to.is_some() || !one.queue.is_empty());
    let books = Books::open(session, &events(&found)).await?;
    let mut renewed = 0;
    for one in &found {
        renewed += match to {
            Some(to) if **to != *one.queue => move_to(session, one, to, now).await?,
            _ => renew(session, one, now).await?,
        };
    }
    books.close(session, shard).await?;
    Ok(renewed)
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
    if over.is_empty() {
        return Ok(0);
    }
    let events: Vec<Uuid> = over.iter().map(|row| row.get(0)).collect();
    let books = Books::open(session, &events).await?;
    books.sweep(session, shard, before).await
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

/// Pending and due now, from the first attempt on. Who holds one that is pending may still settle it.
async fn renew(session: &Session, one: &Found, now: Option<Millis>) -> Result<u64, Error> {
    const RENEW: &str = concat!(
        "UPDATE delivery SET lease = lease + (state <> 0)::integer, state = 0, attempts = 0, due = ",
        now!(4),
        " WHERE event = $1 AND queue = $2 AND state = $3"
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
    now: Option<Millis>,
) -> Result<u64, Error> {
    let there = "SELECT state FROM delivery WHERE event = $1 AND queue = $2";
    let there = session.query(there, &[&one.event, &to]).await?;
    let there = there.first().map(row::state);
    if there == Some(State::Quarantined) {
        return Ok(0);
    }
    let rename = "UPDATE delivery SET queue = $4 WHERE event = $1 AND queue = $2 AND state = $3";
    let left = match there {
        Some(_) => remove(session, one).await?,
        None => {
            let values = [
                &one.event as &(dyn tokio_postgres::types::ToSql + Sync),
                &one.queue,
                &one.state,
                &to,
            ];
            session.execute(rename, &values).await?
        }
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
