//! Headers that one destination receives with each delivery to authenticate the gate, such as a
//! token. Their values are secrets, which neither a log nor `Debug` shows.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use tower_cartgate::Secret;

/// Headers with secret values. Like every secret, they implement no `PartialEq`.
#[derive(Clone, Default)]
pub struct FixedHeaders(HeaderMap);

/// The secret is not a valid header value. The error does not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected visible ASCII characters and spaces in one line, as a header's value needs")]
pub struct FixedHeaderError;

impl FixedHeaders {
    /// Adds a header. Its name must pass
    /// [`header_may_be_set`](crate::delivery::header_filter::header_may_be_set).
    ///
    /// # Errors
    ///
    /// When the secret holds control characters, or non-ASCII bytes, which some readers decode as
    /// UTF-8 and others as Latin-1.
    pub fn insert(&mut self, name: HeaderName, secret: &Secret) -> Result<(), FixedHeaderError> {
        let value = HeaderValue::from_bytes(secret.expose());
        let mut value = value
            .ok()
            .filter(|value| value.to_str().is_ok())
            .ok_or(FixedHeaderError)?;
        value.set_sensitive(true);
        self.0.insert(name, value);
        Ok(())
    }

    /// Returns all headers, with one value per name.
    pub(super) fn all(&self) -> &HeaderMap {
        &self.0
    }
}

impl fmt::Debug for FixedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedHeaders")?;
        f.debug_list().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: &[u8]) -> Secret {
        Secret::new(bytes).expect("a secret")
    }

    #[test]
    fn a_value_is_shown_neither_here_nor_among_a_requests_headers() {
        let mut fixed = FixedHeaders::default();
        let token = secret(b"Bearer planted-token");
        fixed
            .insert(http::header::AUTHORIZATION, &token)
            .expect("a value");
        let headers = fixed.all();
        assert_eq!(headers["authorization"], "Bearer planted-token");
        let shown = format!("{fixed:?} {headers:?}");
        assert!(shown.contains("authorization"), "{shown}");
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn what_would_break_a_head_or_be_read_in_two_ways_is_refused() {
        for bytes in [&b"a\r\nx: y"[..], b"a\0b", "gr\u{fc}n".as_bytes(), b"a\x7f"] {
            let inserted =
                FixedHeaders::default().insert(http::header::AUTHORIZATION, &secret(bytes));
            assert_eq!(inserted, Err(FixedHeaderError));
        }
    }
}
