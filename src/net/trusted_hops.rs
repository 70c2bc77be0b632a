//! The hops before this gate that are trusted to describe the client.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::net::peer::Peer;

/// The proxies before this gate whose `X-Forwarded-*` and `Forwarded` are passed on. Any other
/// client could forge these headers, so they are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedHops {
    networks: Vec<IpNet>,
    unix: bool,
}

/// A trusted hop: an address, a network, or `unix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// An address or a network.
    Network(IpNet),
    /// Any client of the gate's Unix socket.
    Unix,
}

/// The text names neither an address, nor a network, nor `unix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address (10.0.0.7), a network (10.0.0.0/8) or `unix`")]
pub struct HopError;

impl FromStr for Hop {
    type Err = HopError;

    fn from_str(text: &str) -> Result<Self, HopError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self::Network)
            .map_err(|_| HopError)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl FromIterator<Hop> for TrustedHops {
    fn from_iter<I: IntoIterator<Item = Hop>>(hops: I) -> Self {
        let mut trusted = Self::default();
        for hop in hops {
            match hop {
                Hop::Network(network) => trusted.networks.push(network),
                Hop::Unix => trusted.unix = true,
            }
        }
        trusted
    }
}

impl TrustedHops {
    /// Returns whether this peer is trusted.
    #[must_use]
    pub fn trusts(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Unix => self.unix,
            Peer::Tcp(address) => self.trusts_address(address.ip()),
        }
    }

    /// Whether the address is that of a trusted hop.
    pub(crate) fn trusts_address(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}
