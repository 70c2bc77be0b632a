//! The peer of a connection.

use std::{
    fmt,
    io::Write as _,
    net::{IpAddr, SocketAddr},
};

/// The other end of an accepted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP client.
    Tcp(SocketAddr),
    /// A client of a Unix socket.
    Unix,
}

/// The length of the longest IPv6 address.
const LONGEST: usize = 45;

/// The text of a peer, made without the general formatter.
#[derive(Debug)]
pub(crate) struct PeerText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Peer {
    /// Returns the address without the port, or `unix`.
    pub(crate) fn text(&self) -> PeerText {
        match self {
            Self::Tcp(address) => PeerText::of_address(address.ip().to_canonical()),
            Self::Unix => {
                let mut text = PeerText::empty();
                text.push(b"unix");
                text
            }
        }
    }
}

impl PeerText {
    fn empty() -> Self {
        Self {
            bytes: [0; LONGEST],
            length: 0,
        }
    }

    /// Returns an address as RFC 3986 writes it, without brackets.
    pub(crate) fn of_address(address: IpAddr) -> Self {
        let mut text = Self::empty();
        match address {
            IpAddr::V4(address) => text.push_octets(address.octets()),
            IpAddr::V6(address) => text.push_fmt(format_args!("{address}")),
        }
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    fn push_octets(&mut self, octets: [u8; 4]) {
        let mut digits = itoa::Buffer::new();
        for (index, octet) in octets.into_iter().enumerate() {
            if index > 0 {
                self.push(b".");
            }
            self.push(digits.format(octet).as_bytes());
        }
    }

    fn push_fmt(&mut self, text: fmt::Arguments<'_>) {
        let mut rest = &mut self.bytes[self.length..];
        let room = rest.len();
        let _ = rest.write_fmt(text);
        self.length += room - rest.len();
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_peer_is_that_of_its_canonical_address() {
        let longest = "2001:db8:1234:5678:9abc:def0:1234:5678";
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "203.0.113.255",
            "::",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "::192.0.2.1",
            longest,
        ] {
            let ip: IpAddr = address.parse().expect("an address");
            let peer = Peer::Tcp(SocketAddr::new(ip, 4711));
            let expected = ip.to_canonical().to_string();
            assert_eq!(peer.text().as_str(), expected);
            assert_eq!(peer.to_string(), expected);
        }
        assert_eq!(Peer::Unix.to_string(), "unix");
    }
}
