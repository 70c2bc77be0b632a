//! The signature in a header: strict parsing, encoding, and a name for each malformed form.

use std::fmt;

use base64::{
    DecodeError, Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The signature that a delivery presents: 32 bytes of HMAC-SHA256.
///
/// There is no `PartialEq`, because the duration of `==` reveals the number of equal bytes. Compare
/// with a [`Verifier`](crate::Verifier).
#[derive(Clone, Copy)]
pub struct Signature([u8; 32]);

impl Signature {
    /// The header that contains the signature: `X-Cartfunnel-Hmac-SHA256`.
    pub const HEADER: HeaderName = HeaderName::from_static("x-cartfunnel-hmac-sha256");

    /// Parses a header value: the 44 characters of canonical standard Base64, with optional white
    /// space around them.
    ///
    /// # Errors
    ///
    /// Rejects every other value. A lenient decoder accepts four different texts for one signature
    /// (RFC 4648, section 3.5), so a captured delivery could bypass a list of known headers.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        if value.len() != ENCODED_LEN {
            return Err(Malformed(()));
        }
        // 44 characters without padding decode to 33 bytes.
        let mut decoded = [0; 33];
        let length = STANDARD
            .decode_slice(value, &mut decoded)
            .map_err(|_| Malformed(()))?;
        <[u8; 32]>::try_from(&decoded[..length])
            .map(Self)
            .map_err(|_| Malformed(()))
    }

    /// Returns the header value.
    #[must_use]
    pub fn encode(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Returns the value for a header map.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::try_from(self.encode()).expect("Base64 is visible ASCII")
    }

    /// Returns the 32 bytes. Compare them only with [`subtle`](https://docs.rs/subtle).
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The length of 32 bytes in Base64: 43 characters and one of padding.
const ENCODED_LEN: usize = 44;

/// Trims the spaces and tabs that HTTP allows around a value (RFC 9110, section 5.5). hyper drops
/// them, but other servers may not.
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

/// Omits the bytes, because a body with its signature can be replayed.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(redacted)")
    }
}

/// The error of a value that is not the canonical Base64 of 32 bytes. [`HeaderForm`] names its
/// form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(());

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signature is the 44 characters of canonical standard Base64 of 32 bytes")
    }
}

impl std::error::Error for Malformed {}

/// The form of a signature header, for logs that must not repeat the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderForm {
    /// There is no header.
    Absent,
    /// There are several headers.
    Repeated,
    /// The value is empty.
    Empty,
    /// The value is a list with commas.
    List,
    /// The MAC as 64 hexadecimal digits.
    Hex,
    /// Base64 in the URL-safe alphabet.
    UrlSafe,
    /// Base64 without its padding.
    Unpadded,
    /// The canonical Base64 of 32 bytes.
    Canonical,
    /// 44 characters that are not canonical Base64.
    NonCanonical,
    /// Any other form.
    Other,
}

impl HeaderForm {
    /// Returns the form of the header `name` and the length of its value. Adds up the lengths of a
    /// repeated header.
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
        // Only lengths that a MAC can have are decoded, so a value of 8 KiB costs nothing.
        match value.len() {
            0 => Self::Empty,
            _ if value.contains(&b',') => Self::List,
            64 if value.iter().all(u8::is_ascii_hexdigit) => Self::Hex,
            ENCODED_LEN if Signature::parse(value).is_ok() => Self::Canonical,
            ENCODED_LEN if is_mac(URL_SAFE.decode(value)) => Self::UrlSafe,
            ENCODED_LEN => Self::NonCanonical,
            43 if is_mac(STANDARD_NO_PAD.decode(value)) => Self::Unpadded,
            43 if is_mac(URL_SAFE_NO_PAD.decode(value)) => Self::UrlSafe,
            _ => Self::Other,
        }
    }

    /// Returns one or two words for a log.
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
