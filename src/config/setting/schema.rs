//! The JSON schema of a table, for editors. It is written in draft 4, which TOML language servers
//! read.

use serde_json::{Map, Value as Json, json};

use super::definition::{Section, Setting, settings};
use crate::config::places::Places;

/// Returns the schema of the table that describes `P`.
pub(crate) fn table<P: Section>() -> Json {
    let properties: Map<_, _> = settings::<P>()
        .map(|setting| (setting.key.to_owned(), property(setting)))
        .collect();
    let required = settings::<P>().filter(|setting| setting.required.is_some());
    let required: Vec<_> = required.map(|setting| setting.key).collect();
    let mut table = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    // An empty list is not valid in draft 4.
    if !required.is_empty() {
        table["required"] = required.into();
    }
    table
}

fn property<P: Section>(setting: &Setting<P>) -> Json {
    let mut schema = setting.access.schema();
    schema["description"] = description(setting).into();
    let is_plain = setting.required.is_none() && setting.default.is_none();
    if is_plain
        && !setting.access.is_table()
        && let Some(default) = setting.access.default(&mut P::new(Places::nowhere()))
    {
        schema["default"] = serde_json::to_value(default).expect("TOML values are JSON values");
    }
    schema
}

fn description<P>(setting: &Setting<P>) -> String {
    let mut text = format!("{}.", setting.help);
    if !setting.details.is_empty() {
        text = format!("{text} {}", setting.details);
    }
    if let Some(words) = setting.default {
        text = format!("{text} Default: {words}.");
    }
    if setting.restart {
        text += " A change needs a restart.";
    }
    text
}
