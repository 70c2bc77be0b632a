//! The reasons why an order brought no certificate.

use std::{io, path::Path, time::Duration};

use instant_acme::Error;

use super::{challenge::ChallengeError, problem_text::describe};
use crate::{
    net::certificate::CertificateError,
    text::{error_chain::error_chain, terminal::printable},
};

/// The reason why an order brought no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// Another gate with the same directory orders now, or has just ordered.
    #[error("another gate orders a certificate with the same directory")]
    Busy,
    /// The order failed, for this reason in words.
    #[error("{reason}")]
    Failed {
        /// The reason, safe for a terminal.
        reason: String,
        /// The time that the server demands until the next attempt.
        retry_after: Option<Duration>,
    },
}

impl OrderError {
    /// A failure with this reason.
    pub(super) fn failed(reason: impl AsRef<str>) -> Self {
        Self::Failed {
            reason: printable(reason.as_ref().as_bytes()),
            retry_after: None,
        }
    }

    /// A failure of the directory or of a file in it.
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }

    /// Adds the time that the server demands.
    pub(super) fn demanding(self, demanded: Option<Duration>) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::Failed { reason, .. } => Self::Failed {
                reason,
                retry_after: demanded,
            },
        }
    }
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        match error {
            // The description is longer than one line of foreign text, and safe already.
            Error::Api(problem) => Self::Failed {
                reason: describe(&problem, None),
                retry_after: None,
            },
            Error::Json(_) => Self::failed(
                "the ACME server's response is not understood; is `directory` the URL of an ACME directory?",
            ),
            Error::Timeout(_) => Self::failed("the ACME server did not finish the order in time"),
            other => Self::failed(error_chain(&other)),
        }
    }
}

impl From<CertificateError> for OrderError {
    fn from(error: CertificateError) -> Self {
        Self::failed(format!("the issued certificate is not usable: {error}"))
    }
}

impl From<ChallengeError> for OrderError {
    fn from(error: ChallengeError) -> Self {
        Self::failed(error.to_string())
    }
}
