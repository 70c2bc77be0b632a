//! Reasons that the access log, the dispatcher and the store share. `docs/log.md` lists them.

/// The destination responded, but did not accept the delivery.
pub(crate) const DESTINATION_ANSWERED: &str = "destination-answered";

/// The destination wants no more of this delivery (410).
pub(crate) const GONE: &str = "gone";

/// The response began late.
pub(crate) const SLOW: &str = "slow";

/// The client closed its connection before the response.
pub(crate) const CLIENT_GONE: &str = "client-gone";
