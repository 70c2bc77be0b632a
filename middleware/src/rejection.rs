//! Every way in which a request fails to be verified: its kind, whose fault it is, and the status that follows from that.
//! How it is answered is not decided here.

use std::{error::Error, fmt, sync::Arc};

use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::LengthLimitError;

use crate::HeaderForm;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A request was refused. It is put into the extensions of the response, so that what lies outside can count and log it.
///
/// Its text is for operators and must not reach the sender, whom it would tell how near a forgery came.
#[derive(Debug, Clone)]
pub struct Rejection {
    kind: RejectionKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
    header: Option<(HeaderForm, usize)>,
    #[cfg(feature = "axum-core")]
    pub(crate) head: crate::extract::Head,
}

impl Rejection {
    /// A rejection of this kind.
    #[must_use]
    pub const fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            source: None,
            header: None,
            #[cfg(feature = "axum-core")]
            head: crate::extract::Head::UNKNOWN,
        }
    }

    /// A rejection of this kind that came of another error.
    #[must_use]
    pub fn with_source(kind: RejectionKind, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into().into()),
            ..Self::new(kind)
        }
    }

    /// What a body's error means. Its chain may hold a rejection that a guard around the body made, which is taken as it is.
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

    /// What was wrong.
    #[must_use]
    pub const fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Whose fault it is.
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

    pub(crate) fn with_signature_header(self, headers: &HeaderMap, name: &HeaderName) -> Self {
        Self {
            header: Some(HeaderForm::of(headers, name)),
            ..self
        }
    }

    /// The status that it is answered with, unless the [`Respond`](crate::Respond) in use has another.
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

/// What was wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// [`PolicySource`](crate::PolicySource) knows no such endpoint.
    NoPolicy,
    /// The policy does not allow the method.
    Method,
    /// There is no signature header.
    SignatureMissing,
    /// There are several.
    SignatureRepeated,
    /// It does not hold the canonical Base64 of 32 bytes.
    SignatureMalformed,
    /// The body is longer than the policy, or a limit outside, allows.
    TooLarge,
    /// The body took too long. Made by guards around the body, not by this crate.
    TooSlow,
    /// There was no room for the body. Made by guards around the body, not by this crate.
    Busy,
    /// The body broke off.
    Unreadable,
    /// The signature is of another body, or by another secret.
    Mismatch,
    /// Verified, but of a kind that the endpoint does not take.
    WrongKind,
    /// Verified, but not fresh by the time that its payload states. The source is a [`Staleness`](crate::Staleness).
    Stale,
    /// Verified, but the handler's type does not fit its JSON.
    InvalidPayload,
    /// A handler demands the proof where no layer gives it.
    MissingLayer,
}

impl RejectionKind {
    /// All of them, for metrics that begin at nought.
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

    /// Whose fault it is.
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
            Self::TooSlow => "the body came too slowly",
            Self::Busy => "there was no room for the body",
            Self::Unreadable => "the body broke off",
            Self::Mismatch => "the signature matches under none of the secrets",
            Self::WrongKind => "verified, but not of a kind that this endpoint takes",
            Self::Stale => "verified, but not fresh by the time in the payload",
            Self::InvalidPayload => {
                "verified, but the JSON does not fit the type that the handler asks for"
            }
            Self::MissingLayer => {
                "a handler asks for `Verified`, but no `VerifyLayer` stands around its route"
            }
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whose fault a rejection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The sender's: the same request again is refused again.
    Sender,
    /// The receiver's: the request may be right.
    Receiver,
}
