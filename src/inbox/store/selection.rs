//! The selection of deliveries for a list or a command.

use std::sync::Arc;

use tower_cartgate::EventKind;
use uuid::Uuid;

use crate::{delivery::event::DeliveryState, runtime::clock::Millis};

/// Selects deliveries. A field that is `None` or empty selects all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) endpoint: Option<String>,
    pub(crate) queue: Option<String>,
    pub(crate) states: Vec<DeliveryState>,
    pub(crate) kind: Option<EventKind>,
    /// Received at this time or later.
    pub(crate) since: Option<Millis>,
    /// Received before this time.
    pub(crate) until: Option<Millis>,
    /// Its event has a smaller id. Ids grow with time.
    pub(crate) before: Option<Uuid>,
    /// In other queues than these.
    pub(crate) not_in: Vec<Arc<str>>,
}

impl Selection {
    /// Selects all deliveries of one event.
    pub(super) fn of_event(id: Uuid) -> Self {
        Self {
            ids: vec![id],
            ..Self::default()
        }
    }

    /// Returns whether a condition is about the event, and not about the delivery alone.
    pub(super) fn needs_event(&self) -> bool {
        let Self {
            endpoint,
            kind,
            since,
            until,
            ..
        } = self;
        endpoint.is_some() || kind.is_some() || since.is_some() || until.is_some()
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
