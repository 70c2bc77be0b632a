//! The host of an endpoint, which is compared with the `Host` of a request (RFC 9110, section 7.2).
//! The framing layer has checked that header before.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    str::FromStr,
};

/// The name or address of a host in lower case, without a port.
///
/// It selects the endpoint, and so the secrets. It is not signed, but every endpoint verifies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(String);

/// The error of a text that is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host such as shop.example, without scheme, port or path")]
pub struct HostError;

/// Returns the name in a `Host` header as a [`Host`] has it: in lower case, without the port.
pub(super) fn host_name(header: &str) -> Cow<'_, str> {
    let name = without_port(header);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// Lets a look-up do without a copy of the name.
impl Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Removes the port. An IPv6 address is in brackets, so a colon behind them, or without them,
/// begins the port.
fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if crate::net::host_name::is_host_name(text) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(HostError)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_at_any_port_in_any_case() {
        let host: Host = "Shop.Example".parse().expect("a host");
        for header in ["shop.example", "SHOP.example:8443", "shop.example:"] {
            assert_eq!(host_name(header), host.0, "{header}");
        }
        for header in ["shop.example.org", "a.shop.example", "", "shop"] {
            assert_ne!(host_name(header), host.0, "{header}");
        }
        assert_eq!(host_name("[::1]:80"), "[::1]");
        for text in ["", "http://a", "a:80", "a/b", "*.example"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
