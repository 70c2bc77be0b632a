//! Counts selected deliveries.

use rusqlite::{Connection, params_from_iter};

use super::{
    conditions::Conditions,
    list::{Window, each_window},
    row::number,
};
use crate::inbox::store::{list_order::ListOrder, selection::Selection};

pub(super) fn count(db: &Connection, selection: &Selection) -> rusqlite::Result<u64> {
    let mut sum = 0;
    each_window(db, selection, ListOrder::OldestFirst, None, |window| {
        sum += count_in_window(db, selection, window)?;
        Ok(true)
    })?;
    Ok(sum)
}

/// Reads the events only if a condition is about them: an index counts deliveries alone.
fn count_in_window(
    db: &Connection,
    selection: &Selection,
    window: Window<'_>,
) -> rusqlite::Result<u64> {
    let mut conditions = Conditions::of(selection);
    conditions.add_window(ListOrder::OldestFirst, window);
    let events = if selection.needs_event() {
        "JOIN event AS e ON e.id = d.event"
    } else {
        ""
    };
    let sql = format!(
        "SELECT count(*) FROM {} {events} WHERE {}",
        conditions.deliveries, conditions.sql,
    );
    db.prepare_cached(&sql)?
        .query_row(params_from_iter(&conditions.values), |row| number(row, 0))
}
