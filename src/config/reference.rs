//! The settings as documents describe them: the tree of descriptions and the JSON schema.

use serde_json::Value as Json;

use super::{
    plan::Plan,
    setting::{describe::describe, description::Description, schema},
};

/// Returns every setting of the file, table by table.
#[must_use]
pub fn settings() -> Vec<Description> {
    describe::<Plan>()
}

/// Returns the JSON schema (draft 4) of the file.
#[must_use]
pub fn json_schema() -> Json {
    let mut schema = serde_json::json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "Configuration file of cartgate serve",
    });
    let table = schema::table::<Plan>();
    if let (Json::Object(schema), Json::Object(table)) = (&mut schema, table) {
        schema.extend(table);
    }
    schema
}
