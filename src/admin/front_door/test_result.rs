//! The result of a delivery that the gate sent to itself, as the API shows it.

use serde::Serialize;

use super::judgement::Judgement;
use crate::{
    client::{ForgeryKind, ResponseSummary, SendError, Unforgeable},
    delivery::{is_credential, redacted},
};

/// The response to a delivery, and its meaning. Without a response, its parts are empty.
#[derive(Debug, Serialize)]
pub(crate) struct TestResult {
    status: Option<u16>,
    reason_phrase: Option<&'static str>,
    /// Without the values of credentials.
    headers: Vec<(String, String)>,
    /// The beginning of the body. Bytes that are not UTF-8 are replaced.
    body: String,
    truncated: bool,
    ms: Option<f64>,
    /// The id of the delivery in the log.
    id: Option<String>,
    #[serde(flatten)]
    judgement: Judgement,
}

impl TestResult {
    /// Returns the result of a delivery that was sent.
    pub(crate) fn of(
        forgery: Option<ForgeryKind>,
        outcome: &Result<ResponseSummary, SendError>,
    ) -> Self {
        let judgement = match forgery {
            Some(kind) => Judgement::of_forgery(kind, outcome),
            None => Judgement::of_genuine(outcome),
        };
        match outcome {
            Ok(response) => Self::with_response(response, judgement),
            Err(_) => Self::without_response(judgement),
        }
    }

    /// Returns the result of a forgery that the body does not allow.
    pub(crate) fn not_sent(kind: ForgeryKind, reason: Unforgeable) -> Self {
        Self::without_response(Judgement::not_sent(kind, reason))
    }

    fn with_response(response: &ResponseSummary, judgement: Judgement) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = response.headers.iter().map(|(name, value)| {
            let shown = match is_credential(name.as_str()) {
                true => redacted(value.len()),
                false => text(value.as_bytes()),
            };
            (name.to_string(), shown)
        });
        Self {
            status: Some(response.status.as_u16()),
            reason_phrase: response.status.canonical_reason(),
            headers: headers.collect(),
            body: text(&response.beginning),
            truncated: response.truncated,
            ms: Some(response.took.as_secs_f64() * 1000.0),
            id: response.delivery_id(),
            judgement,
        }
    }

    fn without_response(judgement: Judgement) -> Self {
        Self {
            status: None,
            reason_phrase: None,
            headers: Vec::new(),
            body: String::new(),
            truncated: false,
            ms: None,
            id: None,
            judgement,
        }
    }
}
