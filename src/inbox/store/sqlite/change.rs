//! What an operator or the retention changes. A reader looks the rows up, which may take long; the writer changes those that
//! are still as they were found, which is short.

use std::{collections::BTreeSet, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::{list, row};
use crate::{
    delivery::{
        event::{DeliveryState, Settlement},
        seal::SealedDelivery,
    },
    inbox::store::{
        Selection,
        sqlite::tx::{Books, number},
    },
    runtime::clock::Millis,
};

/// A delivery as it was found.
pub(super) struct Found {
    event: Uuid,
    queue: String,
    state: DeliveryState,
}

/// A delivery that is to be tried again, perhaps by another queue.
pub(super) struct Retriable {
    found: Found,
    to: Option<Arc<str>>,
}

/// An event that was delivered everywhere before this time.
pub(super) struct Over {
    event: Uuid,
    before: Millis,
}

/// A unique value that was last seen before this time and that no event has.
pub(super) struct Unused {
    mark: [u8; 32],
    before: Millis,
}

/// A delivery whose wait began later than now.
pub(super) struct Early {
    event: Uuid,
    queue: Arc<str>,
}

pub(super) fn found(
    db: &Connection,
    selection: &Selection,
    most: usize,
) -> rusqlite::Result<Vec<Found>> {
    list::each(
        db,
        "d.event, d.queue, d.state",
        selection,
        None,
        most,
        |row| {
            Ok(Found {
                event: Uuid::from_bytes(row.get(0)?),
                queue: row.get(1)?,
                state: row::state(row, 2)?,
            })
        },
    )
}

/// Those of the selection that can be tried again: not what is broken unless that is said, nor without a queue what has none.
pub(super) fn retriable(
    db: &Connection,
    mut selection: Selection,
    to: Option<&Arc<str>>,
    most: usize,
) -> rusqlite::Result<Vec<Retriable>> {
    if selection.states.is_empty() {
        selection.states = vec![
            DeliveryState::Pending,
            DeliveryState::Delivered,
            DeliveryState::Dead,
        ];
    }
    let found = found(db, &selection, most)?.into_iter();
    Ok(found
        .filter(|found| to.is_some() || !found.queue.is_empty())
        .map(|found| Retriable {
            to: to.filter(|to| ***to != found.queue).cloned(),
            found,
        })
        .collect())
}

pub(super) fn over(db: &Connection, before: Millis, most: usize) -> rusqlite::Result<Vec<Over>> {
    let events: BTreeSet<[u8; 16]> = db
        .prepare_cached(
            "SELECT event FROM delivery AS d WHERE state = 1 AND last < ?1
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = d.event AND (state <> 1 OR last >= ?1))
             ORDER BY last LIMIT ?2",
        )?
        .query_map((before, list::limit(most)), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let over = |id| Over {
        event: Uuid::from_bytes(id),
        before,
    };
    Ok(events.into_iter().map(over).collect())
}

pub(super) fn unused(
    db: &Connection,
    before: Millis,
    most: usize,
) -> rusqlite::Result<Vec<Unused>> {
    db.prepare_cached(
        "SELECT digest FROM mark AS m WHERE last < ?1
             AND NOT EXISTS (SELECT 1 FROM event WHERE mark = m.digest) ORDER BY last LIMIT ?2",
    )?
    .query_map((before, list::limit(most)), |row| {
        Ok(Unused {
            mark: row.get(0)?,
            before,
        })
    })?
    .collect()
}

/// Deliveries whose wait began later than now. Along the index of what is due.
pub(super) fn begun_later(
    db: &Connection,
    queue: &Arc<str>,
    now: Millis,
) -> rusqlite::Result<Vec<Early>> {
    let mut found = db.prepare_cached(
        "SELECT event FROM delivery
         WHERE queue = ?1 AND state = 0 AND rank = ?2 AND due > ?3 AND due - wait > ?3",
    )?;
    let mut early = Vec::new();
    for rank in [0, 1] {
        let events = found.query_map((&**queue, rank, now), |row| row.get(0))?;
        for event in events {
            early.push(Early {
                event: Uuid::from_bytes(event?),
                queue: Arc::clone(queue),
            });
        }
    }
    Ok(early)
}

/// Begins its wait now.
pub(super) fn correct_due(books: &mut Books<'_>, early: &Early) -> rusqlite::Result<bool> {
    let corrected = books
        .statement(
            "UPDATE delivery SET due = ?1 + wait
             WHERE event = ?2 AND queue = ?3 AND state = 0 AND due - wait > ?1",
        )?
        .execute((books.now, early.event.as_bytes(), &*early.queue))?;
    Ok(corrected > 0)
}

/// The name of the fact that says when `again` last concerned a queue.
fn requeue_key(queue: &str) -> String {
    format!("again:{queue}")
}

pub(super) fn last_requeue(db: &Connection, queue: &str) -> rusqlite::Result<Option<Uuid>> {
    let id = db
        .prepare_cached("SELECT value FROM meta WHERE name = ?")?
        .query_row([requeue_key(queue)], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    Ok(id.and_then(|id| Uuid::from_slice(&id).ok()))
}

pub(super) fn requeue(books: &mut Books<'_>, retriable: &Retriable) -> rusqlite::Result<bool> {
    let found = &retriable.found;
    let event = found.event;
    let was_undelivered = books.is_undelivered(event)?;
    let Some(to) = &retriable.to else {
        let done = renew(books, event, &found.queue, found.state)?;
        books.changed(event, was_undelivered)?;
        return Ok(done);
    };
    let there = books
        .statement("SELECT state FROM delivery WHERE event = ? AND queue = ?")?
        .query_row((event.as_bytes(), &**to), |row| row::state(row, 0))
        .optional()?;
    let done = match there {
        Some(DeliveryState::Quarantined) => false,
        Some(state) => remove(books, found)? && renew(books, event, to, state)?,
        None => reseal(books, found, to)? && renew(books, event, to, found.state)?,
    };
    books.changed(event, was_undelivered)?;
    Ok(done)
}

pub(super) fn purge(books: &mut Books<'_>, found: &Found) -> rusqlite::Result<bool> {
    let was_undelivered = books.is_undelivered(found.event)?;
    let done = remove(books, found)?;
    if done {
        books.changed(found.event, was_undelivered)?;
    }
    Ok(done)
}

pub(super) fn sweep(books: &mut Books<'_>, over: &Over) -> rusqlite::Result<bool> {
    let id = over.event.as_bytes();
    let still: bool = books
        .statement(
            "SELECT EXISTS (SELECT 1 FROM event WHERE id = ?1)
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = ?1 AND (state <> 1 OR last >= ?2))",
        )?
        .query_row((id, over.before), |row| row.get(0))?;
    if still {
        books.remove(over.event)?;
    }
    Ok(still)
}

/// Makes a delivery pending and due now, from the first attempt on. A claimed one stays hidden until its lease ends: an attempt
/// is under way, which would be made twice.
fn renew(
    books: &Books<'_>,
    event: Uuid,
    queue: &str,
    state: DeliveryState,
) -> rusqlite::Result<bool> {
    let renewed = books
        .statement(
            "UPDATE delivery SET lease = lease + (state <> 0), state = 0, attempts = 0,
                 held = (state = 0 AND held = 1),
                 due = CASE WHEN state = 0 AND held = 1 THEN due ELSE ? END,
                 wait = CASE WHEN state = 0 AND held = 1 THEN wait ELSE 0 END
             WHERE event = ? AND queue = ? AND state = ?",
        )?
        .execute((books.now, event.as_bytes(), queue, state as i16))?;
    books
        .statement(
            "INSERT INTO meta (name, value) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute((requeue_key(queue), Uuid::now_v7().as_bytes()))?;
    Ok(renewed > 0)
}

/// Moves a delivery whose seal holds to another queue, under a new seal; quarantines it if the seal does not hold.
fn reseal(books: &Books<'_>, found: &Found, to: &str) -> rusqlite::Result<bool> {
    let Some((copy, first_received, seal)) = sealed(books, found)? else {
        return Ok(false);
    };
    let of = |queue| SealedDelivery {
        event: found.event,
        queue,
        copy,
        first_received,
    };
    let id = found.event.as_bytes();
    if books.seals.holds(&of(&found.queue), &seal) {
        books
            .statement(
                "UPDATE delivery SET queue = ?, seal = ?, held = 0 WHERE event = ? AND queue = ?",
            )?
            .execute((to, books.seals.seal(&of(to)), id, &*found.queue))?;
        return Ok(true);
    }
    books
        .statement("UPDATE delivery SET state = 3, reason = ? WHERE event = ? AND queue = ?")?
        .execute((Settlement::SEAL_BROKEN, id, &*found.queue))?;
    Ok(false)
}

/// The sealed numbers of a delivery, and its seal.
fn sealed(books: &Books<'_>, found: &Found) -> rusqlite::Result<Option<(u32, Millis, Vec<u8>)>> {
    books
        .statement(
            "SELECT e.copy, b.first_received, d.seal
             FROM delivery AS d JOIN event AS e ON e.id = d.event JOIN body AS b ON b.id = e.body
             WHERE d.event = ? AND d.queue = ? AND d.state = ?",
        )?
        .query_row(
            (found.event.as_bytes(), &*found.queue, found.state as i16),
            |row| Ok((number(row, 0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()
}

fn remove(books: &Books<'_>, found: &Found) -> rusqlite::Result<bool> {
    let removed = books
        .statement("DELETE FROM delivery WHERE event = ? AND queue = ? AND state = ?")?
        .execute((found.event.as_bytes(), &*found.queue, found.state as i16))?;
    Ok(removed > 0)
}

/// Forgets a unique value, unless it came again.
pub(super) fn forget(books: &mut Books<'_>, unused: &Unused) -> rusqlite::Result<bool> {
    let forgotten = books
        .statement(
            "DELETE FROM mark WHERE digest = ?1 AND last < ?2
                 AND NOT EXISTS (SELECT 1 FROM event WHERE mark = ?1)",
        )?
        .execute((unused.mark, unused.before))?;
    Ok(forgotten > 0)
}
