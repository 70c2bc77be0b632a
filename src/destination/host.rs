//! Which `Host` a destination is sent. The certificate of an `https` destination is checked against
//! the name in its URL, whatever is said here.

use http::HeaderValue;

use crate::net::host_name::is_host;

/// Which `Host` a destination is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostRule {
    /// That of its own URL.
    #[default]
    Own,
    /// What the client sent.
    Preserve,
    /// Always this one: see [`HostRule::fixed`].
    Fixed(HeaderValue),
}

/// The text is no `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or address, with a port if need be, such as app.example:8080")]
pub struct HostError;

impl HostRule {
    /// Always this one.
    ///
    /// # Errors
    ///
    /// When the gate itself would refuse a request with such a `Host`.
    pub fn fixed(text: &str) -> Result<Self, HostError> {
        match HeaderValue::from_str(text) {
            Ok(value) if is_host(text) => Ok(Self::Fixed(value)),
            _ => Err(HostError),
        }
    }

    pub(super) fn host<'a>(
        &'a self,
        own: &'a HeaderValue,
        clients: Option<&'a HeaderValue>,
    ) -> &'a HeaderValue {
        match self {
            Self::Own => own,
            Self::Preserve => clients.unwrap_or(own),
            Self::Fixed(host) => host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_host_is_one_that_the_gate_would_take() {
        for host in ["app.example", "app.example:8080", "[::1]:80", "127.0.0.1"] {
            let rule = HostRule::Fixed(HeaderValue::from_static(host));
            assert_eq!(HostRule::fixed(host), Ok(rule));
        }
        for text in ["", "http://a", "a/b", "a b", "a,b", "user@a", "a\r\nx: y"] {
            assert_eq!(HostRule::fixed(text), Err(HostError), "{text:?}");
        }
    }
}
