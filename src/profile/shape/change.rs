//! Changes of a shape: a place that always occurred is missing.

use tower_cartgate::EventKind;

use crate::runtime::clock::Millis;

/// A place that always occurred and is missing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The kind of the events without it.
    pub(crate) kind: EventKind,
    /// The JSON pointer; empty if the payloads are no JSON any more.
    pub(crate) pointer: String,
    /// When the change was noticed.
    pub(crate) since: Millis,
    /// The number of bodies that had it.
    pub(crate) bodies: u64,
    /// The number of bodies without it since then.
    pub(crate) absent: u64,
}

/// News about a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::profile) enum ShapeEvent {
    /// A place is missing.
    Missing(Change),
    /// A missing place has come back.
    Back { kind: EventKind, pointer: String },
    /// The shape without the place counts as usual from now on.
    Usual { kind: EventKind, pointer: String },
}
