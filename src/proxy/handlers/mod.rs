//! The handlers of verified deliveries: direct forwarding and durable storage.

pub(crate) mod direct;
pub(crate) mod durable;
