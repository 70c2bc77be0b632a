//! The handlers of verified deliveries: direct forwarding, durable storage, and the verdict alone.

pub(crate) mod direct;
pub(crate) mod durable;
pub(crate) mod verdict;
