//! The source of a request: the address that limits per client count against.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use http::HeaderMap;

use crate::net::{forwarded::ForwardedHeaders, peer::Peer, trusted_hops::TrustedHops};

/// One source of requests. An owner of an IPv6 address usually has its whole /64, so a /64 is one
/// source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Any client of the gate's Unix socket.
    Unix,
    /// An IPv4 address, or the first address of an IPv6 /64.
    Address(IpAddr),
}

/// The text names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSource;

impl Source {
    /// Returns the source of a request: its peer or, behind a trusted hop, the client that the hop
    /// names.
    pub(crate) fn of(peer: &Peer, headers: &HeaderMap, trusted: &TrustedHops) -> Self {
        let client = if trusted.trusts(peer) {
            ForwardedHeaders::read(headers, peer).client(trusted)
        } else {
            None
        };
        match (client, peer) {
            (Some(address), _) => address.into(),
            (None, Peer::Tcp(address)) => address.ip().into(),
            (None, Peer::Unix) => Self::Unix,
        }
    }
}

fn prefix_64(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => prefix_64(address).into(),
            address => address,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix"),
            Self::Address(address @ IpAddr::V4(_)) => address.fmt(f),
            Self::Address(address @ IpAddr::V6(_)) => write!(f, "{address}/64"),
        }
    }
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let address = text.strip_suffix("/64").unwrap_or(text);
        address
            .parse::<IpAddr>()
            .map(Self::from)
            .map_err(|_| UnknownSource)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::net::trusted_hops::Hop;

    fn of_headers(peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let trusted: TrustedHops = ["10.0.0.0/8", "unix"]
            .iter()
            .map(|hop| hop.parse::<Hop>().expect("a hop"))
            .collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let peer = match peer {
            "unix" => Peer::Unix,
            address => Peer::Tcp(SocketAddr::new(address.parse().expect("an address"), 1)),
        };
        Source::of(&peer, &headers, &trusted).to_string()
    }

    fn of(peer: &str, forwarded: &[&'static str]) -> String {
        let lines: Vec<_> = forwarded.iter().map(|v| ("x-forwarded-for", *v)).collect();
        of_headers(peer, &lines)
    }

    #[test]
    fn only_a_trusted_hop_names_the_client() {
        assert_eq!(of("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("unix", &["198.51.100.1:80"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("unix", &["unknown"]), "unix");
    }

    #[test]
    fn every_header_of_a_trusted_hop_counts() {
        for lines in [
            [("forwarded", "for=203.0.113.9, for=198.51.100.1;proto=https")],
            [(
                "forwarded",
                "for=203.0.113.9, for=\"198.51.100.1:80\", for=10.0.0.2",
            )],
            [("x-real-ip", "198.51.100.1")],
        ] {
            assert_eq!(of_headers("10.0.0.1", &lines), "198.51.100.1", "{lines:?}");
            assert_eq!(of_headers("192.0.2.1", &lines), "192.0.2.1", "{lines:?}");
        }
        let ipv6 = [("forwarded", "for=\"[2001:db8:1:2:3::4]:80\"")];
        assert_eq!(of_headers("unix", &ipv6), "2001:db8:1:2::/64");
        let both = [
            ("forwarded", "for=203.0.113.9"),
            ("x-forwarded-for", "198.51.100.1"),
        ];
        assert_eq!(of_headers("unix", &both), "198.51.100.1");
        for line in ["for=\"203.0.113.9", "for=_hidden", "for=unknown"] {
            assert_eq!(of_headers("10.0.0.1", &[("forwarded", line)]), "10.0.0.1");
        }
    }

    #[test]
    fn addresses_that_a_client_puts_before_its_own_do_not_count() {
        let forged = ["203.0.113.9, 198.51.100.1"];
        assert_eq!(of("10.0.0.1", &forged), "198.51.100.1");
        let two_hops = ["203.0.113.9", "198.51.100.1", "10.0.0.2"];
        assert_eq!(of("10.0.0.1", &two_hops), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        let odd = ["198.51.100.1, odd, 10.0.0.2"];
        assert_eq!(of("10.0.0.1", &odd), "10.0.0.2");
    }

    #[test]
    fn an_ipv6_source_is_a_64_and_a_mapped_address_its_ipv4() {
        assert_eq!(of("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::/64");
        assert_eq!(of("::ffff:192.0.2.1", &[]), "192.0.2.1");
        for text in ["unix", "192.0.2.1", "2001:db8:1:2::/64"] {
            let source: Source = text.parse().expect(text);
            assert_eq!(source.to_string(), text);
        }
        assert!("nobody".parse::<Source>().is_err());
    }
}
