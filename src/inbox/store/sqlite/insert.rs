//! An event comes in: whole, or not at all.

use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::fault::Fault;
use crate::{
    delivery::{
        event::{Arrival, DeliveryState, InsertOutcome, SealedEvent, Subscribers},
        seal::SealedDelivery,
    },
    inbox::store::{
        StoreError,
        admission::{Admission, Copies, Holders, Mark, Refusal},
        sqlite::tx::{Books, number},
    },
    runtime::clock::Millis,
};

/// A body that is there already.
struct Known {
    id: i64,
    first_received: Millis,
    seen: u32,
    undelivered: u32,
}

/// The body of an arrival, once it is counted.
struct Body {
    id: i64,
    first_received: Millis,
    copy: u32,
}

pub(super) fn insert(books: &mut Books<'_>, arrival: &Arrival) -> Result<InsertOutcome, Fault> {
    let event = &arrival.event;
    let mut admission = Admission::of(&arrival.subscribers);
    let known = known(books, event)?;
    match admit(books, arrival, known.as_ref(), &mut admission)? {
        Ok(()) => {}
        Err(Refusal::Duplicate { of }) => return Ok(InsertOutcome::Duplicate { of }),
        Err(Refusal::Copies) => return Err(Fault::Refused(StoreError::Copies)),
    }
    let body = if known.is_some() { 0 } else { event.body.len() };
    let bytes = (event.head.len() + body) as u64;
    books.has_room(bytes)?;
    let body = match known {
        Some(known) => add_copy(books, event, &known)?,
        None => add_body(books, event)?,
    };
    add_event(books, event, &body, &admission)?;
    add_deliveries(books, arrival, &body, &admission)?;
    books.entered(bytes);
    Ok(admission.stored(body.copy))
}

/// Narrows the admission to the destinations that lack the arrival and have room for it.
fn admit(
    books: &Books<'_>,
    arrival: &Arrival,
    known: Option<&Known>,
    admission: &mut Admission,
) -> rusqlite::Result<Result<(), Refusal>> {
    if let Some(unique) = arrival.unique {
        if note(books, unique, arrival.event.digest)? {
            admission.reused();
        } else if let Err(refusal) = admission.skip(unique, &holders(books, unique)?) {
            return Ok(Err(refusal));
        }
    }
    match known {
        // No destination can have more than all together.
        Some(known) if known.undelivered >= books.limits.copies => {
            Ok(admission.leave_out(&copies(books, known.id)?, books.limits.copies))
        }
        _ => Ok(Ok(())),
    }
}

/// Notes the body that a unique value came with. Returns whether the value identifies nothing.
fn note(books: &Books<'_>, unique: [u8; 32], body: [u8; 32]) -> rusqlite::Result<bool> {
    let found = books
        .statement("UPDATE mark SET last = ? WHERE digest = ? RETURNING first, second, reused")?
        .query_row((books.now, unique), |row| {
            Ok(Mark {
                first: row.get(0)?,
                second: row.get(1)?,
                reused: row.get(2)?,
            })
        })
        .optional()?;
    let Some(mut mark) = found else {
        books
            .statement("INSERT INTO mark (digest, first, last) VALUES (?, ?, ?)")?
            .execute((unique, body, books.now))?;
        return Ok(false);
    };
    if mark.note(body) {
        books
            .statement("UPDATE mark SET second = ?, reused = ? WHERE digest = ?")?
            .execute((mark.second, mark.reused, unique))?;
    }
    Ok(mark.reused)
}

/// The destinations that have received an event with this unique value, or still will.
fn holders(books: &Books<'_>, unique: [u8; 32]) -> rusqlite::Result<Holders> {
    books
        .statement(
            "SELECT d.queue, min(e.id) FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.mark = ? AND d.state IN (0, 1) GROUP BY d.queue",
        )?
        .query_map([unique], |row| {
            Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?)))
        })?
        .collect()
}

fn copies(books: &Books<'_>, body: i64) -> rusqlite::Result<Copies> {
    books
        .statement(
            "SELECT d.queue, count(*) FROM event AS e JOIN delivery AS d ON d.event = e.id
             WHERE e.body = ? AND d.state <> 1 GROUP BY d.queue",
        )?
        .query_map([body], |row| Ok((row.get(0)?, number(row, 1)?)))?
        .collect()
}

fn known(books: &Books<'_>, event: &SealedEvent) -> rusqlite::Result<Option<Known>> {
    books
        .statement("SELECT id, first_received, seen, undelivered FROM body WHERE digest = ?")?
        .query_row([event.digest], |row| {
            Ok(Known {
                id: row.get(0)?,
                first_received: row.get(1)?,
                seen: number(row, 2)?,
                undelivered: number(row, 3)?,
            })
        })
        .optional()
}

fn add_copy(books: &Books<'_>, event: &SealedEvent, known: &Known) -> rusqlite::Result<Body> {
    books
        .statement(
            "UPDATE body SET seen = seen + 1, events = events + 1, undelivered = undelivered + 1 WHERE id = ?",
        )?
        .execute([known.id])?;
    write_content(books, known.id, event)?;
    Ok(Body {
        id: known.id,
        first_received: known.first_received,
        copy: known.seen,
    })
}

fn add_body(books: &Books<'_>, event: &SealedEvent) -> rusqlite::Result<Body> {
    let id = books
        .statement(
            "INSERT INTO body (digest, first_received, seen, events, undelivered) VALUES (?, ?, 1, 1, 1)",
        )?
        .insert((event.digest, event.received))?;
    write_content(books, id, event)?;
    Ok(Body {
        id,
        first_received: event.received,
        copy: 0,
    })
}

/// Equal digests are of equal bytes: stored ones that differ were damaged, and would take each copy into quarantine with
/// them. They were counted as they came, so the totals stay.
fn write_content(books: &Books<'_>, body: i64, event: &SealedEvent) -> rusqlite::Result<()> {
    books
        .statement(
            "INSERT INTO content (body, bytes) VALUES (?, ?)
             ON CONFLICT (body) DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes",
        )?
        .execute((body, &event.body[..]))?;
    Ok(())
}

fn add_event(
    books: &Books<'_>,
    event: &SealedEvent,
    body: &Body,
    admission: &Admission,
) -> rusqlite::Result<()> {
    books
        .statement(
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
            admission.mark,
        ))?;
    Ok(())
}

fn add_deliveries(
    books: &Books<'_>,
    arrival: &Arrival,
    body: &Body,
    admission: &Admission,
) -> rusqlite::Result<()> {
    let mut add = books.statement(
        "INSERT INTO delivery (event, queue, state, rank, due, last, reason, seal)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let (rank, now) = (body.copy > 0, books.now);
    let (state, last, reason) = match arrival.subscribers {
        Subscribers::Queues(_) => (DeliveryState::Pending, None, None),
        Subscribers::None(reason) => (DeliveryState::Dead, Some(now), Some(reason)),
    };
    for queue in &admission.queues {
        let delivery = SealedDelivery {
            event: arrival.event.id,
            queue,
            copy: body.copy,
            first_received: body.first_received,
        };
        let seal = books.seals.seal(&delivery);
        let id = arrival.event.id.as_bytes();
        add.execute((id, &**queue, state as i16, rank, now, last, reason, seal))?;
    }
    Ok(())
}
