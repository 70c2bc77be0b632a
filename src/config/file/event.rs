//! `event` of an endpoint: how the kind of an event is told.

use tower_cartgate::EventKind;

use super::document::{Table, nearest};
use crate::config::{EventPlan, finding::Finding};

pub(super) fn read(mut table: Table<'_, '_>) -> Option<EventPlan> {
    let given = table.text("kind", str::parse::<EventKind>);
    let pointer = table.text("pointer", pointer);
    let order = table.texts("order", text);
    let abandoned_cart = table.texts("abandoned-cart", text);
    let only = kinds(&mut table, "only");
    let by_field = order.is_some() || abandoned_cart.is_some() || only.is_some();
    let plan = match (given, pointer) {
        (Some(_), Some(_)) => {
            table.report("`kind` and `pointer` say it in two ways; keep one");
            None
        }
        (Some(_), None) if by_field => {
            table.report("`order`, `abandoned-cart` and `only` go with `pointer`, not with `kind`");
            None
        }
        (Some(kind), None) => Some(EventPlan::Given(kind)),
        (None, Some(pointer)) => Some(EventPlan::Field {
            pointer,
            order: order.unwrap_or_default(),
            abandoned_cart: abandoned_cart.unwrap_or_default(),
            only: only.unwrap_or_default(),
        }),
        (None, None) => {
            table.misses("expected `kind`, or `pointer` with the texts that mean an order or an abandoned cart");
            None
        }
    };
    table.close();
    plan
}

/// Kinds of events, at least one.
pub(super) fn kinds(table: &mut Table<'_, '_>, key: &'static str) -> Option<Vec<EventKind>> {
    let value = table.take(key)?.not_empty("expected at least one")?;
    let mut kinds = Vec::new();
    for word in value.texts(text) {
        match word.value.parse() {
            Ok(kind) => kinds.push(kind),
            Err(error) => {
                let words: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
                let finding = Finding::new(word.place, error);
                table.add(finding.or_rather(nearest(&word.value, &words)));
            }
        }
    }
    Some(kinds)
}

/// A JSON pointer.
pub(super) fn pointer(text: &str) -> Result<String, tower_cartgate::PointerError> {
    tower_cartgate::EventRule::pointer(text).map(|_| text.to_owned())
}

fn text(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.to_owned())
}
