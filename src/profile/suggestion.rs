//! The settings that a profile suggests: `event`, `unique` and `fresh` of `[[endpoint]]`.
//!
//! A wrong `unique` drops genuine events, and a wrong `fresh` rejects them. A place is therefore
//! suggested only with much evidence, and only if its name fits.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::{
    learned::Learned,
    scalar::TimeForm,
    shape::{PayloadShape, Place},
    types::ValueType,
};
use crate::runtime::clock::Millis;

/// The bodies after which a place is suggested for `event`.
const ENOUGH: u64 = 20;

/// The bodies after which a place is suggested for `unique` or `fresh`, which drop and reject events.
const ENOUGH_TO_REJECT: u64 = 50;

const DAY: Millis = 24 * 60 * 60 * 1_000;

/// Names that the place of an event name has, the most common first.
const EVENT_NAMES: [&str; 10] = [
    "event",
    "event_type",
    "eventtype",
    "event_name",
    "eventname",
    "topic",
    "type",
    "trigger",
    "webhook",
    "action",
];

/// Parts of names that the place of an id has.
const ID_NAMES: [&str; 8] = [
    "id",
    "uuid",
    "guid",
    "number",
    "no",
    "ref",
    "reference",
    "key",
];

/// Parts of names of things that several events share.
const SHARED_NAMES: [&str; 26] = [
    "customer",
    "user",
    "buyer",
    "client",
    "contact",
    "person",
    "email",
    "phone",
    "product",
    "variant",
    "item",
    "sku",
    "shop",
    "store",
    "seller",
    "merchant",
    "account",
    "address",
    "company",
    "session",
    "subscription",
    "plan",
    "campaign",
    "funnel",
    "currency",
    "tax",
];

/// Parts of names that the time of sending has.
const SENT_NAMES: [&str; 5] = ["sent", "event", "timestamp", "time", "occurred"];

/// The suggestions for one endpoint.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Suggestions {
    pub(crate) event: Option<PointerSuggestion>,
    pub(crate) unique: Option<PointerSuggestion>,
    pub(crate) fresh: Option<FreshSuggestion>,
}

/// A suggested pointer, and others that fit less well.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PointerSuggestion {
    pub(crate) pointer: String,
    pub(crate) others: Vec<String>,
}

/// A suggested time of sending with its maximum age.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FreshSuggestion {
    pub(crate) pointer: String,
    pub(crate) within: String,
    pub(crate) others: Vec<String>,
}

impl Suggestions {
    pub(super) fn of(learned: &Learned) -> Self {
        let places = usable(&learned.shape);
        let is_event = |(pointer, place): &&(String, &Place)| is_event_name(pointer, place);
        let events = places.iter().filter(is_event);
        let events = events.map(|(pointer, place)| (event_rank(pointer, place), pointer.clone()));
        let is_id = |(pointer, place): &&(String, &Place)| is_id(pointer, place);
        let unique = places.iter().filter(is_id);
        let unique = unique.map(|(pointer, _)| (depth(pointer), pointer.clone()));
        let times = places.iter().filter_map(|(pointer, place)| {
            let age = sending_age(place)?;
            let is_named = has_part(last_step(pointer), &SENT_NAMES);
            Some(((!is_named, age, depth(pointer)), pointer.clone()))
        });
        Self {
            event: best(events.collect()).map(|(_, suggestion)| suggestion),
            unique: best(unique.collect()).map(|(_, suggestion)| suggestion),
            fresh: best(times.collect()).map(|((_, age, _), suggestion)| FreshSuggestion {
                pointer: suggestion.pointer,
                within: within(age, learned.repeats.longest),
                others: suggestion.others,
            }),
        }
    }
}

/// Returns the places to which a pointer finds one value in every body.
fn usable(shape: &PayloadShape) -> Vec<(String, &Place)> {
    let in_every_kind = |place: &Place| {
        let mut kinds = shape.bodies().iter().filter(|(_, bodies)| **bodies > 0);
        kinds.all(|(kind, bodies)| place.kinds.of(kind).is_always(*bodies))
    };
    let mut places = shape.places();
    places.retain(|(_, place)| place.is_single() && in_every_kind(place));
    places
}

/// Returns the first of the candidates by rank, with its rank; the others follow it.
fn best<R: Ord>(mut candidates: Vec<(R, String)>) -> Option<(R, PointerSuggestion)> {
    candidates.sort();
    let mut candidates = candidates.into_iter();
    let (rank, pointer) = candidates.next()?;
    let others = candidates.map(|(_, pointer)| pointer).collect();
    Some((rank, PointerSuggestion { pointer, others }))
}

/// Whether a place looks like an event name: its values are few short words.
pub(super) fn is_event_name(pointer: &str, place: &Place) -> bool {
    let values = &place.values;
    let is_named = event_name(last_step(pointer)).is_some();
    place.is_single()
        && place.types.are_only(ValueType::String)
        && values.distinct().is_some()
        && values.words().is_some_and(|words| words >= ENOUGH)
        && (is_named || (values.are_compound() && values.distinct() > Some(1)))
}

fn event_rank(pointer: &str, place: &Place) -> (usize, bool, usize) {
    let by_name = event_name(last_step(pointer)).unwrap_or(EVENT_NAMES.len());
    (by_name, !place.values.are_compound(), depth(pointer))
}

fn event_name(step: &str) -> Option<usize> {
    let step = step.to_ascii_lowercase();
    EVENT_NAMES.iter().position(|name| *name == step)
}

/// Whether no two bodies had the same value, so far.
pub(super) fn is_unique(place: &Place) -> bool {
    place.is_single() && place.values.unique().is_some_and(|count| count >= ENOUGH)
}

/// Whether a place looks like the id of the event or of its order.
fn is_id(pointer: &str, place: &Place) -> bool {
    let types = place.types;
    let is_named = has_part(last_step(pointer), &ID_NAMES);
    let is_shared = pointer.split('/').any(|step| has_part(step, &SHARED_NAMES));
    place
        .values
        .unique()
        .is_some_and(|count| count >= ENOUGH_TO_REJECT)
        && (types.are_only(ValueType::String) || types.are_only(ValueType::Integer))
        && place.times.form().is_none()
        && is_named
        && !is_shared
}

/// Returns the greatest age of the times at a place, if it looks like the time of sending in a form
/// that `fresh` reads.
fn sending_age(place: &Place) -> Option<Millis> {
    let is_read = matches!(
        place.times.form(),
        Some(TimeForm::Rfc3339 | TimeForm::Seconds)
    );
    let age = place.times.greatest_age()?;
    (is_read && place.count() >= ENOUGH_TO_REJECT).then_some(age)
}

/// Returns a maximum age that covers the ages and the retries that were seen, twice over.
fn within(age: Millis, retries: Millis) -> String {
    let days = age.saturating_add(retries).saturating_mul(2) / DAY + 1;
    format!("{days}d")
}

fn last_step(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or_default()
}

fn depth(pointer: &str) -> usize {
    pointer.matches('/').count()
}

/// Whether a name consists of words one of which is in the list: `orderId`, `order_id`, `id`.
fn has_part(name: &str, list: &[&str]) -> bool {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        let begins = !character.is_alphanumeric() || (was_lower && character.is_uppercase());
        if begins {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            let word = words.last_mut().expect("there is a first word");
            word.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase();
    }
    let is_listed = |word: &String| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        list.contains(&word.as_str()) || list.contains(&singular)
    };
    words.iter().any(is_listed)
}

/// Returns the suggestions as lines for `[[endpoint]]`.
pub(super) fn toml(
    suggestions: &Suggestions,
    endpoint: &str,
    durable: bool,
    bodies: u64,
) -> String {
    let mut lines = String::new();
    if let Some(event) = &suggestions.event {
        lines.push_str(&event_lines(event));
    }
    if let Some(unique) = &suggestions.unique {
        lines.push_str(&unique_lines(unique, durable));
    }
    if let Some(fresh) = &suggestions.fresh {
        lines.push_str(&fresh_lines(fresh));
    }
    if !lines.is_empty() {
        let name = quoted(endpoint);
        let head = format!("# For [[endpoint]] {name}, learned from {bodies} bodies.\n");
        lines.insert_str(0, &head);
    }
    lines
}

fn event_lines(event: &PointerSuggestion) -> String {
    let pointer = quoted(&event.pointer);
    let mut lines =
        "# The profile holds no values: replace the two texts by those of your payloads.\n"
            .to_owned();
    lines.push_str(&other_lines(&event.others));
    let order = quoted("TEXT OF AN ORDER");
    let cart = quoted("TEXT OF AN ABANDONED CART");
    line(
        lines,
        format_args!(
            "event = {{ pointer = {pointer}, order = [{order}], abandoned-cart = [{cart}] }}"
        ),
    )
}

fn unique_lines(unique: &PointerSuggestion, durable: bool) -> String {
    let pointer = quoted(&unique.pointer);
    let mut lines =
        "# A second event with the same value is dropped. Make sure that no two events share it.\n"
            .to_owned();
    lines.push_str(&other_lines(&unique.others));
    if durable {
        line(lines, format_args!("unique = {pointer}"))
    } else {
        line(
            lines,
            format_args!("# unique = {pointer}    # needs durable = true"),
        )
    }
}

fn fresh_lines(fresh: &FreshSuggestion) -> String {
    let (pointer, within) = (quoted(&fresh.pointer), quoted(&fresh.within));
    let mut lines = "# Older deliveries are rejected. Make sure that this is the time of sending, and allow for all retries.\n".to_owned();
    lines.push_str(&other_lines(&fresh.others));
    line(
        lines,
        format_args!("fresh = {{ pointer = {pointer}, within = {within} }}"),
    )
}

fn other_lines(others: &[String]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let others: Vec<_> = others.iter().map(|one| quoted(one)).collect();
    format!("# Other candidates: {}\n", others.join(", "))
}

fn line(mut lines: String, last: std::fmt::Arguments<'_>) -> String {
    writeln!(lines, "{last}").expect("writing to a String cannot fail");
    lines
}

/// Quotes a text for TOML.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
