//! The signature as it stands in a header: strict parsing, encoding, and a name for each way to write it wrongly.
//! What a signature is compared with is not known here.

use std::fmt;

use base64::{
    DecodeError, Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a delivery claims to be signed with: 32 bytes of HMAC-SHA256.
///
/// There is no `PartialEq`, because `==` tells by its duration how much of a forgery was right; a
/// [`Verifier`](crate::Verifier) compares.
#[derive(Clone, Copy)]
pub struct Signature([u8; 32]);

impl Signature {
    /// The header that holds it: `X-Cartfunnel-Hmac-SHA256`.
    pub const HEADER: HeaderName = HeaderName::from_static("x-cartfunnel-hmac-sha256");

    /// Reads a header's value: the 44 characters of canonical standard Base64, white space around them aside.
    ///
    /// # Errors
    ///
    /// Refuses everything else. A lenient decoder takes four different texts for one signature (RFC 4648,
    /// section 3.5), so a captured delivery could come back in a form that a list of seen headers does not know.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        if value.len() != ENCODED {
            return Err(Malformed(()));
        }
        // 44 characters can stand for 33 bytes, when none of them is padding.
        let mut decoded = [0; 33];
        let length = STANDARD
            .decode_slice(value, &mut decoded)
            .map_err(|_| Malformed(()))?;
        <[u8; 32]>::try_from(&decoded[..length])
            .map(Self)
            .map_err(|_| Malformed(()))
    }

    /// The header's value.
    #[must_use]
    pub fn encode(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The header's value, ready for a header map.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::try_from(self.encode()).expect("Base64 is visible ASCII")
    }

    /// The 32 bytes. Compare them with [`subtle`](https://docs.rs/subtle) or not at all.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 32 bytes in Base64: 43 characters and a padding.
const ENCODED: usize = 44;

/// HTTP lets spaces and tabs stand around a value (RFC 9110, section 5.5). hyper drops them, other servers may not.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

impl From<[u8; 32]> for Signature {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.encode())
    }
}

/// Redacted: with its body, a signature is all that a replay needs.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(redacted)")
    }
}

/// A value is not the canonical Base64 of 32 bytes. [`HeaderForm`] tells what it may be instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(());

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signature is the 44 characters of canonical standard Base64 of 32 bytes")
    }
}

impl std::error::Error for Malformed {}

/// What a signature header looks like, so that a log can help without repeating what a stranger sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderForm {
    /// There is none.
    Absent,
    /// There are several.
    Repeated,
    /// It has no characters.
    Empty,
    /// It holds several values with commas between.
    List,
    /// The MAC as 64 hexadecimal digits.
    Hex,
    /// Base64 in the URL-safe alphabet.
    UrlSafe,
    /// Base64 without its padding.
    Unpadded,
    /// As it should be.
    Canonical,
    /// 44 characters that are not canonical Base64.
    NonCanonical,
    /// None of these.
    Other,
}

impl HeaderForm {
    /// The form of the header `name`, and the length of its value (of all values together, if it is repeated).
    #[must_use]
    pub fn of(headers: &HeaderMap, name: &HeaderName) -> (Self, usize) {
        let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        match (values.next(), values.next()) {
            (None, _) => (Self::Absent, 0),
            (Some(value), None) => (Self::of_value(trim(value)), value.len()),
            (Some(first), Some(second)) => {
                let rest: usize = values.map(<[u8]>::len).sum();
                (Self::Repeated, first.len() + second.len() + rest)
            }
        }
    }

    fn of_value(value: &[u8]) -> Self {
        // Nothing longer than a MAC in hex can be one: a value of 8 KiB is not decoded to find out.
        match value.len() {
            0 => Self::Empty,
            _ if value.contains(&b',') => Self::List,
            64 if value.iter().all(u8::is_ascii_hexdigit) => Self::Hex,
            ENCODED if Signature::parse(value).is_ok() => Self::Canonical,
            ENCODED if is_mac(URL_SAFE.decode(value)) => Self::UrlSafe,
            ENCODED => Self::NonCanonical,
            43 if is_mac(STANDARD_NO_PAD.decode(value)) => Self::Unpadded,
            43 if is_mac(URL_SAFE_NO_PAD.decode(value)) => Self::UrlSafe,
            _ => Self::Other,
        }
    }

    /// One or two words for a log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Repeated => "repeated",
            Self::Empty => "empty",
            Self::List => "list",
            Self::Hex => "hex",
            Self::UrlSafe => "url-safe",
            Self::Unpadded => "unpadded",
            Self::Canonical => "canonical",
            Self::NonCanonical => "44 characters",
            Self::Other => "other",
        }
    }
}

fn is_mac(decoded: Result<Vec<u8>, DecodeError>) -> bool {
    decoded.is_ok_and(|bytes| bytes.len() == 32)
}

impl fmt::Display for HeaderForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
