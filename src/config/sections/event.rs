//! `event` of an endpoint: the rule that determines the event kind.

use std::sync::LazyLock;

use tower_cartgate::{EventKind, EventRule, PointerError};

use crate::config::{
    finding::Finding,
    places::Places,
    setting::{
        definition::{Group, Section, Setting},
        kinds::{event_kind, payload_text, pointer},
        list::{list, some},
        scalar::optional,
        shown_if::shown_if,
    },
};

/// The rule that determines the event kind: the endpoint's kind, or a signed field of the payload.
#[derive(Debug, Clone)]
pub struct EventPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The kind of every event of the endpoint.
    pub kind: Option<EventKind>,
    /// A JSON pointer to the field that tells the kind.
    pub pointer: Option<String>,
    /// Texts in the field that mean an order.
    pub order: Vec<String>,
    /// Texts in the field that mean an abandoned cart.
    pub abandoned_cart: Vec<String>,
    /// The kinds that are accepted; all if it is empty.
    pub only: Vec<EventKind>,
}

static GROUPS: LazyLock<Vec<Group<EventPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "kind",
            "Kind of every delivery to this endpoint, by its unsigned path",
            optional(event_kind(), |event: &mut EventPlan| &mut event.kind),
        )
        .flag("--event"),
        Setting::new(
            "pointer",
            "JSON pointer to the signed field that tells the kind (/event)",
            optional(pointer(), |event: &mut EventPlan| &mut event.pointer),
        )
        .flag("--event-pointer"),
        Setting::new(
            "order",
            "Text in that field that means an order",
            shown_if(
                |event: &EventPlan| !event.order.is_empty(),
                list(payload_text(), |event: &mut EventPlan| &mut event.order),
            ),
        )
        .flag("--event-order"),
        Setting::new(
            "abandoned-cart",
            "Text in that field that means an abandoned cart",
            shown_if(
                |event: &EventPlan| !event.abandoned_cart.is_empty(),
                list(payload_text(), |event: &mut EventPlan| {
                    &mut event.abandoned_cart
                }),
            ),
        )
        .flag("--event-abandoned-cart"),
        Setting::new(
            "only",
            "Accepted kinds; a genuine delivery of another kind gets 422",
            some(
                event_kind(),
                "expected at least one",
                |event: &mut EventPlan| &mut event.only,
            ),
        )
        .details("A durable endpoint stores it as a dead letter instead.")
        .flag("--only"),
    ];
    vec![Group::new("Event kind", settings)]
});

impl EventPlan {
    /// Returns a rule by which every event has this kind.
    #[must_use]
    pub fn given(at: Places, kind: EventKind) -> Self {
        Self {
            kind: Some(kind),
            ..Self::new(at)
        }
    }

    /// Returns the rule for requests.
    ///
    /// # Errors
    ///
    /// If the pointer is not a JSON pointer.
    pub fn rule(&self) -> Result<EventRule, PointerError> {
        let rule = self.open_rule()?;
        Ok(match &self.only[..] {
            [] => rule,
            only => rule.only(only.iter().copied()),
        })
    }

    /// Returns the same rule for every kind: a durable endpoint stores events of kinds that are not
    /// accepted as dead letters.
    ///
    /// # Errors
    ///
    /// If the pointer is not a JSON pointer.
    pub fn open_rule(&self) -> Result<EventRule, PointerError> {
        match &self.pointer {
            None => Ok(EventRule::given(self.kind.unwrap_or(EventKind::Other))),
            Some(pointer) => Ok(EventRule::pointer(pointer)?
                .order(self.order.iter().cloned())
                .abandoned_cart(self.abandoned_cart.iter().cloned())),
        }
    }

    /// Whether an event can have this kind: a field makes a kind only by a text that means it.
    #[must_use]
    pub fn can_be(&self, kind: EventKind) -> bool {
        match (&self.pointer, kind) {
            (None, _) => self.kind.unwrap_or(EventKind::Other) == kind,
            (Some(_), EventKind::Order) => !self.order.is_empty(),
            (Some(_), EventKind::AbandonedCart) => !self.abandoned_cart.is_empty(),
            (Some(_), _) => true,
        }
    }
}

impl Section for EventPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            kind: None,
            pointer: None,
            order: Vec::new(),
            abandoned_cart: Vec::new(),
            only: Vec::new(),
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        let by_field = ["order", "abandoned-cart", "only"];
        let by_field = by_field.iter().any(|key| self.at.written(key).is_some());
        let (kind, pointer) = ["kind", "pointer"].map(|key| self.at.written(key)).into();
        let message = match (kind, pointer) {
            (Some(_), Some(_)) => "`kind` and `pointer` exclude each other; remove one",
            (Some(_), None) if by_field => {
                "`order`, `abandoned-cart` and `only` go with `pointer`, not with `kind`"
            }
            (None, None) => {
                "expected `kind`, or `pointer` with the texts that mean an order or an abandoned cart"
            }
            _ => return,
        };
        findings.push(Finding::new(self.at.table(), message));
    }
}
