//! The verdict on a request that has ended, as metrics and the access log report it.

use tower_cartgate::SecretName;
use uuid::Uuid;

use crate::delivery::event::Stored;

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict<'a> {
    /// Verified, and accepted by its destination, or by the proxy that asked.
    Accepted { secret: &'a SecretName },
    /// Verified, but not accepted: an operator has to look.
    NotAccepted {
        secret: &'a SecretName,
        reason: &'static str,
        cause: Option<&'a str>,
    },
    /// Verified, and stored by the inbox.
    Stored {
        secret: &'a SecretName,
        stored: Stored,
        /// The reason for which the event is a dead letter from the start: an operator has to look.
        dead: Option<&'static str>,
    },
    /// Verified, and dropped: every destination has an event with the same unique value, or will
    /// get one.
    Duplicate { secret: &'a SecretName, of: Uuid },
    /// Verified, and on its way into the inbox when its client left. A later line reports the
    /// result.
    ClientLeft { secret: &'a SecretName },
    /// Rejected: it reached neither a destination nor the inbox.
    Rejected { reason: &'static str },
}

impl Verdict<'_> {
    /// Whether the signature was genuine.
    pub(crate) fn is_verified(&self) -> bool {
        !matches!(self, Self::Rejected { .. })
    }
}
