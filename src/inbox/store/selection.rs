//! The selection of deliveries for a list or a command.

use serde::{Deserialize, Serialize};
use tower_cartgate::EventKind;
use uuid::Uuid;

use crate::{delivery::event::DeliveryState, runtime::clock::Millis};

/// Selects deliveries. A field that is `None` or empty selects all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Selection {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) endpoint: Option<String>,
    pub(crate) queue: Option<String>,
    pub(crate) states: Vec<DeliveryState>,
    #[serde(default, with = "kind_text")]
    pub(crate) kind: Option<EventKind>,
    /// Received at this time or later.
    pub(crate) since: Option<Millis>,
    /// Received before this time.
    pub(crate) until: Option<Millis>,
}

impl Selection {
    /// Selects all deliveries of one event.
    pub(super) fn of_event(id: Uuid) -> Self {
        Self {
            ids: vec![id],
            ..Self::default()
        }
    }

    /// Leaves quarantined deliveries out, unless the selection names states.
    pub(super) fn without_quarantined(mut self) -> Self {
        if self.states.is_empty() {
            self.states = vec![
                DeliveryState::Pending,
                DeliveryState::Delivered,
                DeliveryState::Dead,
            ];
        }
        self
    }
}

mod kind_text {
    //! Writes an event kind as its word.

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use tower_cartgate::EventKind;

    pub(super) fn serialize<S: Serializer>(
        kind: &Option<EventKind>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        kind.map(EventKind::as_str).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<EventKind>, D::Error> {
        let word = Option::<String>::deserialize(from)?;
        let kind = word.map(|word| word.parse()).transpose();
        kind.map_err(D::Error::custom)
    }
}
