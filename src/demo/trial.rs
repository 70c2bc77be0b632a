//! One delivery of the first part and its result.

use std::fmt;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tower_cartgate::EventKind;

use super::app::Received;
use crate::client::{ForgeryKind, ResponseSummary, SendError};

/// One delivery and its result.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) sent: Sent,
    /// The status, or the reason why there is no response.
    pub(super) response: Result<u16, String>,
    /// Whether the app received the delivery.
    pub(super) reached_app: bool,
    /// The request that the app received, in words.
    pub(super) arrived: String,
    pub(super) as_expected: bool,
}

/// The kind of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// A genuine delivery of this event by this method.
    Genuine(Method, EventKind),
    /// A forgery.
    Forgery(ForgeryKind),
}

impl Sent {
    /// Returns whether the gate must let it pass. This includes a replay under another method,
    /// which the scheme cannot tell from the original.
    pub(super) fn must_pass(&self) -> bool {
        match self {
            Self::Genuine(..) => true,
            Self::Forgery(kind) => kind.is_genuine_by_the_scheme(),
        }
    }

    fn event(&self) -> EventKind {
        match self {
            Self::Genuine(_, kind) => *kind,
            Self::Forgery(_) => EventKind::Order,
        }
    }
}

impl Trial {
    pub(super) fn new(
        sent: Sent,
        response: &Result<ResponseSummary, SendError>,
        body: &Bytes,
        arrived: &[Received],
    ) -> Self {
        let status = response.as_ref().map(|response| response.status.as_u16());
        let response = status.map_err(ToString::to_string);
        let is_intact = arrived.iter().all(|received| {
            received.body == *body && received.event.as_deref() == Some(sent.event().as_str())
        });
        let as_expected = match sent.must_pass() {
            true => arrived.len() == 1 && is_intact && response == Ok(200),
            false => arrived.is_empty() && response == Ok(401),
        };
        Self {
            sent,
            response,
            reached_app: !arrived.is_empty(),
            arrived: in_words(arrived, is_intact),
            as_expected,
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "delivery": self.sent.to_string(),
            "expected": if self.sent.must_pass() { "passes" } else { "rejected" },
            "status": self.response.as_ref().ok(),
            "reached_app": self.reached_app,
            "as_expected": self.as_expected,
        })
    }
}

fn in_words(arrived: &[Received], is_intact: bool) -> String {
    let Some(received) = arrived.first() else {
        return "nothing".to_owned();
    };
    let event = received.event.as_deref().unwrap_or("no event");
    let bytes = received.body.len();
    let same = if is_intact { "as sent" } else { "NOT as sent" };
    format!("{} {event}, {bytes} bytes {same}", received.method)
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genuine(method, kind) => write!(f, "genuine {method} {kind}"),
            Self::Forgery(kind) if kind.is_genuine_by_the_scheme() => write!(f, "replay  {kind}"),
            Self::Forgery(kind) => write!(f, "forgery {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use http::{HeaderMap, StatusCode};

    const BODY: Bytes = Bytes::from_static(b"body");

    fn trial(sent: Sent, status: u16, arrived: &[Received]) -> Trial {
        let response = ResponseSummary {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            beginning: Vec::new(),
            truncated: false,
            took: Duration::ZERO,
        };
        Trial::new(sent, &Ok(response), &BODY, arrived)
    }

    fn received(body: Bytes, event: &str) -> Received {
        Received {
            method: Method::POST,
            event: Some(event.to_owned()),
            body,
        }
    }

    fn genuine() -> Sent {
        Sent::Genuine(Method::POST, EventKind::Order)
    }

    impl Trial {
        /// A genuine delivery with the expected result.
        pub(crate) fn passed() -> Self {
            trial(genuine(), 200, &[received(BODY, "order")])
        }

        /// A genuine delivery that the gate rejected.
        pub(crate) fn lost() -> Self {
            trial(genuine(), 401, &[])
        }
    }

    #[test]
    fn a_genuine_one_must_arrive_once_and_whole() {
        let order = || received(BODY, "order");
        assert!(Trial::passed().as_expected);
        for (status, arrived) in [
            (200, vec![]),
            (200, vec![order(), order()]),
            (200, vec![received(Bytes::new(), "order")]),
            (200, vec![received(BODY, "other")]),
            (502, vec![order()]),
        ] {
            assert!(!trial(genuine(), status, &arrived).as_expected);
        }
    }

    #[test]
    fn a_forgery_must_be_refused_and_never_arrive() {
        let forgery = || Sent::Forgery(ForgeryKind::Hex);
        assert!(trial(forgery(), 401, &[]).as_expected);
        assert!(!trial(forgery(), 401, &[received(BODY, "order")]).as_expected);
        assert!(!trial(forgery(), 404, &[]).as_expected);
        assert!(!Trial::new(forgery(), &Err(SendError::TimedOut), &BODY, &[]).as_expected);
    }
}
