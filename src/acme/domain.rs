//! A host name that a certificate is for.

use std::{fmt, net::IpAddr, str::FromStr};

/// The maximum length of a host name.
const MAX_NAME: usize = 253;

/// The maximum length of one label of it.
const MAX_LABEL: usize = 63;

/// A host name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

/// The reason why a text is not a host name for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// The text contains a wildcard.
    #[error(
        "TLS-ALPN-01 cannot prove a wildcard; list each name, or use the files of another ACME client"
    )]
    Wildcard,
    /// The text is an IP address.
    #[error("expected a host name; an address gets no certificate here")]
    Address,
    /// The text is not a host name.
    #[error("expected a host name such as \"hooks.shop.example\" (in ASCII, without a port)")]
    Name,
}

impl Domain {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.contains('*') {
            return Err(DomainError::Wildcard);
        }
        if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return Err(DomainError::Address);
        }
        let name = text.to_ascii_lowercase();
        let is_name = name.len() <= MAX_NAME && name.split('.').all(is_label);
        is_name.then_some(Self(name)).ok_or(DomainError::Name)
    }
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_are_domains() {
        let domain = |text: &str| text.parse::<Domain>();
        for name in ["hooks.shop.example", "a", "xn--bcher-kva.example", "1a.2b"] {
            assert_eq!(domain(name).expect("a name").as_str(), name);
        }
        let upper = domain("Hooks.Shop.EXAMPLE").expect("a name");
        assert_eq!(upper.as_str(), "hooks.shop.example");
        assert_eq!(domain("*.shop.example"), Err(DomainError::Wildcard));
        for address in ["192.0.2.1", "2001:db8::1", "[2001:db8::1]"] {
            assert_eq!(domain(address), Err(DomainError::Address));
        }
        let long = [&"a".repeat(64), ".example"].concat();
        let longer = "a.".repeat(126) + "example";
        for other in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a:443",
            "https://a",
            "a/b",
            "../x",
            "-a",
            "a-",
            "a_b",
            "b\u{fc}cher.example",
            "a b",
            "a\n",
            &long,
            &longer,
        ] {
            assert_eq!(domain(other), Err(DomainError::Name), "{other}");
        }
    }
}
