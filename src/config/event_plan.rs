//! How the kind of an endpoint's events is told, as it was meant; `load` builds the rule from it.

use tower_cartgate::{EventKind, EventRule, PointerError};

/// How the kind of an event is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventPlan {
    /// By the endpoint.
    Given(EventKind),
    /// By a signed field.
    Field {
        /// A JSON pointer.
        pointer: String,
        /// Texts there that mean an order.
        order: Vec<String>,
        /// Texts there that mean an abandoned cart.
        abandoned_cart: Vec<String>,
        /// The kinds that are let through; all, if none is named.
        only: Vec<EventKind>,
    },
}

impl EventPlan {
    /// The rule that reads it.
    ///
    /// # Errors
    ///
    /// When the pointer is none.
    pub fn rule(&self) -> Result<EventRule, PointerError> {
        let rule = self.open_rule()?;
        Ok(match self.permitted() {
            [] => rule,
            only => rule.only(only.iter().copied()),
        })
    }

    /// The same rule for every kind: a durable endpoint keeps what is not permitted, as dead letters.
    ///
    /// # Errors
    ///
    /// When the pointer is none.
    pub fn open_rule(&self) -> Result<EventRule, PointerError> {
        match self {
            Self::Given(kind) => Ok(EventRule::given(*kind)),
            Self::Field {
                pointer,
                order,
                abandoned_cart,
                ..
            } => Ok(EventRule::pointer(pointer)?
                .order(order.iter().cloned())
                .abandoned_cart(abandoned_cart.iter().cloned())),
        }
    }

    /// The kinds that are let through; all, if none is named.
    #[must_use]
    pub fn permitted(&self) -> &[EventKind] {
        match self {
            Self::Given(_) => &[],
            Self::Field { only, .. } => only,
        }
    }

    /// Whether an event can be of this kind: nothing but a text that means it makes one.
    #[must_use]
    pub fn can_be(&self, kind: EventKind) -> bool {
        match self {
            Self::Given(given) => *given == kind,
            Self::Field {
                order,
                abandoned_cart,
                ..
            } => match kind {
                EventKind::Order => !order.is_empty(),
                EventKind::AbandonedCart => !abandoned_cart.is_empty(),
                _ => true,
            },
        }
    }
}
