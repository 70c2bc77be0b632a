//! A selection of deliveries as SQL.

use rusqlite::ToSql;
use serde_json::Value;
use tower_cartgate::EventKind;

use crate::{
    delivery::event::DeliveryState,
    inbox::store::{delivery_row::Cursor, list_order::ListOrder, selection::Selection, sql},
    runtime::clock::Millis,
};

/// The conditions of a `WHERE`, over the tables `d`, `e` and `b`, and their values.
pub(super) struct Conditions {
    /// The table of deliveries, with the index to use.
    pub(super) deliveries: &'static str,
    pub(super) sql: String,
    pub(super) values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    pub(super) fn of(selection: &Selection) -> Self {
        let mut all = Self {
            deliveries: "delivery AS d",
            sql: "true".to_owned(),
            values: Vec::new(),
        };
        all.add_ids(selection);
        all.add_text("e.endpoint = ?", selection.endpoint.as_deref());
        all.add_text("d.queue = ?", selection.queue.as_deref());
        all.add_text("e.kind = ?", selection.kind.map(EventKind::as_str));
        all.add_time("e.received >= ?", selection.since);
        all.add_time("e.received < ?", selection.until);
        all.add_bounds(selection);
        all.add_states(selection);
        all
    }

    /// Adds the bounds of a window: behind the first cursor, up to the second one.
    pub(super) fn add_window(
        &mut self,
        order: ListOrder,
        (after, end): (Option<&Cursor>, Option<&Cursor>),
    ) {
        self.add_cursor(order.behind(), after);
        self.add_cursor(order.up_to(), end);
    }

    fn add_cursor(&mut self, operator: &str, cursor: Option<&Cursor>) {
        if let Some(cursor) = cursor {
            let sql = format!("(d.event, d.queue) {operator} (?, ?)");
            self.add(&sql, cursor.event.into_bytes());
            self.values.push(Box::new(cursor.queue.clone()));
        }
    }

    fn add_ids(&mut self, selection: &Selection) {
        if selection.ids.is_empty() {
            return;
        }
        let quoted = selection
            .ids
            .iter()
            .map(|id| format!("\"{}\"", id.simple()));
        let quoted: Vec<_> = quoted.collect();
        self.add(
            "d.event IN (SELECT unhex(value) FROM json_each(?))",
            format!("[{}]", quoted.join(",")),
        );
    }

    fn add_bounds(&mut self, selection: &Selection) {
        if let Some(before) = selection.before {
            self.add("d.event < ?", before.into_bytes());
        }
        if !selection.not_in.is_empty() {
            let names = selection.not_in.iter().map(|name| Value::from(&**name));
            let names = names.collect::<Value>().to_string();
            self.add("d.queue NOT IN (SELECT value FROM json_each(?))", names);
        }
    }

    fn add_states(&mut self, selection: &Selection) {
        let states = &selection.states;
        if states.is_empty() {
            return;
        }
        let is_stuck = |state| matches!(state, DeliveryState::Dead | DeliveryState::Quarantined);
        if selection.ids.is_empty() && states.iter().copied().all(is_stuck) {
            // These are few among many, with an index of their own.
            self.deliveries = "delivery AS d INDEXED BY delivery_stuck";
            self.sql += " AND d.state IN (2, 3)";
        }
        self.sql += &format!(" AND d.state IN ({})", sql::states(states));
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

    fn add(&mut self, sql: &str, value: impl ToSql + 'static) {
        self.sql += " AND ";
        self.sql += sql;
        self.values.push(Box::new(value));
    }
}
