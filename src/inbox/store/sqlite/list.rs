//! What is there, as it is shown.

use std::{fs, path::Path};

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params_from_iter};
use tower_cartgate::EventKind;
use uuid::Uuid;

use super::row::{self, LISTED};
use crate::{
    delivery::event::{DeliveryState, SealedEvent},
    inbox::store::{
        Cursor, DeliveryRow, QueueStats, Selection, Stats,
        sqlite::tx::{Usage, number},
    },
    runtime::clock::Millis,
};

pub(super) fn list(
    db: &Connection,
    selection: &Selection,
    after: Option<&Cursor>,
    most: usize,
) -> rusqlite::Result<Vec<DeliveryRow>> {
    each(db, LISTED, selection, after, most, row::listed)
}

pub(super) fn show(
    db: &Connection,
    id: Uuid,
) -> rusqlite::Result<Option<(SealedEvent, Vec<DeliveryRow>)>> {
    let Some(stored) = row::event(db, id)? else {
        return Ok(None);
    };
    let all = Selection {
        ids: vec![id],
        ..Selection::default()
    };
    let deliveries = list(db, &all, None, usize::MAX)?;
    Ok(Some((stored.event, deliveries)))
}

pub(super) fn stats(db: &Connection, log: &Path) -> rusqlite::Result<Stats> {
    let usage = Usage::read(db)?;
    Ok(Stats {
        events: usage.events,
        bytes: usage.bytes,
        wal: Some(fs::metadata(log).map_or(0, |log| log.len())),
        queues: queues(db)?,
    })
}

/// Ids grow with time, so the least of a queue is its oldest.
fn queues(db: &Connection) -> rusqlite::Result<Vec<QueueStats>> {
    db.prepare_cached(
        "SELECT queue, pending, dead, quarantined, received
         FROM (SELECT queue, sum(pending) AS pending, sum(dead) AS dead, sum(quarantined) AS quarantined,
                      max(oldest) AS oldest
               FROM (SELECT queue, count(*) AS pending, 0 AS dead, 0 AS quarantined, min(event) AS oldest
                         FROM delivery WHERE state = 0 GROUP BY queue
                     UNION ALL
                     SELECT queue, 0, sum(state = 2), sum(state = 3), NULL
                         FROM delivery WHERE state IN (2, 3) GROUP BY queue)
               GROUP BY queue)
         LEFT JOIN event ON event.id = oldest ORDER BY queue",
    )?
    .query_map([], |row| {
        Ok(QueueStats {
            queue: row.get(0)?,
            pending: number(row, 1)?,
            dead: number(row, 2)?,
            quarantined: number(row, 3)?,
            oldest: row.get(4)?,
        })
    })?
    .collect()
}

/// Deliveries that one statement looks at. A reader that took longer would keep the log from being begun anew.
const WINDOW: i64 = if cfg!(test) { 2 } else { 20_000 };

/// The selected deliveries after a place, in the order of their ids. The columns are those of `d`, `e` and `b`.
pub(super) fn each<T>(
    db: &Connection,
    columns: &str,
    selection: &Selection,
    after: Option<&Cursor>,
    most: usize,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut found = Vec::new();
    let mut window = (after.cloned(), None);
    loop {
        // A lookup by id needs no window.
        if selection.ids.is_empty() {
            window.1 = end_of_window(db, window.0.as_ref())?;
        }
        let (columns, window_of) = (columns, (window.0.as_ref(), window.1.as_ref()));
        let left = most - found.len();
        found.extend(in_window(
            db, columns, selection, window_of, left, &mut read,
        )?);
        if window.1.is_none() || found.len() >= most {
            return Ok(found);
        }
        window.0 = window.1.take();
    }
}

/// The last place of the window that begins after `after`; none if all the rest is in it.
fn end_of_window(db: &Connection, after: Option<&Cursor>) -> rusqlite::Result<Option<Cursor>> {
    let (event, queue) = after.map_or(([0; 16], ""), |place| {
        (place.event.into_bytes(), place.queue.as_str())
    });
    db.prepare_cached(
        "SELECT event, queue FROM delivery WHERE (event, queue) > (?, ?)
         ORDER BY event, queue LIMIT 1 OFFSET ?",
    )?
    .query_row((event, queue, WINDOW), |row| {
        Ok(Cursor {
            event: Uuid::from_bytes(row.get(0)?),
            queue: row.get(1)?,
        })
    })
    .optional()
}

fn in_window<T>(
    db: &Connection,
    columns: &str,
    selection: &Selection,
    (after, end): (Option<&Cursor>, Option<&Cursor>),
    most: usize,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut wanted = Conditions::of(selection);
    wanted.add_place("(d.event, d.queue) > (?, ?)", after);
    wanted.add_place("(d.event, d.queue) <= (?, ?)", end);
    wanted.values.push(Box::new(limit(most)));
    let sql = format!(
        "SELECT {columns} FROM {} JOIN event AS e ON e.id = d.event JOIN body AS b ON b.id = e.body
         WHERE {} ORDER BY d.event, d.queue LIMIT ?",
        wanted.deliveries, wanted.sql,
    );
    db.prepare_cached(&sql)?
        .query_map(params_from_iter(&wanted.values), read)?
        .collect()
}

pub(super) fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// A selection as SQL.
struct Conditions {
    deliveries: &'static str,
    sql: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn of(selection: &Selection) -> Self {
        let mut all = Self {
            deliveries: "delivery AS d",
            sql: "true".to_owned(),
            values: Vec::new(),
        };
        if !selection.ids.is_empty() {
            let ids: Vec<_> = selection.ids.iter().map(|id| id.simple()).collect();
            let ids = ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>();
            all.add(
                "d.event IN (SELECT unhex(value) FROM json_each(?))",
                format!("[{}]", ids.join(",")),
            );
        }
        all.add_text("e.endpoint = ?", selection.endpoint.as_deref());
        all.add_text("d.queue = ?", selection.queue.as_deref());
        all.add_text("e.kind = ?", selection.kind.map(EventKind::as_str));
        all.add_time("e.received >= ?", selection.since);
        all.add_time("e.received < ?", selection.until);
        all.add_states(selection);
        all
    }

    fn add_states(&mut self, selection: &Selection) {
        let states = &selection.states;
        if states.is_empty() {
            return;
        }
        let stuck = |state| matches!(state, DeliveryState::Dead | DeliveryState::Quarantined);
        if selection.ids.is_empty() && states.iter().copied().all(stuck) {
            // Few among many: they have an index of their own.
            self.deliveries = "delivery AS d INDEXED BY delivery_stuck";
            self.sql += " AND d.state IN (2, 3)";
        }
        let states: Vec<_> = states
            .iter()
            .map(|state| (*state as i16).to_string())
            .collect();
        self.sql += &format!(" AND d.state IN ({})", states.join(","));
    }

    fn add_text(&mut self, sql: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(sql, value.to_owned());
        }
    }

    fn add_time(&mut self, sql: &str, value: Option<Millis>) {
        if let Some(value) = value {
            self.add(sql, value);
        }
    }

    fn add_place(&mut self, sql: &str, place: Option<&Cursor>) {
        if let Some(place) = place {
            self.add(sql, place.event.into_bytes());
            self.values.push(Box::new(place.queue.clone()));
        }
    }

    fn add(&mut self, sql: &str, value: impl ToSql + 'static) {
        self.sql += " AND ";
        self.sql += sql;
        self.values.push(Box::new(value));
    }
}
