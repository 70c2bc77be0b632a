//! Lists selected deliveries, and shows single events.

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use uuid::Uuid;

use super::{conditions::Conditions, row};
use crate::{
    delivery::event::SealedEvent,
    inbox::store::{
        delivery_row::{Cursor, DeliveryRow},
        list_order::ListOrder,
        selection::Selection,
        sql::limit,
    },
};

/// Deliveries that one statement walks over. A longer read would keep the log from being begun
/// anew.
const WINDOW: i64 = if cfg!(test) { 2 } else { 20_000 };

pub(super) fn list(
    db: &Connection,
    selection: &Selection,
    order: ListOrder,
    after: Option<&Cursor>,
    most: usize,
) -> rusqlite::Result<Vec<DeliveryRow>> {
    let page = (order, after, most);
    select(db, row::DELIVERY, selection, page, row::delivery)
}

pub(super) fn show(
    db: &Connection,
    id: Uuid,
) -> rusqlite::Result<Option<(SealedEvent, Vec<DeliveryRow>)>> {
    let Some(stored) = row::event(db, id)? else {
        return Ok(None);
    };
    let deliveries = list(
        db,
        &Selection::of_event(id),
        ListOrder::OldestFirst,
        None,
        usize::MAX,
    )?;
    Ok(Some((stored.event, deliveries)))
}

/// Reads columns of `d`, `e` and `b` for up to so many selected deliveries behind a cursor.
pub(super) fn select<T>(
    db: &Connection,
    columns: &str,
    selection: &Selection,
    (order, after, most): (ListOrder, Option<&Cursor>, usize),
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut found = Vec::new();
    each_window(db, selection, order, after, |window| {
        let left = most - found.len();
        found.extend(select_in_window(
            db,
            columns,
            selection,
            (order, window, left),
            &mut read,
        )?);
        Ok(found.len() < most)
    })?;
    Ok(found)
}

/// The deliveries behind the first cursor, up to the second one.
pub(super) type Window<'w> = (Option<&'w Cursor>, Option<&'w Cursor>);

/// Calls `read` with each window behind a cursor, until it returns false.
pub(super) fn each_window(
    db: &Connection,
    selection: &Selection,
    order: ListOrder,
    after: Option<&Cursor>,
    mut read: impl FnMut(Window<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    let mut begin = after.cloned();
    loop {
        // A look-up by id needs no window.
        let end = if selection.ids.is_empty() {
            end_of_window(db, order, begin.as_ref())?
        } else {
            None
        };
        let wants_more = read((begin.as_ref(), end.as_ref()))?;
        if end.is_none() || !wants_more {
            return Ok(());
        }
        begin = end;
    }
}

/// Returns the last delivery of the window behind a cursor. Returns `None` if all remaining
/// deliveries are in the window.
fn end_of_window(
    db: &Connection,
    order: ListOrder,
    after: Option<&Cursor>,
) -> rusqlite::Result<Option<Cursor>> {
    let before_all = match order {
        ListOrder::OldestFirst => Uuid::nil(),
        ListOrder::NewestFirst => Uuid::max(),
    };
    let (event, queue) = after.map_or((before_all.into_bytes(), ""), |cursor| {
        (cursor.event.into_bytes(), cursor.queue.as_str())
    });
    let (behind, direction) = (order.behind(), order.direction());
    db.prepare_cached(&format!(
        "SELECT event, queue FROM delivery WHERE (event, queue) {behind} (?, ?)
         ORDER BY event {direction}, queue {direction} LIMIT 1 OFFSET ?",
    ))?
    .query_row((event, queue, WINDOW), |row| {
        Ok(Cursor {
            event: Uuid::from_bytes(row.get(0)?),
            queue: row.get(1)?,
        })
    })
    .optional()
}

fn select_in_window<T>(
    db: &Connection,
    columns: &str,
    selection: &Selection,
    (order, window, most): (ListOrder, Window<'_>, usize),
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut conditions = Conditions::of(selection);
    conditions.add_window(order, window);
    let direction = order.direction();
    conditions.values.push(Box::new(limit(most)));
    let sql = format!(
        "SELECT {columns} FROM {} JOIN event AS e ON e.id = d.event JOIN body AS b ON b.id = e.body
         WHERE {} ORDER BY d.event {direction}, d.queue {direction} LIMIT ?",
        conditions.deliveries, conditions.sql,
    );
    db.prepare_cached(&sql)?
        .query_map(params_from_iter(&conditions.values), read)?
        .collect()
}
