//! The host that an endpoint belongs to, compared with a request's `Host` (RFC 9110, section 7.2). Whether that header is
//! well-formed was judged before; which endpoint is chosen is `route`'s.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    str::FromStr,
};

/// A host's name or address in small letters, without a port.
///
/// It chooses whose secret is tried. It is not signed, so it never chooses whether one is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(String);

/// The text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host such as shop.example, without scheme, port or path")]
pub struct HostError;

/// The name in a `Host` header's value, as a [`Host`] has it: at whatever port, in small letters.
pub(super) fn host_name(header: &str) -> Cow<'_, str> {
    let name = without_port(header);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// So that a look-up needs no copy of the name.
impl Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
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
