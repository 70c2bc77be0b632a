//! Writes the head of a request.

use std::{io::Write as _, net::IpAddr};

use http::{HeaderName, Method};

/// The initial capacity, which is enough for nearly every head. A longer one allocates again.
const CAPACITY: usize = 1024;

/// A head under construction. Its values have types that cannot hold a line break.
pub(super) struct HeadWriter(Vec<u8>);

impl HeadWriter {
    /// Writes the request line. The target consists of both parts, without a separator.
    pub(super) fn new(method: &Method, target: [&str; 2]) -> Self {
        let mut writer = Self(Vec::with_capacity(CAPACITY));
        let [first, second] = target.map(str::as_bytes);
        let method = method.as_str().as_bytes();
        writer.put(&[method, b" ", first, second, b" HTTP/1.1\r\n"]);
        writer
    }

    pub(super) fn header(&mut self, name: &HeaderName, value: &[u8]) {
        self.header_of(name, &[value]);
    }

    /// Writes a header whose value consists of `parts`, without separators.
    pub(super) fn header_of(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        self.put(&[name.as_str().as_bytes(), b": "]);
        self.put(parts);
        self.0.extend_from_slice(b"\r\n");
    }

    pub(super) fn number(&mut self, name: &HeaderName, number: u64) {
        self.put(&[name.as_str().as_bytes(), b": "]);
        write!(self.0, "{number}").expect("writing to a Vec cannot fail");
        self.0.extend_from_slice(b"\r\n");
    }

    /// Returns the complete head.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }

    fn put(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.0.extend_from_slice(part));
    }
}

/// Returns an address as RFC 3986 writes it, without brackets.
pub(super) fn address(address: IpAddr) -> Vec<u8> {
    match address {
        // Nearly every address is IPv4, and the standard formatter takes as long as half a head.
        IpAddr::V4(address) => {
            let mut text = Vec::with_capacity("255.255.255.255".len());
            let [first, rest @ ..] = address.octets();
            put_number(&mut text, first);
            for octet in rest {
                text.push(b'.');
                put_number(&mut text, octet);
            }
            text
        }
        IpAddr::V6(address) => address.to_string().into_bytes(),
    }
}

fn put_number(text: &mut Vec<u8>, number: u8) {
    let digits = [number / 100, number / 10 % 10, number % 10].map(|digit| b'0' + digit);
    let zeros = digits[..2].iter().take_while(|digit| **digit == b'0');
    let zeros = zeros.count();
    text.extend_from_slice(&digits[zeros..]);
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_LENGTH, HOST, VIA};

    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for text in [
            "0.0.0.0",
            "1.20.100.255",
            "10.0.10.9",
            "203.0.113.99",
            "::1",
            "2001:db8::a:0:9",
        ] {
            let written = address(text.parse().expect("an address"));
            assert_eq!(written, text.as_bytes());
        }
    }

    #[test]
    fn a_head_reads_as_rfc_9112_has_it_also_beyond_its_room() {
        let long = "x".repeat(2 * CAPACITY);
        let mut writer = HeadWriter::new(&Method::PUT, ["/a", "?b"]);
        writer.header(&HOST, b"app");
        writer.number(&CONTENT_LENGTH, 12_345);
        writer.header_of(&VIA, &[b"a", b"b", long.as_bytes()]);
        let head = String::from_utf8(writer.finish()).expect("ASCII");
        let expected = format!(
            "PUT /a?b HTTP/1.1\r\nhost: app\r\ncontent-length: 12345\r\nvia: ab{long}\r\n\r\n"
        );
        assert_eq!(head, expected);
    }
}
