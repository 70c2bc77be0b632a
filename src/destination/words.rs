//! The values of what an attempt adds to a delivery's headers, written one behind the other into one buffer, of which each
//! gets a slice: most differ from delivery to delivery, and a dozen small allocations cost more than all that is in them.
//! Which words go where is `dress`'s and `trace`'s.

use std::net::IpAddr;

use bytes::{BufMut as _, BytesMut};
use http::HeaderValue;

/// Room for the words of nearly every delivery. What does not fit costs another allocation.
const ROOM: usize = 512;

/// Makes header values.
pub(super) struct Words(BytesMut);

impl Words {
    pub(super) fn new() -> Self {
        Self(BytesMut::with_capacity(ROOM))
    }

    /// These parts without anything between them; none if no header can hold them.
    pub(super) fn value(&mut self, parts: &[&[u8]]) -> Option<HeaderValue> {
        parts.iter().for_each(|part| self.0.put_slice(part));
        self.finish()
    }

    /// An address as RFC 3986 writes it, without brackets.
    pub(super) fn address(&mut self, address: IpAddr) -> Option<HeaderValue> {
        match address {
            // By hand: nearly every address is one of these, and the general formatter takes as long as all other words.
            IpAddr::V4(address) => {
                let [first, rest @ ..] = address.octets();
                self.put_number(first);
                for octet in rest {
                    self.0.put_u8(b'.');
                    self.put_number(octet);
                }
            }
            IpAddr::V6(address) => self.0.put_slice(address.to_string().as_bytes()),
        }
        self.finish()
    }

    fn put_number(&mut self, number: u8) {
        let digits = [number / 100, number / 10 % 10, number % 10].map(|digit| b'0' + digit);
        let zeros = digits[..2].iter().take_while(|digit| **digit == b'0');
        let zeros = zeros.count();
        self.0.put_slice(&digits[zeros..]);
    }

    fn finish(&mut self) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(self.0.split().freeze()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        let mut words = Words::new();
        for text in [
            "0.0.0.0",
            "1.20.100.255",
            "10.0.10.9",
            "203.0.113.99",
            "::1",
            "2001:db8::a:0:9",
        ] {
            let address = text.parse().expect("an address");
            assert_eq!(words.address(address).expect("plain ASCII"), text);
        }
    }

    #[test]
    fn values_stand_for_themselves_also_beyond_the_room() {
        let mut words = Words::new();
        let long = vec![b'x'; ROOM];
        let first = words.value(&[b"a", b"b"]);
        let second = words.value(&[&long]);
        assert_eq!(words.value(&[b"a\nb"]), None);
        assert_eq!(first.expect("a value"), "ab");
        assert_eq!(second.expect("a value").as_bytes(), long);
    }
}
