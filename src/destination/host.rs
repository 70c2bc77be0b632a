//! The `Host` that a destination receives. The certificate of an `https` destination is always
//! checked against the name in its URL.

use http::HeaderValue;

use crate::net::host_name::is_host;

/// The `Host` that a destination receives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostRule {
    /// The host of its URL.
    #[default]
    Own,
    /// The `Host` of the client.
    Preserve,
    /// This value: see [`HostRule::fixed`].
    Fixed(HeaderValue),
}

/// The text is not a valid `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or address, with a port if need be, such as app.example:8080")]
pub struct HostError;

impl HostRule {
    /// Creates a rule that always sends `text`.
    ///
    /// # Errors
    ///
    /// When the gate itself would reject a request with this `Host`.
    pub fn fixed(text: &str) -> Result<Self, HostError> {
        match HeaderValue::from_str(text) {
            Ok(value) if is_host(text) => Ok(Self::Fixed(value)),
            _ => Err(HostError),
        }
    }

    /// Selects the `Host` from the destination's own and the client's.
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
