//! A selection of deliveries as SQL.

use tokio_postgres::types::ToSql;
use tower_cartgate::EventKind;

use crate::inbox::store::{delivery_row::Cursor, list_order::ListOrder, selection::Selection, sql};

/// The conditions of a `WHERE`, each after an `AND`, over the tables `d`, `e` and `b`, and their
/// parameters.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) sql: String,
    values: Vec<Box<dyn ToSql + Sync>>,
}

impl Conditions {
    pub(super) fn of(selection: &Selection) -> Self {
        let mut all = Self::default();
        if !selection.ids.is_empty() {
            let ids = all.parameter(selection.ids.clone());
            all.sql += &format!(" AND d.event = ANY ({ids})");
        }
        all.add("e.endpoint =", selection.endpoint.clone());
        all.add("d.queue =", selection.queue.clone());
        all.add("e.kind =", selection.kind.map(EventKind::as_str));
        all.add("e.received >=", selection.since);
        all.add("e.received <", selection.until);
        all.add("d.event <", selection.before);
        if !selection.not_in.is_empty() {
            let names = selection.not_in.iter().map(ToString::to_string);
            let names = all.parameter(names.collect::<Vec<_>>());
            all.sql += &format!(" AND d.queue <> ALL ({names})");
        }
        if !selection.states.is_empty() {
            let states = sql::states(&selection.states);
            all.sql += &format!(" AND d.state IN ({states})");
        }
        all
    }

    /// Adds the bound of a page: behind the cursor.
    pub(super) fn add_cursor(&mut self, order: ListOrder, cursor: &Cursor) {
        let event = self.parameter(cursor.event);
        let queue = self.parameter(cursor.queue.clone());
        let behind = order.behind();
        self.sql += &format!(" AND (d.event, d.queue) {behind} ({event}, {queue})");
    }

    /// Returns the values of the parameters.
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as _).collect()
    }

    /// Adds a parameter. Returns its name.
    pub(super) fn parameter(&mut self, value: impl ToSql + Sync + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    fn add(&mut self, comparison: &str, value: Option<impl ToSql + Sync + 'static>) {
        if let Some(value) = value {
            let parameter = self.parameter(value);
            self.sql += &format!(" AND {comparison} {parameter}");
        }
    }
}
