//! Which kind of event a delivery is, and by which rule that is known. The rule's reader of JSON is in `pointer`.
//!
//! A rule reads only what was verified; the layer calls it after the verdict.

use std::{fmt, str::FromStr};

use crate::pointer::{Pointer, PointerError};

/// What happened in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// An order was processed.
    Order,
    /// A cart was abandoned.
    AbandonedCart,
    /// Something else, or nothing says what.
    Other,
}

impl EventKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Order, Self::AbandonedCart, Self::Other];

    /// `order`, `abandoned-cart` or `other`.
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

/// A text is no [`EventKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindError(());

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event kind is order, abandoned-cart or other")
    }
}

impl std::error::Error for KindError {}

/// Who says what kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventSource {
    /// The payload, which is signed: nobody but the holder of the secret can change it.
    Payload,
    /// The endpoint that was called. The path is not signed, so whoever captured a delivery can choose it.
    Endpoint,
}

impl EventSource {
    /// `payload` or `endpoint`.
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

/// The kind of a verified event and how far to trust it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Who says so.
    pub source: EventSource,
}

/// How a verified delivery's event kind is found.
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
    /// Always this kind, because only such events are sent to the endpoint ([`EventSource::Endpoint`]).
    #[must_use]
    pub const fn given(kind: EventKind) -> Self {
        Self {
            basis: Basis::Given(kind),
            permitted: ANY,
        }
    }

    /// By the text at a JSON pointer (RFC 6901) in the payload ([`EventSource::Payload`]).
    ///
    /// Until [`order`](Self::order) and [`abandoned_cart`](Self::abandoned_cart) name texts, every event is of the kind `other`.
    ///
    /// # Errors
    ///
    /// Refuses what is no JSON pointer, and one of more than 32 steps.
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

    /// Texts that name an order. Has no effect on a [`given`](Self::given) rule.
    #[must_use]
    pub fn order(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.named(EventKind::Order, values)
    }

    /// Texts that name an abandoned cart. Has no effect on a [`given`](Self::given) rule.
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

    /// Lets only these kinds pass; others are answered 422.
    ///
    /// It binds an endpoint by signed content only with a [`pointer`](Self::pointer) rule. A [`given`](Self::given)
    /// kind is the endpoint's own word, so there it lets everything pass or nothing.
    #[must_use]
    pub fn only(self, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        let permitted = kinds.into_iter().fold(0, |bits, kind| bits | kind.bit());
        Self { permitted, ..self }
    }

    /// Whether [`only`](Self::only) lets this kind pass.
    #[must_use]
    pub const fn permits(&self, kind: EventKind) -> bool {
        self.permitted & kind.bit() != 0
    }

    /// The event of a verified body.
    ///
    /// It reads one text and skips the rest. Where two readers of the same bytes could see two different texts, the
    /// kind is `other`: a key twice on the way, what is not JSON to its end, text that is not UTF-8. So it is where the field
    /// is missing, is not a text, or its text is named for no kind or for both.
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

    /// Whether [`read`](Self::read) looks at the body at all, so that it must be one piece.
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
