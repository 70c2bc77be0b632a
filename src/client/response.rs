//! The response to a request of the sender.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::send_error::SendError;
use crate::text::terminal::printable;

/// The parts of a response that matter to a sender.
#[derive(Clone, Debug)]
pub struct ResponseSummary {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub beginning: Vec<u8>,
    /// Whether the body had further bytes.
    pub truncated: bool,
    /// The time from the start of the delivery to the last byte of the response.
    pub took: Duration,
}

impl ResponseSummary {
    /// Reads a response to its end, and keeps this number of body bytes.
    pub(super) async fn read(
        response: Response<Incoming>,
        kept_body: usize,
    ) -> Result<Self, SendError> {
        let (head, mut body) = response.into_parts();
        let (mut beginning, mut truncated) = (Vec::new(), false);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(SendError::Broken)?.into_data() else {
                continue;
            };
            let room = kept_body - beginning.len();
            truncated |= data.len() > room;
            beginning.extend_from_slice(&data[..data.len().min(room)]);
        }
        Ok(Self {
            status: head.status,
            headers: head.headers,
            beginning,
            truncated,
            took: Duration::ZERO,
        })
    }

    /// Returns the id of the delivery in the gate's log.
    #[must_use]
    pub fn delivery_id(&self) -> Option<String> {
        self.headers
            .get("x-cartgate-delivery")
            .map(|id| printable(id.as_bytes()))
    }

    /// Returns whether a gate responded itself, which it marks by `Proxy-Status`.
    #[must_use]
    pub fn is_from_gate(&self) -> bool {
        let mark = self.headers.get("proxy-status");
        mark.is_some_and(|status| status.as_bytes().starts_with(b"cartgate"))
    }

    /// Returns whether a gate passed on the response of an app.
    #[must_use]
    pub fn is_from_app_behind_gate(&self) -> bool {
        self.headers.contains_key("x-cartgate-delivery") && !self.is_from_gate()
    }

    /// Returns the first lines of the body, which are safe to show on a terminal.
    #[must_use]
    pub fn first_lines(&self, most: usize) -> Vec<String> {
        let lines = self.beginning.split(|&byte| byte == b'\n');
        let mut lines: Vec<_> = lines.take(most).map(printable).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn response(headers: &[(&'static str, &'static str)]) -> ResponseSummary {
        let mut map = HeaderMap::new();
        for &(name, value) in headers {
            map.insert(name, HeaderValue::from_static(value));
        }
        ResponseSummary {
            status: StatusCode::OK,
            headers: map,
            beginning: b"one\ntwo\n\n\n".to_vec(),
            truncated: false,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_gates_own_responses_are_told_from_those_passed_on() {
        let own = response(&[
            ("x-cartgate-delivery", "1"),
            ("proxy-status", "cartgate; error=http_request_denied"),
        ]);
        assert!(own.is_from_gate() && !own.is_from_app_behind_gate());
        let passed_on = response(&[("x-cartgate-delivery", "1")]);
        assert!(passed_on.is_from_app_behind_gate() && !passed_on.is_from_gate());
        let plain = response(&[("proxy-status", "other; error=x")]);
        assert!(!plain.is_from_app_behind_gate() && !plain.is_from_gate());
    }

    #[test]
    fn first_lines_end_with_text() {
        assert_eq!(response(&[]).first_lines(9), ["one", "two"]);
        assert_eq!(response(&[]).first_lines(1), ["one"]);
    }
}
