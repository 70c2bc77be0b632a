//! The meaning of a response to a delivery that the gate sent to itself.

use serde::Serialize;

use crate::client::{ForgeryKind, ResponseSummary, Row, SendError, TrialVerdict, Unforgeable};

/// The expected result of a delivery, and the actual one in words.
#[derive(Debug, Serialize)]
pub(super) struct Judgement {
    /// The expected status: `2xx` or `401`.
    expected: &'static str,
    verdict: DeliveryVerdict,
    /// The reason for the verdict; empty if there is nothing to explain.
    explanation: String,
}

/// The verdict on a forgery, or on a genuine delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum DeliveryVerdict {
    Forgery(TrialVerdict),
    Genuine(Acceptance),
}

/// Whether a genuine delivery was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Acceptance {
    Accepted,
    NotAccepted,
}

type Outcome = Result<ResponseSummary, SendError>;

impl Judgement {
    /// Judges the response to a forgery.
    pub(super) fn of_forgery(kind: ForgeryKind, outcome: &Outcome) -> Self {
        Self::from(&Row::of(kind, outcome))
    }

    /// Returns the judgement of a forgery that the body does not allow.
    pub(super) fn not_sent(kind: ForgeryKind, reason: Unforgeable) -> Self {
        Self::from(&Row::not_sent(kind, reason))
    }

    /// Judges the response to a genuine delivery.
    pub(super) fn of_genuine(outcome: &Outcome) -> Self {
        let (acceptance, explanation) = match outcome {
            Ok(response) if response.status.is_success() => (Acceptance::Accepted, String::new()),
            Ok(response) => (Acceptance::NotAccepted, not_accepted(response)),
            Err(reason) => (Acceptance::NotAccepted, reason.to_string()),
        };
        Self {
            expected: "2xx",
            verdict: DeliveryVerdict::Genuine(acceptance),
            explanation,
        }
    }
}

impl From<&Row> for Judgement {
    fn from(row: &Row) -> Self {
        Self {
            expected: row.expected(),
            verdict: DeliveryVerdict::Forgery(row.verdict()),
            explanation: row.explanation().to_owned(),
        }
    }
}

/// Explains why a genuine delivery got no 2xx.
fn not_accepted(response: &ResponseSummary) -> String {
    let status = response.status.as_u16();
    if !response.is_from_gate() {
        return format!("the app responded with {status}");
    }
    let reason = match status {
        401 => "the gate rejected the signature; a reload may have changed the secret",
        404 => "the gate has no such endpoint any more",
        405 => "the endpoint does not allow this method",
        413 => "the body is over the endpoint's limit",
        422 => "the signature is genuine, but the endpoint does not accept this event",
        502 => "the gate accepted the delivery, but its app was not reachable",
        503 => "the gate is full, drains, or cannot store the delivery",
        504 => "the gate accepted the delivery, but its app did not respond in time",
        _ => "the gate rejected the request for another reason; its log names it",
    };
    reason.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode};
    use serde_json::json;

    fn outcome(status: u16, from_gate: bool) -> Outcome {
        let mut headers = HeaderMap::new();
        headers.insert("x-cartgate-delivery", HeaderValue::from_static("1"));
        if from_gate {
            let mark = HeaderValue::from_static("cartgate; error=x");
            headers.insert("proxy-status", mark);
        }
        Ok(ResponseSummary {
            status: StatusCode::from_u16(status).expect("a status"),
            headers,
            beginning: Vec::new(),
            truncated: false,
            took: Duration::ZERO,
        })
    }

    fn judged(judgement: &Judgement) -> serde_json::Value {
        serde_json::to_value(judgement).expect("plain data")
    }

    #[test]
    fn a_forgery_is_judged_as_on_the_command_line() {
        let rejected = Judgement::of_forgery(ForgeryKind::Hex, &outcome(401, true));
        assert_eq!(
            judged(&rejected),
            json!({"expected": "401", "verdict": "rejected", "explanation": ""})
        );
        let got_in = Judgement::of_forgery(ForgeryKind::Hex, &outcome(200, false));
        assert_eq!(judged(&got_in)["verdict"], "got-in");
        let unsent = Judgement::not_sent(ForgeryKind::Hex, Unforgeable::EmptyBody);
        assert_eq!(judged(&unsent)["verdict"], "not-sent");
    }

    #[test]
    fn a_genuine_delivery_is_accepted_or_explained() {
        let accepted = Judgement::of_genuine(&outcome(202, false));
        assert_eq!(
            judged(&accepted),
            json!({"expected": "2xx", "verdict": "accepted", "explanation": ""})
        );
        for (status, from_gate, part) in [
            (500, false, "the app responded with 500"),
            (401, false, "the app responded with 401"),
            (401, true, "signature"),
            (405, true, "method"),
            (422, true, "event"),
            (502, true, "reachable"),
            (503, true, "full"),
            (408, true, "log"),
        ] {
            let judged = judged(&Judgement::of_genuine(&outcome(status, from_gate)));
            assert_eq!(judged["verdict"], "not-accepted", "{status}");
            let explanation = judged["explanation"].as_str().expect("text");
            assert!(explanation.contains(part), "{status}: {explanation}");
        }
        let late = Judgement::of_genuine(&Err(SendError::TimedOut));
        assert_eq!(judged(&late)["explanation"], "no response in time");
    }
}
