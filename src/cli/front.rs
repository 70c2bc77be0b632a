//! The public side of a new gate: an address without TLS, or a host name with certificates.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use crate::{
    acme::{Domain, DomainError},
    net::listener::ListenAddress,
};

/// The public side of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Front {
    /// An address without TLS, on this machine or behind a proxy.
    Plain(ListenAddress),
    /// Port 443 of a public host name, with automatic certificates.
    Https(Domain),
}

/// The text is neither an address nor a host name.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected ADDRESS:PORT (127.0.0.1:8080, :8080), unix:/path, or a public host name such as hooks.shop.example"
)]
pub struct FrontError;

/// Parses an address, which has a colon, or a host name with a dot.
impl FromStr for Front {
    type Err = FrontError;

    fn from_str(text: &str) -> Result<Self, FrontError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Plain(address));
        }
        let domain: Result<Domain, DomainError> = text.parse();
        let domain = domain.ok().filter(|_| text.contains('.'));
        domain.map(Self::Https).ok_or(FrontError)
    }
}

impl Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => address.fmt(f),
            Self::Https(domain) => domain.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_host_name() {
        for text in [
            "127.0.0.1:8080",
            ":80",
            "unix:/a",
            "systemd",
            "gate.example:80",
        ] {
            assert!(matches!(text.parse(), Ok(Front::Plain(_))), "{text}");
        }
        let https = Front::Https("hooks.shop.example".parse().expect("a name"));
        assert_eq!(
            "Hooks.shop.example".parse::<Front>().expect("a name"),
            https
        );
        for text in [
            "",
            "8080",
            "localhost",
            "10.0.0.1",
            "https://a.example",
            "*.a.example",
        ] {
            assert!(text.parse::<Front>().is_err(), "{text}");
        }
    }
}
