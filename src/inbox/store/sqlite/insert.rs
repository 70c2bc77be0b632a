//! Stores an event: all of it, or nothing.

use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::{error::JobError, row::number, tx::Tx};
use crate::{
    delivery::{
        event::{Arrival, DeliveryState, InsertOutcome, SealedEvent, Subscribers},
        seal::SealedDelivery,
    },
    inbox::store::{
        error::StoreError,
        recipients::{Copies, Holders, Mark, NoRecipient, Recipients},
    },
    runtime::clock::Millis,
};

/// A body that is stored already.
struct KnownBody {
    id: i64,
    first_received: Millis,
    seen: u32,
    undelivered: u32,
}

/// The body of an arrival, with the arrival counted.
struct Body {
    id: i64,
    first_received: Millis,
    copy: u32,
}

pub(super) fn insert(tx: &mut Tx<'_>, arrival: &Arrival) -> Result<InsertOutcome, JobError> {
    let event = &arrival.event;
    if arrival.late && is_stored(tx, event.id)? {
        return Ok(InsertOutcome::Duplicate { of: event.id });
    }
    let known = known_body(tx, event)?;
    let recipients = match select_recipients(tx, arrival, known.as_ref())? {
        Ok(recipients) => recipients,
        Err(NoRecipient::Duplicate { of }) => return Ok(InsertOutcome::Duplicate { of }),
        Err(NoRecipient::TooManyCopies) => return Err(StoreError::Copies.into()),
    };
    let body = if known.is_some() { 0 } else { event.body.len() };
    tx.reserve((event.head.len() + body) as u64)?;
    let body = match known {
        Some(known) => add_copy(tx, event, &known)?,
        None => add_body(tx, event)?,
    };
    add_event(tx, event, &body, &recipients)?;
    add_deliveries(tx, arrival, &body, &recipients)?;
    Ok(recipients.stored(body.copy))
}

/// Selects the destinations that lack the arrival and have room for it.
fn select_recipients(
    tx: &Tx<'_>,
    arrival: &Arrival,
    known: Option<&KnownBody>,
) -> rusqlite::Result<Result<Recipients, NoRecipient>> {
    let mut recipients = Recipients::new(&arrival.subscribers);
    let mut result = Ok(());
    if let Some(unique) = arrival.unique {
        if record_mark(tx, unique, arrival.event.digest)? {
            recipients.set_reused();
        } else {
            result = recipients.remove_holders(unique, &holders(tx, unique)?);
        }
    } else if arrival.late || known.is_some() {
        let digest = arrival.event.digest;
        let holders = match known {
            Some(known) if arrival.late => body_holders(tx, known.id, &recipients)?,
            // A late event has its digest as its mark.
            _ => holders(tx, digest)?,
        };
        if arrival.late || !holders.is_empty() {
            result = recipients.remove_holders(digest, &holders);
        }
    }
    let most = tx.limits.copies;
    if let Some(known) = known
        && result.is_ok()
        // No destination has more copies than all of them together.
        && known.undelivered >= most
    {
        result = recipients.limit_copies(&copies(tx, known.id)?, most);
    }
    Ok(result.map(|()| recipients))
}

/// Records the body that a unique value came with. Returns whether the value identifies nothing.
fn record_mark(tx: &Tx<'_>, unique: [u8; 32], body: [u8; 32]) -> rusqlite::Result<bool> {
    let found = tx
        .statement("UPDATE mark SET last = ? WHERE digest = ? RETURNING first, second, reused")?
        .query_row((tx.now, unique), |row| {
            Ok(Mark {
                first: row.get(0)?,
                second: row.get(1)?,
                reused: row.get(2)?,
            })
        })
        .optional()?;
    let Some(mut mark) = found else {
        tx.statement("INSERT INTO mark (digest, first, last) VALUES (?, ?, ?)")?
            .execute((unique, body, tx.now))?;
        return Ok(false);
    };
    if mark.record(body) {
        tx.statement("UPDATE mark SET second = ?, reused = ? WHERE digest = ?")?
            .execute((mark.second, mark.reused, unique))?;
    }
    Ok(mark.reused)
}

/// Returns the destinations that have received an event with this unique value, or still will.
fn holders(tx: &Tx<'_>, unique: [u8; 32]) -> rusqlite::Result<Holders> {
    tx.statement(
        "SELECT d.queue, min(e.id) FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.mark = ? AND d.state IN (0, 1) GROUP BY d.queue",
    )?
    .query_map([unique], |row| {
        Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?)))
    })?
    .collect()
}

/// Returns the destinations that have received an event with this body, or still will. Looks for
/// one event for each, because a body may have many copies.
fn body_holders(tx: &Tx<'_>, body: i64, recipients: &Recipients) -> rusqlite::Result<Holders> {
    let mut find = tx.statement(
        "SELECT e.id FROM event AS e JOIN delivery AS d ON d.event = e.id AND d.queue = ?2
             WHERE e.body = ?1 AND d.state IN (0, 1) LIMIT 1",
    )?;
    let mut holders = Holders::new();
    for queue in &recipients.queues {
        let found = find.query_row((body, &**queue), |row| row.get(0));
        if let Some(id) = found.optional()? {
            holders.insert(queue.to_string(), Uuid::from_bytes(id));
        }
    }
    Ok(holders)
}

fn is_stored(tx: &Tx<'_>, event: Uuid) -> rusqlite::Result<bool> {
    tx.statement("SELECT EXISTS (SELECT 1 FROM event WHERE id = ?)")?
        .query_row([event.as_bytes()], |row| row.get(0))
}

/// Counts the undelivered copies of a body.
fn copies(tx: &Tx<'_>, body: i64) -> rusqlite::Result<Copies> {
    tx.statement(
        "SELECT d.queue, count(*) FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.body = ? AND d.state <> 1 GROUP BY d.queue",
    )?
    .query_map([body], |row| Ok((row.get(0)?, number(row, 1)?)))?
    .collect()
}

fn known_body(tx: &Tx<'_>, event: &SealedEvent) -> rusqlite::Result<Option<KnownBody>> {
    tx.statement("SELECT id, first_received, seen, undelivered FROM body WHERE digest = ?")?
        .query_row([event.digest], |row| {
            Ok(KnownBody {
                id: row.get(0)?,
                first_received: row.get(1)?,
                seen: number(row, 2)?,
                undelivered: number(row, 3)?,
            })
        })
        .optional()
}

fn add_copy(tx: &Tx<'_>, event: &SealedEvent, known: &KnownBody) -> rusqlite::Result<Body> {
    tx.statement(
        "UPDATE body SET seen = seen + 1, events = events + 1, undelivered = undelivered + 1 WHERE id = ?",
    )?
    .execute([known.id])?;
    write_content(tx, known.id, event)?;
    Ok(Body {
        id: known.id,
        first_received: known.first_received,
        copy: known.seen,
    })
}

fn add_body(tx: &Tx<'_>, event: &SealedEvent) -> rusqlite::Result<Body> {
    let id = tx
        .statement(
            "INSERT INTO body (digest, first_received, seen, events, undelivered) VALUES (?, ?, 1, 1, 1)",
        )?
        .insert((event.digest, event.received))?;
    write_content(tx, id, event)?;
    Ok(Body {
        id,
        first_received: event.received,
        copy: 0,
    })
}

/// Writes the bytes of a body, and repairs stored bytes that differ.
///
/// Equal digests mean equal bytes, so stored bytes that differ were damaged, and would take each
/// copy into quarantine. The totals stay, because they count the bytes that arrived.
fn write_content(tx: &Tx<'_>, body: i64, event: &SealedEvent) -> rusqlite::Result<()> {
    tx.statement(
        "INSERT INTO content (body, bytes) VALUES (?, ?)
             ON CONFLICT (body) DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes",
    )?
    .execute((body, &event.body[..]))?;
    Ok(())
}

fn add_event(
    tx: &Tx<'_>,
    event: &SealedEvent,
    body: &Body,
    recipients: &Recipients,
) -> rusqlite::Result<()> {
    tx.statement(
        "INSERT INTO event (id, endpoint, kind, received, body, copy, head, seal, mark)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute((
        event.id.as_bytes(),
        &*event.endpoint,
        event.kind.as_str(),
        event.received,
        body.id,
        body.copy,
        &event.head[..],
        event.seal,
        recipients.mark,
    ))?;
    Ok(())
}

fn add_deliveries(
    tx: &Tx<'_>,
    arrival: &Arrival,
    body: &Body,
    recipients: &Recipients,
) -> rusqlite::Result<()> {
    let mut add = tx.statement(
        "INSERT INTO delivery (event, queue, state, rank, due, last, reason, seal)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let (rank, now) = (body.copy > 0, tx.now);
    let (state, last, reason) = match arrival.subscribers {
        Subscribers::Queues(_) => (DeliveryState::Pending, None, None),
        Subscribers::None(reason) => (DeliveryState::Dead, Some(now), Some(reason)),
    };
    for queue in &recipients.queues {
        let delivery = SealedDelivery {
            event: arrival.event.id,
            queue,
            copy: body.copy,
            first_received: body.first_received,
        };
        let seal = tx.seals.seal(&delivery);
        let id = arrival.event.id.as_bytes();
        add.execute((id, &**queue, state as i16, rank, now, last, reason, seal))?;
    }
    Ok(())
}
