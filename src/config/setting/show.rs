//! Showing a plan as a table of a file, with every default written out.

use super::definition::{Section, settings};

/// Returns the table that describes the plan. Secrets are named by their places and never shown.
pub(crate) fn show<P: Section>(plan: &mut P) -> toml::Table {
    let mut table = toml::Table::new();
    for setting in settings::<P>() {
        if let Some(value) = setting.access.show(plan) {
            table.insert(setting.key.to_owned(), value);
        }
    }
    table
}
