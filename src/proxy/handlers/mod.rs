//! The two ends of the request stack: direct forwarding and durable storage.

pub(crate) mod direct;
pub(crate) mod durable;
