//! The kinds of forgery: every known way in which a request can look signed without being signed.

use std::{fmt, str::FromStr};

/// The kinds of forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForgeryKind {
    /// Signed with another secret.
    WrongSecret,
    /// The body changed after it was signed.
    TamperedBody,
    /// Only the first half of the signature.
    TruncatedSignature,
    /// The true signature in hex.
    Hex,
    /// No signature header.
    Missing,
    /// An empty signature header.
    Empty,
    /// The true signature in two header lines.
    DuplicateHeader,
    /// The true signature twice in one header line.
    List,
    /// A second Base64 spelling of the true signature.
    NonCanonicalBase64,
    /// The true signature without its `=`.
    Unpadded,
    /// The true signature in the URL-safe alphabet.
    UrlSafe,
    /// The signature of an empty body.
    EmptyBodySignature,
    /// HMAC-SHA1 instead of HMAC-SHA256.
    Sha1,
    /// The same JSON, written in another way.
    ReSerializedJson,
    /// A newline added to the body.
    AppendedNewline,
    /// A genuine delivery under another method.
    ReplayedMethod,
}

impl ForgeryKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::WrongSecret,
        Self::TamperedBody,
        Self::TruncatedSignature,
        Self::Hex,
        Self::Missing,
        Self::Empty,
        Self::DuplicateHeader,
        Self::List,
        Self::NonCanonicalBase64,
        Self::Unpadded,
        Self::UrlSafe,
        Self::EmptyBodySignature,
        Self::Sha1,
        Self::ReSerializedJson,
        Self::AppendedNewline,
        Self::ReplayedMethod,
    ];

    /// Returns the name on the command line and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongSecret => "wrong-secret",
            Self::TamperedBody => "tampered-body",
            Self::TruncatedSignature => "truncated-signature",
            Self::Hex => "hex",
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::DuplicateHeader => "duplicate-header",
            Self::List => "list",
            Self::NonCanonicalBase64 => "non-canonical-base64",
            Self::Unpadded => "unpadded",
            Self::UrlSafe => "url-safe",
            Self::EmptyBodySignature => "empty-body-signature",
            Self::Sha1 => "sha1",
            Self::ReSerializedJson => "re-serialized-json",
            Self::AppendedNewline => "appended-newline",
            Self::ReplayedMethod => "replayed-method",
        }
    }

    /// Returns a short description.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::WrongSecret => "signed with another secret",
            Self::TamperedBody => "the body changed after it was signed",
            Self::TruncatedSignature => "half of the true signature",
            Self::Hex => "the true signature in hex",
            Self::Missing => "no signature header",
            Self::Empty => "an empty signature header",
            Self::DuplicateHeader => "the true signature in two header lines",
            Self::List => "the true signature twice in one line",
            Self::NonCanonicalBase64 => "a second Base64 spelling of the true signature",
            Self::Unpadded => "the true signature without its =",
            Self::UrlSafe => "the true signature with - and _ for + and /",
            Self::EmptyBodySignature => "the true signature of an empty body",
            Self::Sha1 => "HMAC-SHA1 instead of HMAC-SHA256",
            Self::ReSerializedJson => "the same JSON, spaced differently",
            Self::AppendedNewline => "a newline added to the body",
            Self::ReplayedMethod => "a genuine delivery under another method",
        }
    }

    /// Returns whether the request is genuine by the scheme, which signs only the body.
    #[must_use]
    pub const fn is_genuine_by_the_scheme(self) -> bool {
        matches!(self, Self::ReplayedMethod)
    }
}

impl fmt::Display for ForgeryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No forgery has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such kind of forgery; `all` sends one of each")]
pub struct UnknownForgery;

impl FromStr for ForgeryKind {
    type Err = UnknownForgery;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == typed)
            .ok_or(UnknownForgery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for &kind in ForgeryKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("nonsense".parse::<ForgeryKind>(), Err(UnknownForgery));
    }
}
