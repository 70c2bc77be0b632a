//! Rejections: the kind, whose fault it is, and the status of the response.

use std::{error::Error, fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::LengthLimitError;

use crate::HeaderForm;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A rejected request. The layer adds it to the extensions of the response, so that outer layers
/// can count and log it.
///
/// The text is for operators. It must not reach the sender, because it would show an attacker how
/// close a forgery came.
#[derive(Debug, Clone)]
pub struct Rejection {
    kind: RejectionKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
    header: Option<(HeaderForm, usize)>,
    #[cfg(feature = "axum-core")]
    pub(crate) head: crate::head::Head,
}

impl Rejection {
    /// Returns a rejection of this kind.
    #[must_use]
    pub const fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            source: None,
            header: None,
            #[cfg(feature = "axum-core")]
            head: crate::head::Head::UNKNOWN,
        }
    }

    /// Returns a rejection of this kind with the error that caused it.
    #[must_use]
    pub fn with_source(kind: RejectionKind, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into().into()),
            ..Self::new(kind)
        }
    }

    /// Returns the rejection for an error of a body. Uses the rejection of a guard around the body,
    /// if the error's chain contains one.
    pub(crate) fn of_body(error: BoxError) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
        while let Some(error) = cause {
            if let Some(rejection) = error.downcast_ref::<Self>() {
                return rejection.clone();
            } else if error.is::<LengthLimitError>() {
                return Self::new(RejectionKind::TooLarge);
            }
            cause = error.source();
        }
        Self::with_source(RejectionKind::Unreadable, error)
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Returns whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.kind.fault()
    }

    /// Returns the form of the signature header and the length of its value in bytes.
    ///
    /// The layer adds them to each rejection of its own, if the request has a policy.
    #[must_use]
    pub const fn signature_header(&self) -> Option<(HeaderForm, usize)> {
        self.header
    }

    /// Adds the form of the signature header.
    pub(crate) fn with_signature_header(self, headers: &HeaderMap, name: &HeaderName) -> Self {
        let header = match self.kind {
            // Only a sole canonical signature is compared. Forgeries come in floods, so it is not
            // parsed again.
            RejectionKind::Mismatch => {
                let length = headers.get(name).map_or(0, HeaderValue::len);
                (HeaderForm::Canonical, length)
            }
            _ => HeaderForm::of(headers, name),
        };
        Self {
            header: Some(header),
            ..self
        }
    }

    /// Returns the status of the response, unless the layer's [`Respond`](crate::Respond) sets
    /// another.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.kind.status()
    }
}

impl From<RejectionKind> for Rejection {
    fn from(kind: RejectionKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.kind.describe())
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// The kinds of rejections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// [`PolicySource`](crate::PolicySource) knows no such endpoint.
    NoPolicy,
    /// The policy does not allow the method.
    Method,
    /// There is no signature header.
    SignatureMissing,
    /// There are several signature headers.
    SignatureRepeated,
    /// The signature header is not the canonical Base64 of 32 bytes.
    SignatureMalformed,
    /// The body is longer than the policy or an outer limit allows.
    TooLarge,
    /// The body was too slow. Guards around the body use it; this crate does not.
    TooSlow,
    /// There was no memory for the body. Guards around the body use it; this crate does not.
    Busy,
    /// The body ended with an error.
    Unreadable,
    /// The signature belongs to another body or another secret.
    Mismatch,
    /// Verified, but of an event kind that the endpoint does not accept.
    WrongKind,
    /// Verified, but not fresh by the time in the payload. The source is a
    /// [`Staleness`](crate::Staleness).
    Stale,
    /// Verified, but the handler's type does not fit its JSON.
    InvalidPayload,
    /// A handler requires the proof, but no layer provides it.
    MissingLayer,
}

impl RejectionKind {
    /// All kinds, for metrics that start at zero.
    pub const ALL: &'static [Self] = &[
        Self::NoPolicy,
        Self::Method,
        Self::SignatureMissing,
        Self::SignatureRepeated,
        Self::SignatureMalformed,
        Self::TooLarge,
        Self::TooSlow,
        Self::Busy,
        Self::Unreadable,
        Self::Mismatch,
        Self::WrongKind,
        Self::Stale,
        Self::InvalidPayload,
        Self::MissingLayer,
    ];

    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPolicy => "no-endpoint",
            Self::Method => "method",
            Self::SignatureMissing => "signature-missing",
            Self::SignatureRepeated => "signature-repeated",
            Self::SignatureMalformed => "signature-malformed",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Busy => "busy",
            Self::Unreadable => "body-unreadable",
            Self::Mismatch => "mismatch",
            Self::WrongKind => "wrong-kind",
            Self::Stale => "stale",
            Self::InvalidPayload => "invalid-payload",
            Self::MissingLayer => "missing-layer",
        }
    }

    /// The status that the contract of the gate gives it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoPolicy => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::SignatureMissing
            | Self::SignatureRepeated
            | Self::SignatureMalformed
            | Self::Mismatch => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::WrongKind | Self::Stale | Self::InvalidPayload => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::MissingLayer => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns whose fault it is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Busy | Self::MissingLayer => Fault::Receiver,
            _ => Fault::Sender,
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::NoPolicy => "no policy covers this request",
            Self::Method => "the policy does not allow the method",
            Self::SignatureMissing => "the signature header is missing",
            Self::SignatureRepeated => "there is more than one signature header",
            Self::SignatureMalformed => {
                "the signature header is not the canonical Base64 of 32 bytes"
            }
            Self::TooLarge => "the body is longer than allowed",
            Self::TooSlow => "the body was too slow",
            Self::Busy => "there was no memory for the body",
            Self::Unreadable => "the body ended with an error",
            Self::Mismatch => "the signature matches no secret",
            Self::WrongKind => "verified, but of an event kind that this endpoint does not accept",
            Self::Stale => "verified, but not fresh by the time in the payload",
            Self::InvalidPayload => "verified, but the JSON does not fit the type of the handler",
            Self::MissingLayer => {
                "a handler requires `Verified`, but its route has no `VerifyLayer`"
            }
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The party at fault for a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The sender: the same request will be rejected again.
    Sender,
    /// The receiver: the request may be valid.
    Receiver,
}
