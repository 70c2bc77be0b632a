//! A page of a list of deliveries.

use serde::{Deserialize, Serialize};

use super::{cursor_text::CursorText, stored_delivery::StoredDelivery};

/// Deliveries in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredPage {
    pub(crate) items: Vec<StoredDelivery>,
    /// The cursor of the next page, unless this was the last.
    pub(crate) next: Option<CursorText>,
}
