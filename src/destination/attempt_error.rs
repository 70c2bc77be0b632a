//! The reasons why an attempt gets no response.

use std::{io, time::Duration};

use super::malformed_response::MalformedResponse;
use crate::{
    net::connect::ConnectError,
    outcome::reject_reason::{AttemptFailure, RejectReason},
};

/// The reason why a destination gave no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error("{0}; {next}", next = next_step(.0))]
    Connect(#[from] ConnectError),
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    #[error("no response within {0:?}")]
    ResponseTimeout(Duration),
    #[error("the connection broke off before a response: {0}")]
    BrokenOff(io::Error),
    #[error("the response is not HTTP/1.1: {0}")]
    Malformed(#[from] MalformedResponse),
    #[error("the response switches protocols, which no webhook requests")]
    Upgrade,
    #[error("too many interim responses")]
    TooManyInterim,
}

/// Returns the next step of the operator.
fn next_step(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::Resolve(_) => "check the host in the app's URL",
        ConnectError::Tls(_) => {
            "if the app's certificate is from your own authority, name it with `ca_file`"
        }
        ConnectError::Refused(_) | ConnectError::Io(_) => {
            "check that the app runs, and that its URL is right"
        }
    }
}

impl AttemptError {
    /// Returns the failure as logs and metrics name it.
    pub(crate) fn failure(&self) -> AttemptFailure {
        match self {
            Self::Connect(ConnectError::Resolve(_)) => AttemptFailure::Unresolved,
            Self::Connect(ConnectError::Refused(_)) => AttemptFailure::Refused,
            Self::Connect(ConnectError::Tls(_)) => AttemptFailure::Tls,
            Self::Connect(ConnectError::Io(_)) => AttemptFailure::Unreachable,
            Self::ConnectTimeout(_) => AttemptFailure::ConnectTimeout,
            Self::ResponseTimeout(_) => AttemptFailure::ResponseTimeout,
            Self::BrokenOff(_) => AttemptFailure::BrokenOff,
            Self::Malformed(_) | Self::Upgrade | Self::TooManyInterim => AttemptFailure::NotHttp,
        }
    }
}

impl From<&AttemptError> for RejectReason {
    fn from(error: &AttemptError) -> Self {
        Self::Destination(error.failure())
    }
}
