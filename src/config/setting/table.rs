//! Access to tables below a table: one that is always there, one that may be absent, or several.

use serde_json::{Value as Json, json};

use super::{
    access::Access, definition::Section, describe::describe, description::Description, read::read,
    schema, show::show,
};
use crate::config::document::Value;

/// A table whose settings have defaults, or that is required.
struct Table<P, Q>(fn(&mut P) -> &mut Q);

/// A table that may be absent.
struct OptionalTable<P, Q>(fn(&mut P) -> &mut Option<Q>);

/// Several tables under one header.
pub(crate) struct Tables<P, Q> {
    /// The header in the file, with its brackets.
    pub(crate) header: &'static str,
    /// The message about a list without tables.
    pub(crate) not_empty: &'static str,
    /// The complete tables.
    pub(crate) at: fn(&mut P) -> &mut Vec<Q>,
    /// The other tables; what can be read of them is still checked.
    pub(crate) incomplete: fn(&mut P) -> &mut Vec<Q>,
    /// Whether the table above is incomplete without each of them.
    pub(crate) needs_all: bool,
}

/// Accesses a table that is always in the plan.
pub(crate) fn table<P: 'static, Q: Section>(at: fn(&mut P) -> &mut Q) -> impl Access<P> {
    Table(at)
}

/// Accesses a table that may be absent.
pub(crate) fn optional_table<P: 'static, Q: Section>(
    at: fn(&mut P) -> &mut Option<Q>,
) -> impl Access<P> {
    OptionalTable(at)
}

impl<P, Q: Section> Access<P> for Table<P, Q> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.0)(plan) = read(value.table()?).complete()?;
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        Some(toml::Value::Table(show((self.0)(plan))))
    }

    fn schema(&self) -> Json {
        schema::table::<Q>()
    }

    fn nested(&self) -> Option<Vec<Description>> {
        Some(describe::<Q>())
    }

    fn is_table(&self) -> bool {
        true
    }
}

impl<P, Q: Section> Access<P> for OptionalTable<P, Q> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.0)(plan) = Some(read(value.table()?).complete()?);
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        let table = (self.0)(plan).as_mut()?;
        Some(toml::Value::Table(show(table)))
    }

    fn schema(&self) -> Json {
        schema::table::<Q>()
    }

    fn nested(&self) -> Option<Vec<Description>> {
        Some(describe::<Q>())
    }

    fn is_table(&self) -> bool {
        true
    }
}

impl<P: 'static, Q: Section> Access<P> for Tables<P, Q> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        let tables = value.not_empty(self.not_empty)?.tables(self.header)?;
        let mut all = true;
        for table in tables {
            let read = read(table);
            let list = if read.complete {
                self.at
            } else {
                self.incomplete
            };
            list(plan).push(read.plan);
            all &= read.complete;
        }
        (all || !self.needs_all).then_some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        let tables = (self.at)(plan).iter_mut();
        let tables: Vec<_> = tables
            .map(|table| toml::Value::Table(show(table)))
            .collect();
        // The file rejects an empty list.
        (!tables.is_empty()).then_some(toml::Value::Array(tables))
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": schema::table::<Q>(), "minItems": 1 })
    }

    fn nested(&self) -> Option<Vec<Description>> {
        Some(describe::<Q>())
    }

    fn is_table(&self) -> bool {
        true
    }
}
