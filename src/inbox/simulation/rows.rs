//! The deliveries in the store, read by a query of the simulation's own.

use std::collections::BTreeMap;

use rusqlite::Connection;
use uuid::Uuid;

use crate::{delivery::event::DeliveryState, runtime::clock::Millis};

/// A delivery: its event and its queue.
pub(super) type Key = (Uuid, String);

pub(super) type Rows = BTreeMap<Key, Row>;

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: DeliveryState,
    pub(super) lease: i64,
    pub(super) is_held: bool,
    pub(super) due: Millis,
    pub(super) wait: Millis,
    pub(super) attempts: u32,
    pub(super) last: Option<Millis>,
    pub(super) copy: u32,
    pub(super) is_marked: bool,
}

impl Row {
    pub(super) fn is_pending(&self) -> bool {
        self.state == DeliveryState::Pending
    }

    pub(super) fn is_delivered(&self) -> bool {
        self.state == DeliveryState::Delivered
    }
}

/// Returns whether an event has a delivery.
pub(super) fn has(rows: &Rows, event: Uuid) -> bool {
    let mut from = rows.range((event, String::new())..);
    from.next().is_some_and(|((stored, _), _)| *stored == event)
}

/// Reads all deliveries.
pub(super) fn read(db: &Connection) -> Rows {
    let sql =
        "SELECT d.event, d.queue, d.state, d.lease, d.held, d.due, d.wait, d.attempts, d.last,
             coalesce(e.copy, 0), e.mark IS NOT NULL
         FROM delivery AS d LEFT JOIN event AS e ON e.id = d.event";
    let mut select = db.prepare_cached(sql).expect("a query");
    let rows = select.query_map([], |row| {
        let state: usize = row.get::<_, i64>(2)?.try_into().expect("a state");
        let read = Row {
            state: DeliveryState::ALL[state],
            lease: row.get(3)?,
            is_held: row.get(4)?,
            due: row.get(5)?,
            wait: row.get(6)?,
            attempts: row.get(7)?,
            last: row.get(8)?,
            copy: row.get(9)?,
            is_marked: row.get(10)?,
        };
        Ok(((Uuid::from_bytes(row.get(0)?), row.get(1)?), read))
    });
    rows.expect("rows")
        .collect::<Result<_, _>>()
        .expect("values")
}

/// Returns the number of changes that this connection has made.
pub(super) fn changes(db: &Connection) -> u64 {
    let mut count = db
        .prepare_cached("SELECT total_changes()")
        .expect("a query");
    let count = count.query_row([], |row| row.get::<_, i64>(0));
    count.expect("a number").unsigned_abs()
}

/// Counts rows that contradict each other. Each query finds none in a sound store.
pub(super) fn contradictions(db: &Connection) -> Option<&'static str> {
    let queries = [
        (
            "a delivery has no whole event",
            "SELECT EXISTS (SELECT 1 FROM delivery AS d WHERE NOT EXISTS (
                SELECT 1 FROM event AS e JOIN body AS b ON b.id = e.body JOIN content AS c ON c.body = b.id
                WHERE e.id = d.event))",
        ),
        (
            "an event has no delivery",
            "SELECT EXISTS (SELECT 1 FROM event AS e WHERE NOT EXISTS (
                SELECT 1 FROM delivery WHERE event = e.id))",
        ),
        (
            "the counters of a body are wrong",
            "SELECT EXISTS (SELECT 1 FROM body AS b WHERE events = 0
                OR events <> (SELECT count(*) FROM event WHERE body = b.id)
                OR undelivered <> (SELECT count(*) FROM event AS e WHERE e.body = b.id
                    AND EXISTS (SELECT 1 FROM delivery WHERE event = e.id AND state <> 1)))",
        ),
    ];
    queries.into_iter().find_map(|(what, sql)| {
        let mut query = db.prepare_cached(sql).expect("a query");
        let is_found: bool = query.query_row([], |row| row.get(0)).expect("a result");
        is_found.then_some(what)
    })
}

/// Counts the stored events and their bytes.
pub(super) fn totals(db: &Connection) -> (u64, u64) {
    let sql = "SELECT count(*), coalesce(sum(length(head)), 0)
             + (SELECT coalesce(sum(length(bytes)), 0) FROM content) FROM event";
    let mut query = db.prepare_cached(sql).expect("a query");
    let totals = query.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let (events, bytes) = totals.expect("totals");
    (events.unsigned_abs(), bytes.unsigned_abs())
}
