//! The facts about a delivery that the gate tells its destination.

use std::sync::Arc;

use http::HeaderMap;
use tower_cartgate::EventKind;
use uuid::Uuid;

use super::attempt_info::AttemptInfo;

/// The facts that the gate adds to a delivery.
pub(crate) struct DeliveryInfo {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    /// The headers that the endpoint adds, if any.
    pub(crate) added: Option<Box<HeaderMap>>,
    /// The attempt, if the delivery comes from the inbox.
    pub(crate) attempt: Option<AttemptInfo>,
}
