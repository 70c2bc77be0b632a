//! The outcome of a request, which travels with its response to the access log.

use http::Response;
use tower_cartgate::HeaderForm;
use uuid::Uuid;

use crate::{
    delivery::event::{InsertOutcome, Stored, Subscribers},
    outcome::{problem::problem, reject_reason::RejectReason},
    proxy::response_body::ResponseBody,
};

/// How a step of the gate ended a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// The gate rejected the request.
    Rejected {
        reason: RejectReason,
        /// The form of the signature header and the length of its value, if a policy covers the
        /// request.
        signature: Option<(HeaderForm, usize)>,
    },
    /// The destination responded to the delivery.
    Responded,
    /// The delivery was verified, and the response says so to the proxy that asked.
    Verdict,
    /// The delivery was verified, but the destination did not respond or the inbox did not store
    /// it.
    Failed {
        reason: RejectReason,
        /// The cause for the log.
        cause: String,
    },
    /// The inbox stored the event.
    Stored {
        stored: Stored,
        /// The reason for which no destination gets it.
        dead: Option<&'static str>,
    },
    /// The inbox dropped the event: every destination has one with the same unique value, or will
    /// get one.
    Duplicate {
        /// The earlier event.
        of: Uuid,
    },
    /// The request was a health check.
    HealthCheck {
        /// Whether its framing broke a rule.
        broken: bool,
    },
}

impl RequestOutcome {
    /// Returns the outcome of storing an event for its subscribers.
    pub(crate) fn of_insert(insert: InsertOutcome, subscribers: &Subscribers) -> Self {
        match (insert, subscribers) {
            (InsertOutcome::Duplicate { of }, _) => Self::Duplicate { of },
            (InsertOutcome::Stored(stored), Subscribers::Queues(_)) => {
                Self::Stored { stored, dead: None }
            }
            (InsertOutcome::Stored(stored), Subscribers::None(reason)) => Self::Stored {
                stored,
                dead: Some(reason),
            },
        }
    }

    /// Returns the reason of the gate's own error response, if the outcome has one.
    pub(crate) fn reject_reason(&self) -> Option<&RejectReason> {
        match self {
            Self::Rejected { reason, .. } | Self::Failed { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// A request that a step has handled: its response and its outcome.
#[derive(Debug)]
pub(crate) struct Handled {
    pub(crate) response: Response<ResponseBody>,
    pub(crate) outcome: RequestOutcome,
}

impl Handled {
    /// Makes the problem response to a verified delivery that failed.
    pub(crate) fn failed(reason: RejectReason, cause: String) -> Self {
        Self {
            response: problem(&reason).map(ResponseBody::from),
            outcome: RequestOutcome::Failed { reason, cause },
        }
    }
}

/// Makes the problem response to a rejected request.
impl From<RejectReason> for Handled {
    fn from(reason: RejectReason) -> Self {
        Self {
            response: problem(&reason).map(ResponseBody::from),
            outcome: RequestOutcome::Rejected {
                reason,
                signature: None,
            },
        }
    }
}
