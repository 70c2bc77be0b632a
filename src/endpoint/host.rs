//! The host that an endpoint belongs to, compared with a request's `Host` (RFC 9110, section 7.2). Whether that header is
//! well-formed was judged before; which endpoint is chosen is `route`'s.

use std::{fmt, str::FromStr};

/// A host's name or address in small letters, without a port.
///
/// It chooses whose secret is tried. It is not signed, so it never chooses whether one is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(String);

/// The text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host such as shop.example, without scheme, port or path")]
pub struct HostError;

impl Host {
    /// Whether a `Host` header's value names it, at whatever port.
    #[must_use]
    pub fn is(&self, header: &str) -> bool {
        without_port(header).eq_ignore_ascii_case(&self.0)
    }
}

/// An IPv6 address stands in brackets, so a colon after them, or without them, is the port's.
fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if crate::framing::is_host_name(text) {
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
            assert!(host.is(header), "{header}");
        }
        for header in ["shop.example.org", "a.shop.example", "", "shop"] {
            assert!(!host.is(header), "{header}");
        }
        assert!("[::1]".parse::<Host>().expect("a host").is("[::1]:80"));
        for text in ["", "http://a", "a:80", "a/b", "*.example"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
