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
#[error("{reason}")]
pub(super) struct OrderError {
    /// The reason in words, safe for a terminal.
    pub(super) reason: String,
    /// The time that the server demands until the next attempt.
    pub(super) retry_after: Option<Duration>,
}

impl OrderError {
    /// A failure with this reason.
    pub(super) fn failed(reason: impl AsRef<str>) -> Self {
        Self {
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
        Self {
            retry_after: demanded,
            ..self
        }
    }
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        match error {
            // The description is longer than one line of foreign text, and safe already.
            Error::Api(problem) => Self {
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
