//! Access to the place of a secret: a file, an environment variable or a systemd credential.

use serde_json::{Value as Json, json};

use super::{
    access::{Access, Argument, PlacedSource, Text},
    kind::Kind,
    kinds,
    scalar::last,
};
use crate::{
    config::{
        document::{At, Table, Value},
        finding::Place,
    },
    secret::source,
};

/// One secret that may be absent.
struct Secret<P> {
    /// The variable that may hold the secret itself, where a flag names its file.
    variable: &'static str,
    at: fn(&mut P) -> &mut Option<PlacedSource>,
}

/// Up to so many secrets.
struct Secrets<P> {
    most: usize,
    at: fn(&mut P) -> &mut Vec<PlacedSource>,
}

/// Accesses a secret that may be absent. Its flag names a file; without the flag, the variable may
/// hold the secret.
pub(crate) fn secret_or_variable<P: 'static>(
    variable: &'static str,
    at: fn(&mut P) -> &mut Option<PlacedSource>,
) -> impl Access<P> {
    Secret { variable, at }
}

/// Accesses a list of at most so many secrets.
pub(crate) fn secrets<P: 'static>(
    most: usize,
    at: fn(&mut P) -> &mut Vec<PlacedSource>,
) -> impl Access<P> {
    Secrets { most, at }
}

impl<P> Access<P> for Secret<P> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.at)(plan) = Some(placed(value)?);
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        (self.at)(plan)
            .as_ref()
            .map(|(_, place)| show_source(place))
    }

    fn schema(&self) -> Json {
        source_schema()
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        let place = source::SecretPlace::File(last(texts).into());
        *(self.at)(plan) = Some((Place::nowhere(), place));
        Ok(())
    }

    fn secret<'p>(&self, plan: &'p mut P) -> Option<&'p mut Option<PlacedSource>> {
        Some((self.at)(plan))
    }

    fn argument(&self) -> Argument {
        Argument::One(Text {
            variable: Some(self.variable),
            ..kinds::path().text()
        })
    }

    fn is_table(&self) -> bool {
        true
    }
}

impl<P> Access<P> for Secrets<P> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        let value = value.at_most(self.most, "secrets")?;
        *(self.at)(plan) = value.items().into_iter().filter_map(placed).collect();
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        let sources = (self.at)(plan).iter();
        let sources: Vec<_> = sources.map(|(_, place)| show_source(place)).collect();
        (!sources.is_empty()).then_some(toml::Value::Array(sources))
    }

    fn schema(&self) -> Json {
        let source = source_schema();
        let list = json!({ "type": "array", "items": source, "maxItems": self.most });
        json!({ "anyOf": [source, list] })
    }
}

fn placed(value: Value<'_, '_>) -> Option<PlacedSource> {
    let at = value.place();
    value.table().and_then(read_source).map(|place| (at, place))
}

/// Reads `{ file = … }`, `{ env = … }` or `{ credential = … }`: exactly one of them.
pub(crate) fn read_source(mut table: Table<'_, '_>) -> Option<source::SecretPlace> {
    let file = table.take("file");
    let variable = table.take("env");
    let credential = table.take("credential");
    let place = match (file, variable, credential) {
        (Some(file), None, None) => text(&kinds::path(), file).map(source::SecretPlace::File),
        (None, Some(variable), None) => {
            text(&kinds::variable(), variable).map(source::SecretPlace::Variable)
        }
        (None, None, Some(credential)) => {
            text(&kinds::credential(), credential).map(source::SecretPlace::Credential)
        }
        _ => {
            table.report(
                "expected exactly one of `file`, `env` and `credential`: the place of the secret, which is never in this file; write file = \"PATH\"",
            );
            None
        }
    };
    table.close(&[]);
    place
}

fn text<T>(kind: &Kind<T>, value: Value<'_, '_>) -> Option<T> {
    kind.read(value).map(|At { value, .. }| value)
}

/// Returns the place as a file writes it. The secret itself is never shown.
pub(crate) fn show_source(place: &source::SecretPlace) -> toml::Value {
    let (key, text) = match place {
        source::SecretPlace::File(path) => ("file", path.display().to_string()),
        source::SecretPlace::Variable(variable) => ("env", variable.clone()),
        source::SecretPlace::Credential(name) => ("credential", name.clone()),
    };
    toml::Value::Table(toml::Table::from_iter([(key.to_owned(), text.into())]))
}

/// Returns the JSON schema of a secret's place.
pub(crate) fn source_schema() -> Json {
    let file = kinds::path().schema();
    let variable = kinds::variable().schema();
    let credential = kinds::credential().schema();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "file": file, "env": variable, "credential": credential },
        "minProperties": 1,
        "maxProperties": 1,
    })
}
