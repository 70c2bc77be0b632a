//! A saved rejection as an operator sees it.

use http::HeaderValue;
use serde::Serialize;
use tower_cartgate::RejectionKind;
use uuid::Uuid;

use super::{
    saved_file::{LateState, SavedFile},
    saved_rejection::SavedRejection,
};
use crate::{
    doctor::{Diagnosis, SignatureVerdict},
    text::rfc3339,
};

/// A saved rejection without its headers and its body.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RejectionDetails {
    pub(crate) id: Uuid,
    received: String,
    endpoint: String,
    peer: String,
    source: String,
    method: String,
    target: String,
    bytes: usize,
    reason: &'static str,
    /// The doctor's word, if the rejection still does not verify.
    cause: Option<&'static str>,
    /// The secret that verifies it now.
    pub(crate) secret: Option<String>,
    diagnosis: Option<Diagnosis>,
    /// The time at which it was delivered or last forwarded with success, or found to be a copy.
    pub(crate) forwarded: Option<String>,
    /// Its state since it verified.
    late: Option<&'static str>,
}

impl RejectionDetails {
    /// Describes the rejection in a file with its verdict. There is none if no secret of the
    /// endpoint is known.
    pub(crate) fn new(
        file: &SavedFile,
        rejection: &SavedRejection,
        verdict: Option<SignatureVerdict>,
    ) -> Self {
        let (secret, diagnosis) = match verdict {
            Some(verdict) => (verdict.secret, verdict.diagnosis),
            None => (None, None),
        };
        Self {
            id: rejection.id,
            received: rfc3339::seconds(rejection.received()),
            endpoint: text(&rejection.endpoint),
            peer: text(&rejection.peer),
            source: rejection.source.to_string(),
            method: rejection.method.to_string(),
            target: rejection.target.to_string(),
            bytes: rejection.bytes().len(),
            reason: RejectionKind::Mismatch.as_str(),
            cause: diagnosis
                .as_ref()
                .map(|diagnosis| diagnosis.cause().as_str()),
            secret,
            diagnosis,
            forwarded: file.forwarded().map(rfc3339::seconds),
            late: file.late_state().map(LateState::as_str),
        }
    }
}

impl SavedRejection {
    /// Returns the names and the values of the headers as text.
    pub(crate) fn header_texts(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect()
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
