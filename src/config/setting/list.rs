//! Access to a list of values, which the file may write as one value.

use serde_json::{Value as Json, json};

use super::{
    access::{Access, Argument},
    kind::Kind,
};
use crate::config::{
    document::{At, Value},
    finding::Place,
};

/// A list of values.
struct List<P, T> {
    kind: Kind<T>,
    /// The message about a list without items, if there must be one.
    not_empty: Option<&'static str>,
    at: fn(&mut P) -> &mut Vec<T>,
}

/// A list of values with their places.
struct PlacedList<P, T> {
    kind: Kind<T>,
    not_empty: Option<&'static str>,
    at: fn(&mut P) -> &mut Vec<(Place, T)>,
}

/// Accesses a list that may be empty.
pub(crate) fn list<P: 'static, T: 'static>(
    kind: Kind<T>,
    at: fn(&mut P) -> &mut Vec<T>,
) -> impl Access<P> {
    List {
        kind,
        not_empty: None,
        at,
    }
}

/// Accesses a list with at least one item; an empty list is reported with `message`.
pub(crate) fn some<P: 'static, T: 'static>(
    kind: Kind<T>,
    message: &'static str,
    at: fn(&mut P) -> &mut Vec<T>,
) -> impl Access<P> {
    List {
        kind,
        not_empty: Some(message),
        at,
    }
}

/// Accesses a list that may be empty, each item with its place.
pub(crate) fn placed_list<P: 'static, T: 'static>(
    kind: Kind<T>,
    at: fn(&mut P) -> &mut Vec<(Place, T)>,
) -> impl Access<P> {
    PlacedList {
        kind,
        not_empty: None,
        at,
    }
}

/// Accesses a list with at least one item, each with its place.
pub(crate) fn some_placed<P: 'static, T: 'static>(
    kind: Kind<T>,
    message: &'static str,
    at: fn(&mut P) -> &mut Vec<(Place, T)>,
) -> impl Access<P> {
    PlacedList {
        kind,
        not_empty: Some(message),
        at,
    }
}

impl<P, T> Access<P> for List<P, T> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        let items = read(&self.kind, self.not_empty, value)?;
        let items: Vec<_> = items.into_iter().map(|item| item.value).collect();
        if items.is_empty() && self.not_empty.is_some() {
            return None;
        }
        *(self.at)(plan) = items;
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        let values = (self.at)(plan).iter().map(|value| self.kind.show(value));
        let values: Vec<_> = values.collect();
        (!values.is_empty() || self.not_empty.is_none()).then_some(toml::Value::Array(values))
    }

    fn schema(&self) -> Json {
        schema(&self.kind, self.not_empty.is_some())
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        let values = texts.iter().map(|text| (self.kind.parse)(text));
        *(self.at)(plan) = values.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn argument(&self) -> Argument {
        Argument::Several(self.kind.text())
    }
}

impl<P, T> Access<P> for PlacedList<P, T> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        let items = read(&self.kind, self.not_empty, value)?;
        let items: Vec<_> = items.into_iter().map(|at| (at.place, at.value)).collect();
        if items.is_empty() && self.not_empty.is_some() {
            return None;
        }
        *(self.at)(plan) = items;
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        let values = (self.at)(plan)
            .iter()
            .map(|(_, value)| self.kind.show(value));
        Some(toml::Value::Array(values.collect()))
    }

    fn schema(&self) -> Json {
        schema(&self.kind, self.not_empty.is_some())
    }
}

/// The usable items. Each is looked at, not only those before the first mistake.
fn read<T>(kind: &Kind<T>, not_empty: Option<&str>, value: Value<'_, '_>) -> Option<Vec<At<T>>> {
    let value = match not_empty {
        Some(message) => value.not_empty(message)?,
        None => value,
    };
    let items = value.items().into_iter();
    Some(items.filter_map(|item| kind.read(item)).collect())
}

fn schema<T>(kind: &Kind<T>, not_empty: bool) -> Json {
    let item = kind.schema();
    let least = u8::from(not_empty);
    json!({ "anyOf": [item, { "type": "array", "items": item, "minItems": least }] })
}
