//! Access to a table whose keys are names of the operator's choice.

use serde_json::{Value as Json, json};

use super::access::Access;
use crate::config::document::{At, Table, Value};

/// A table from names to values.
pub(crate) struct Map<P> {
    /// The regular expression of a name.
    pub(crate) names: &'static str,
    /// The JSON schema of a value.
    pub(crate) schema: fn() -> Json,
    /// Takes one entry. Returns nothing after it has reported a mistake.
    pub(crate) read: fn(&mut P, &Table<'_, '_>, &At<String>, Value<'_, '_>) -> Option<()>,
    /// Returns every entry as it is written in a file.
    pub(crate) show: fn(&P) -> Vec<(String, toml::Value)>,
}

impl<P: 'static> Access<P> for Map<P> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        let mut table = value.table()?;
        let mut all = Some(());
        for (name, value) in table.rest() {
            let read = (self.read)(plan, &table, &name, value);
            all = all.and(read);
        }
        all
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        let entries = (self.show)(plan);
        (!entries.is_empty()).then(|| toml::Value::Table(entries.into_iter().collect()))
    }

    fn schema(&self) -> Json {
        json!({
            "type": "object",
            "additionalProperties": false,
            "patternProperties": { self.names: (self.schema)() },
        })
    }
}
