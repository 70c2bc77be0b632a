//! `[log]`: what the gate writes down.

use clap::ValueEnum;

use super::document::Table;
use crate::config::plan::LogPlan;

pub(super) fn read(mut table: Table<'_, '_>) -> LogPlan {
    let default = LogPlan::default();
    let log = LogPlan {
        format: table.text("format", choice).unwrap_or(default.format),
        level: table.text("level", choice).unwrap_or(default.level),
        access: table.text("access", choice).unwrap_or(default.access),
        explain: table.flag("explain").unwrap_or(default.explain),
    };
    table.close();
    log
}

/// One of the words that the flag of the same name takes.
fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let words = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value);
        let words: Vec<_> = words
            .map(|word| format!("\"{}\"", word.get_name()))
            .collect();
        format!("expected one of {}", words.join(", "))
    })
}
