//! Who a kept delivery is counted against: the client's address as far as it is believed.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use http::HeaderMap;

use crate::net::{peer::Peer, trusted_hops::TrustedHops};

/// One source of deliveries. Whoever has an IPv6 address has its whole /64, so that is one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Whoever uses the gate's Unix socket.
    Unix,
    /// An IPv4 address, or the first of an IPv6 /64.
    Address(IpAddr),
}

/// Sources that one owner may have all of: an IPv4 /16 or an IPv6 /32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    Unix,
    Address(IpAddr),
}

/// The text is no source as a kept delivery names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSource;

impl Source {
    /// The source of a request: its peer, or who a trusted hop says that it speaks for.
    pub(crate) fn of(peer: &Peer, headers: &HeaderMap, trusted: &TrustedHops) -> Self {
        let said = trusted
            .trusts(peer)
            .then(|| forwarded_for(headers, trusted));
        match (said.flatten(), peer) {
            (Some(address), _) => address.into(),
            (None, Peer::Tcp(address)) => address.ip().into(),
            (None, Peer::Unix) => Self::Unix,
        }
    }

    pub(crate) fn network(self) -> Network {
        match self {
            Self::Unix => Network::Unix,
            Self::Address(IpAddr::V4(address)) => {
                let [first, second, ..] = address.octets();
                Network::Address([first, second, 0, 0].into())
            }
            Self::Address(IpAddr::V6(address)) => Network::Address(prefix(address, 32).into()),
        }
    }
}

/// The last address in `X-Forwarded-For` that is not itself a trusted hop: each hop appends whom it
/// heard, and what stands before the first stranger's entry is the stranger's to choose.
fn forwarded_for(headers: &HeaderMap, trusted: &TrustedHops) -> Option<IpAddr> {
    let mut last = None;
    let values = headers.get_all("x-forwarded-for").iter().rev();
    for entry in values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(address) = address(entry) else {
            break;
        };
        last = Some(address);
        if !trusted.trusts(&Peer::Tcp(SocketAddr::new(address, 0))) {
            break;
        }
    }
    last
}

/// An address, with or without a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    text.parse()
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()))
        .ok()
}

fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => prefix(address, 64).into(),
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
    use super::*;

    use crate::net::trusted_hops::Hop;

    fn of(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = ["10.0.0.0/8", "unix"];
        let trusted: TrustedHops = trusted
            .iter()
            .map(|hop| hop.parse::<Hop>().expect("a hop"))
            .collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(value));
        }
        let peer = match peer {
            "unix" => Peer::Unix,
            address => Peer::Tcp(SocketAddr::new(address.parse().expect("an address"), 1)),
        };
        Source::of(&peer, &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_hop_says_whom_it_speaks_for() {
        assert_eq!(of("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("unix", &["198.51.100.1:80"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("unix", &["unknown"]), "unix");
    }

    #[test]
    fn what_a_client_puts_before_its_own_address_does_not_count() {
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

    #[test]
    fn what_one_owner_may_have_all_of_is_one_network() {
        let network = |text: &str| text.parse::<Source>().expect("a source").network();
        assert_eq!(network("2001:db8:1::/64"), network("2001:db8:ffff::/64"));
        assert_ne!(network("2001:db8:1::/64"), network("2001:db9:1::/64"));
        assert_eq!(network("192.0.2.1"), network("192.0.77.1"));
        assert_ne!(network("192.0.2.1"), network("192.1.2.1"));
    }
}
