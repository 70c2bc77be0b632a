//! Event kinds, and the rule that determines the kind of a verified delivery.
//!
//! The layer applies a rule only to verified bytes. `pointer` contains the JSON reader.

use std::{fmt, str::FromStr};

use crate::pointer::{Pointer, PointerError};

/// The kind of an event in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// An order was processed.
    Order,
    /// A cart was abandoned.
    AbandonedCart,
    /// Any other event, or an unknown one.
    Other,
}

impl EventKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[Self::Order, Self::AbandonedCart, Self::Other];

    /// Returns `order`, `abandoned-cart` or `other`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::AbandonedCart => "abandoned-cart",
            Self::Other => "other",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(KindError(()))
    }
}

/// The error of a text that is no [`EventKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindError(());

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event kind is order, abandoned-cart or other")
    }
}

impl std::error::Error for KindError {}

/// The origin of an event kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventSource {
    /// The payload, which is signed: only a holder of the secret can change it.
    Payload,
    /// The endpoint that was called. The path is not signed, so an attacker with a captured
    /// delivery can choose it.
    Endpoint,
}

impl EventSource {
    /// Returns `payload` or `endpoint`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Endpoint => "endpoint",
        }
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of a verified event, and the origin of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// The kind.
    pub kind: EventKind,
    /// The origin of the kind.
    pub source: EventSource,
}

/// A rule that determines the event kind of a verified delivery.
///
/// ```
/// # use tower_cartgate::{EventKind, EventRule};
/// let rule = EventRule::pointer("/event")?
///     .order(["order.paid"])
///     .abandoned_cart(["cart.left"])
///     .only([EventKind::Order]);
/// let event = rule.read(br#"{"event":"cart.left","cart":{"total":"19.90"}}"#);
/// assert_eq!(event.kind, EventKind::AbandonedCart);
/// assert!(!rule.permits(event.kind));
/// # Ok::<(), tower_cartgate::PointerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EventRule {
    basis: Basis,
    permitted: u8,
}

#[derive(Debug, Clone)]
enum Basis {
    Given(EventKind),
    Field {
        pointer: Pointer,
        names: Vec<(String, EventKind)>,
    },
}

impl EventRule {
    /// Returns a rule that always gives this kind, for an endpoint that gets only such events
    /// ([`EventSource::Endpoint`]).
    #[must_use]
    pub const fn given(kind: EventKind) -> Self {
        Self {
            basis: Basis::Given(kind),
            permitted: ANY,
        }
    }

    /// Returns a rule that reads the string at a JSON pointer (RFC 6901) in the payload
    /// ([`EventSource::Payload`]).
    ///
    /// Set the strings of each kind with [`order`](Self::order) and
    /// [`abandoned_cart`](Self::abandoned_cart); any other string gives the kind `other`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a JSON pointer, or has more than 32 steps.
    pub fn pointer(pointer: &str) -> Result<Self, PointerError> {
        let basis = Basis::Field {
            pointer: pointer.parse()?,
            names: Vec::new(),
        };
        Ok(Self {
            basis,
            permitted: ANY,
        })
    }

    /// Adds strings that mean an order. Has no effect on a [`given`](Self::given) rule.
    #[must_use]
    pub fn order(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.named(EventKind::Order, values)
    }

    /// Adds strings that mean an abandoned cart. Has no effect on a [`given`](Self::given) rule.
    #[must_use]
    pub fn abandoned_cart(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.named(EventKind::AbandonedCart, values)
    }

    fn named(
        mut self,
        kind: EventKind,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        if let Basis::Field { names, .. } = &mut self.basis {
            names.extend(values.into_iter().map(|value| (value.into(), kind)));
        }
        self
    }

    /// Accepts only these kinds; deliveries of other kinds get a 422.
    ///
    /// Only with a [`pointer`](Self::pointer) rule does this bind the endpoint to signed content. A
    /// [`given`](Self::given) rule has one kind, so it then accepts all deliveries or none.
    #[must_use]
    pub fn only(self, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        let permitted = kinds.into_iter().fold(0, |bits, kind| bits | kind.bit());
        Self { permitted, ..self }
    }

    /// Whether [`only`](Self::only) accepts this kind.
    #[must_use]
    pub const fn permits(&self, kind: EventKind) -> bool {
        self.permitted & kind.bit() != 0
    }

    /// Returns the event of a verified body.
    ///
    /// Reads one string and skips the rest. The kind is `other` if two JSON readers could see
    /// different strings: a key on the path occurs twice, the body is not JSON to its end, or it is
    /// not UTF-8. The kind is also `other` if the field is missing or not a string, or if its
    /// string was added for no kind or for both.
    #[must_use]
    pub fn read(&self, body: &[u8]) -> Event {
        match &self.basis {
            Basis::Given(kind) => Event {
                kind: *kind,
                source: EventSource::Endpoint,
            },
            Basis::Field { pointer, names } => {
                let kind = pointer
                    .text(body, |text| kind_of(names, text))
                    .unwrap_or(EventKind::Other);
                Event {
                    kind,
                    source: EventSource::Payload,
                }
            }
        }
    }

    /// Whether [`read`](Self::read) reads the body, which must then be one piece.
    pub(crate) const fn reads_body(&self) -> bool {
        matches!(self.basis, Basis::Field { .. })
    }
}

const ANY: u8 = u8::MAX;

fn kind_of(names: &[(String, EventKind)], text: &str) -> EventKind {
    let mut named = names
        .iter()
        .filter(|(name, _)| name == text)
        .map(|(_, kind)| *kind);
    let first = named.next().unwrap_or(EventKind::Other);
    if named.all(|kind| kind == first) {
        first
    } else {
        EventKind::Other
    }
}

impl Default for EventRule {
    fn default() -> Self {
        Self::given(EventKind::Other)
    }
}
