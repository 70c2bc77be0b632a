//! The reasons why the gate itself responds to a request, each with its status, its word in the log
//! and its error type for the sender.

use http::{HeaderValue, StatusCode};
use tower_cartgate::{Rejection, RejectionKind, Staleness};

/// Creates a `Proxy-Status` with this error type at compile time: a flood of forgeries needs many.
macro_rules! proxy_status {
    ($error:literal) => {
        const { HeaderValue::from_static(concat!("cartgate; error=", $error)) }
    };
}

/// The reason why the gate itself responds.
#[derive(Debug, Clone)]
pub(crate) enum RejectReason {
    /// Broken or ambiguous HTTP, with the word for the log.
    Framing(&'static str),
    /// An expectation other than `100-continue`.
    Expectation,
    /// The request line is too long.
    TargetTooLong,
    /// The head is too long or has too many fields.
    HeadTooLarge,
    /// The head did not arrive in time.
    HeadTooSlow,
    /// The gate is full.
    Full,
    /// No endpoint has this path.
    NoEndpoint,
    /// The endpoint allows no query.
    Query,
    /// A proxy asks for a verdict on the beginning of a body.
    PartialBody,
    /// The layer rejected the request.
    Layer(RejectionKind),
    /// Verified, but too old, too early or without a time. The log distinguishes these, because the
    /// causes differ: a wrong pointer or a wrong clock.
    Stale(Staleness),
    /// Verified, but the destination gave no response.
    Destination(AttemptFailure),
    /// Verified, but the inbox did not store it.
    NotStored(NotStored),
}

/// The reason why the inbox did not store a delivery. Each is temporary, so the response contains
/// `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotStored {
    Full,
    Copies,
    Unavailable,
    Failed,
}

/// The reason why an attempt got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptFailure {
    Unresolved,
    Refused,
    Unreachable,
    Tls,
    ConnectTimeout,
    BrokenOff,
    ResponseTimeout,
    NotHttp,
}

impl RejectReason {
    /// The words for a stale delivery: without a time, too old, too early.
    pub(crate) const STALE: [&str; 3] = ["stale-no-time", "stale-too-old", "stale-too-early"];

    /// The reasons of requests that belong to no endpoint.
    pub(crate) const WITHOUT_ENDPOINT: [&'static str; 15] = [
        "no-endpoint",
        "full",
        "malformed",
        "tls",
        "http2",
        "proxy-protocol",
        "version",
        "host",
        "target",
        "content-length",
        "transfer-encoding",
        "expectation",
        "target-too-long",
        "head-too-large",
        "head-too-slow",
    ];

    /// Returns the status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Framing(_) | Self::Query => StatusCode::BAD_REQUEST,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoEndpoint => StatusCode::NOT_FOUND,
            Self::PartialBody => RejectionKind::TooLarge.status(),
            Self::Layer(kind) => kind.status(),
            Self::Stale(_) => RejectionKind::Stale.status(),
            Self::Destination(AttemptFailure::ConnectTimeout | AttemptFailure::ResponseTimeout) => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::Destination(_) => StatusCode::BAD_GATEWAY,
            Self::NotStored(NotStored::Copies) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotStored(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the word for logs and metrics. It is stable, and never text of the client.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Framing(reason) => reason,
            Self::Expectation => "expectation",
            Self::TargetTooLong => "target-too-long",
            Self::HeadTooLarge => "head-too-large",
            Self::HeadTooSlow => "head-too-slow",
            Self::Full => "full",
            Self::NoEndpoint => "no-endpoint",
            Self::Query => "query",
            Self::PartialBody => "partial-body",
            Self::Layer(kind) => kind.as_str(),
            Self::Stale(Staleness::NoTime) => Self::STALE[0],
            Self::Stale(Staleness::TooOld) => Self::STALE[1],
            Self::Stale(_) => Self::STALE[2],
            Self::Destination(failure) => failure.reason(),
            Self::NotStored(not_stored) => not_stored.reason(),
        }
    }

    /// Returns `Proxy-Status` with the error type (RFC 9209, section 2.3). It reveals no more than
    /// the status: every wrong signature has the same value.
    pub(crate) fn proxy_status(&self) -> HeaderValue {
        match self {
            Self::Framing(_)
            | Self::Expectation
            | Self::TargetTooLong
            | Self::HeadTooLarge
            | Self::HeadTooSlow
            | Self::Layer(RejectionKind::TooSlow | RejectionKind::Unreadable) => {
                proxy_status!("http_request_error")
            }
            Self::Full | Self::Layer(RejectionKind::Busy) => {
                proxy_status!("proxy_internal_response")
            }
            Self::NoEndpoint
            | Self::Query
            | Self::PartialBody
            | Self::Layer(_)
            | Self::Stale(_)
            | Self::NotStored(NotStored::Copies) => proxy_status!("http_request_denied"),
            Self::Destination(failure) => failure.proxy_status(),
            Self::NotStored(_) => proxy_status!("proxy_internal_response"),
        }
    }

    /// Returns the seconds for `Retry-After`, if a retry may help.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::NotStored(not_stored) => Some(not_stored.retry_after()),
            _ => (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }

    /// Returns whether the connection must close after this response: the beginning of the next
    /// request is unknown, or the client has more to send than the gate will read.
    pub(crate) fn closes(&self) -> bool {
        match self {
            Self::Layer(kind) => matches!(
                kind,
                RejectionKind::TooLarge
                    | RejectionKind::TooSlow
                    | RejectionKind::Unreadable
                    | RejectionKind::Busy
            ),
            Self::NoEndpoint
            | Self::Query
            | Self::PartialBody
            | Self::Stale(_)
            | Self::Destination(_)
            | Self::NotStored(_) => false,
            _ => true,
        }
    }
}

impl AttemptFailure {
    /// All values, for metrics that begin at zero.
    pub(crate) const ALL: [Self; 8] = [
        Self::Unresolved,
        Self::Refused,
        Self::Unreachable,
        Self::Tls,
        Self::ConnectTimeout,
        Self::BrokenOff,
        Self::ResponseTimeout,
        Self::NotHttp,
    ];

    /// Returns the word for logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Unresolved => "destination-unresolved",
            Self::Refused => "destination-refused",
            Self::Unreachable => "destination-unreachable",
            Self::Tls => "destination-tls",
            Self::ConnectTimeout => "destination-connect-timeout",
            Self::BrokenOff => "destination-broke-off",
            Self::ResponseTimeout => "destination-answer-timeout",
            Self::NotHttp => "destination-not-http",
        }
    }

    fn proxy_status(self) -> HeaderValue {
        match self {
            Self::Unresolved => proxy_status!("dns_error"),
            Self::Refused => proxy_status!("connection_refused"),
            Self::Unreachable => proxy_status!("destination_ip_unroutable"),
            Self::Tls => proxy_status!("tls_protocol_error"),
            Self::ConnectTimeout => proxy_status!("connection_timeout"),
            Self::BrokenOff => proxy_status!("connection_terminated"),
            Self::ResponseTimeout => proxy_status!("http_response_timeout"),
            Self::NotHttp => proxy_status!("http_protocol_error"),
        }
    }
}

impl NotStored {
    /// All values, for metrics that begin at zero.
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Copies, Self::Unavailable, Self::Failed];

    /// Returns the word for logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Full => "inbox-full",
            Self::Copies => "too-many-copies",
            Self::Unavailable => "inbox-unavailable",
            Self::Failed => "inbox-failed",
        }
    }

    /// Returns the seconds until a retry may help. A full store gets room as destinations accept
    /// events; a failed one needs an operator.
    fn retry_after(self) -> u32 {
        match self {
            Self::Unavailable => 5,
            Self::Full => 30,
            Self::Copies | Self::Failed => 60,
        }
    }
}

impl From<&Rejection> for RejectReason {
    fn from(rejection: &Rejection) -> Self {
        let source = std::error::Error::source(rejection);
        match source.and_then(|source| source.downcast_ref()) {
            Some(staleness) => Self::Stale(*staleness),
            None => Self::Layer(rejection.kind()),
        }
    }
}
