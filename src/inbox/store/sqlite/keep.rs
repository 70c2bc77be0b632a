//! An event comes in: whole, or not at all.

use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::{
    books::{Books, number},
    fault::Fault,
};
use crate::inbox::{
    event::{Arrival, Event, Kept, State, Wanted},
    store::StoreError,
};

/// A body that is there already.
struct Known {
    id: i64,
    seen: u32,
    undelivered: u32,
}

pub(super) fn keep(books: &mut Books<'_>, arrival: &Arrival) -> Result<Kept, Fault> {
    let event = &arrival.event;
    if let Some(of) = first_of(books, arrival.unique.as_ref())? {
        return Ok(Kept::Duplicate { of });
    }
    let known = known(books, event)?;
    if known
        .as_ref()
        .is_some_and(|known| known.undelivered >= books.limits.copies)
    {
        return Err(Fault::Refused(StoreError::Copies));
    }
    let body = if known.is_some() { 0 } else { event.body.len() };
    let bytes = (event.head.len() + body) as u64;
    books.has_room(bytes)?;
    let (body, copy) = match known {
        Some(known) => (add_copy(books, event, &known)?, known.seen),
        None => (add_body(books, event)?, 0),
    };
    add_event(books, event, body, copy)?;
    add_deliveries(books, event.id, &arrival.wanted, copy)?;
    if let Some(unique) = arrival.unique {
        books
            .statement("INSERT INTO mark (digest, event, seen, last) VALUES (?, ?, 1, ?)")?
            .execute((unique, event.id.as_bytes(), books.now))?;
    }
    books.entered(bytes);
    Ok(Kept::Stored { copy })
}

/// The event that the unique value came with before; it is counted there.
fn first_of(books: &Books<'_>, unique: Option<&[u8; 32]>) -> rusqlite::Result<Option<Uuid>> {
    let Some(unique) = unique else {
        return Ok(None);
    };
    books
        .statement("UPDATE mark SET seen = seen + 1, last = ? WHERE digest = ? RETURNING event")?
        .query_row((books.now, unique), |row| row.get(0))
        .optional()
        .map(|id| id.map(Uuid::from_bytes))
}

fn known(books: &Books<'_>, event: &Event) -> rusqlite::Result<Option<Known>> {
    books
        .statement("SELECT id, seen, undelivered FROM body WHERE digest = ?")?
        .query_row([event.digest], |row| {
            Ok(Known {
                id: row.get(0)?,
                seen: number(row, 1)?,
                undelivered: number(row, 2)?,
            })
        })
        .optional()
}

fn add_copy(books: &Books<'_>, event: &Event, known: &Known) -> rusqlite::Result<i64> {
    books
        .statement(
            "UPDATE body SET seen = seen + 1, events = events + 1, undelivered = undelivered + 1 WHERE id = ?",
        )?
        .execute([known.id])?;
    write_content(books, known.id, event)?;
    Ok(known.id)
}

fn add_body(books: &Books<'_>, event: &Event) -> rusqlite::Result<i64> {
    let body = books
        .statement(
            "INSERT INTO body (digest, first_received, seen, events, undelivered) VALUES (?, ?, 1, 1, 1)",
        )?
        .insert((event.digest, event.received))?;
    write_content(books, body, event)?;
    Ok(body)
}

/// Equal digests are of equal bytes: stored ones that differ were damaged, and would take each copy into quarantine with
/// them. They were counted as they came, so the totals stay.
fn write_content(books: &Books<'_>, body: i64, event: &Event) -> rusqlite::Result<()> {
    books
        .statement(
            "INSERT INTO content (body, bytes) VALUES (?, ?)
             ON CONFLICT (body) DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes",
        )?
        .execute((body, &event.body[..]))?;
    Ok(())
}

fn add_event(books: &Books<'_>, event: &Event, body: i64, copy: u32) -> rusqlite::Result<()> {
    books
        .statement(
            "INSERT INTO event (id, endpoint, kind, received, body, copy, head, seal)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            event.id.as_bytes(),
            &*event.endpoint,
            event.kind.as_str(),
            event.received,
            body,
            copy,
            &event.head[..],
            event.seal,
        ))?;
    Ok(())
}

fn add_deliveries(books: &Books<'_>, id: Uuid, wanted: &Wanted, copy: u32) -> rusqlite::Result<()> {
    let mut add = books.statement(
        "INSERT INTO delivery (event, queue, state, rank, due, last, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let (id, rank, now) = (id.as_bytes(), copy > 0, books.now);
    match wanted {
        Wanted::By(queues) => {
            for queue in queues {
                let state = State::Pending as i16;
                add.execute((id, &**queue, state, rank, now, None::<i64>, None::<&str>))?;
            }
        }
        Wanted::Nobody(reason) => {
            add.execute((id, "", State::Dead as i16, rank, now, now, reason))?;
        }
    }
    Ok(())
}
