//! An address as text, without an allocation.

use std::{io::Write as _, net::IpAddr};

/// The longest text is an IPv6 address that embeds an IPv4 address.
const MAX: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

/// An address as RFC 3986 writes it, without brackets.
pub(super) struct AddressText {
    text: [u8; MAX],
    length: usize,
}

impl AddressText {
    pub(super) fn new(address: IpAddr) -> Self {
        let mut text = Self {
            text: [0; MAX],
            length: 0,
        };
        match address {
            // Nearly every address is IPv4, and the standard formatter takes as long as half a
            // head.
            IpAddr::V4(address) => text.write_octets(address.octets()),
            IpAddr::V6(address) => {
                let mut rest = &mut text.text[..];
                write!(rest, "{address}").expect("the longest address fits");
                text.length = MAX - rest.len();
            }
        }
        text
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }

    fn write_octets(&mut self, octets: [u8; 4]) {
        for (index, octet) in octets.into_iter().enumerate() {
            if index > 0 {
                self.push(b'.');
            }
            if octet >= 100 {
                self.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                self.push(b'0' + octet / 10 % 10);
            }
            self.push(b'0' + octet % 10);
        }
    }

    fn push(&mut self, byte: u8) {
        self.text[self.length] = byte;
        self.length += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for text in [
            "0.0.0.0",
            "1.20.100.255",
            "10.0.10.9",
            "203.0.113.99",
            "255.255.255.255",
            "::1",
            "::ffff:255.255.255.255",
            "2001:db8::a:0:9",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            let written = AddressText::new(text.parse().expect("an address"));
            assert_eq!(written.as_bytes(), text.as_bytes());
        }
    }
}
