//! The services that all queues of a dispatcher share.

use std::sync::Arc;

use super::delivery_log::DeliveryLog;
use crate::{inbox::handle::Inbox, runtime::clock::Clock};

/// The services of a dispatcher, the same from its start to its end.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) inbox: Arc<Inbox>,
    pub(super) clock: Clock,
    /// Returns a random number between 0 and 1.
    pub(super) random_fraction: fn() -> f64,
    pub(super) log: DeliveryLog,
}
