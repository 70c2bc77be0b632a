//! Reading a table of the file into its plan.

use super::definition::{Section, settings};
use crate::config::{document::Table, places::Places};

/// A plan that was read, perhaps with mistakes.
pub(crate) struct Read<P> {
    /// The plan; defaults and placeholders stand in for values that are missing or wrong.
    pub(crate) plan: P,
    /// Whether no placeholder is left, so that the plan can be checked against others.
    pub(crate) complete: bool,
}

impl<P> Read<P> {
    /// Returns the plan if it is complete.
    pub(crate) fn complete(self) -> Option<P> {
        self.complete.then_some(self.plan)
    }
}

/// Reads a table. Every mistake is reported, and none stops the reading.
pub(crate) fn read<P: Section>(mut table: Table<'_, '_>) -> Read<P> {
    let mut plan = P::new(Places::new(table.place()));
    let mut complete = true;
    for setting in settings::<P>() {
        let value = match setting.required {
            Some(what) => table.demand(setting.key, what),
            None => table.take(setting.key),
        };
        let Some(value) = value else {
            complete &= setting.required.is_none();
            continue;
        };
        plan.places().insert(setting.key, value.place());
        let has_no_default = setting.required.is_some() || setting.access.is_table();
        if setting.access.read(&mut plan, value).is_none() {
            plan.places().insert_failed(setting.key);
            complete &= !has_no_default;
        }
    }
    // In a text that is not TOML, a value may only seem to be missing.
    if table.is_toml() {
        let mut findings = Vec::new();
        plan.finish(&mut findings);
        for finding in findings {
            table.add(finding);
        }
    }
    table.close(P::renamed());
    Read { plan, complete }
}
