//! A request's head, line by line, as it goes over the wire. Which lines there are is for `dress` to say, whose values are of
//! types that can hold no line break.

use std::{io::Write as _, net::IpAddr};

use http::{HeaderName, Method};

/// Room for nearly every head. What does not fit costs another allocation.
const ROOM: usize = 1024;

/// The lines so far.
pub(super) struct HeadLines(Vec<u8>);

impl HeadLines {
    /// The request line, whose target is these parts without anything between them.
    pub(super) fn begin(method: &Method, target: [&str; 2]) -> Self {
        let mut lines = Self(Vec::with_capacity(ROOM));
        let [first, second] = target.map(str::as_bytes);
        let method = method.as_str().as_bytes();
        lines.put(&[method, b" ", first, second, b" HTTP/1.1\r\n"]);
        lines
    }

    pub(super) fn line(&mut self, name: &HeaderName, value: &[u8]) {
        self.line_of(name, &[value]);
    }

    /// A line whose value is these parts, without anything between them.
    pub(super) fn line_of(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        self.put(&[name.as_str().as_bytes(), b": "]);
        self.put(parts);
        self.0.extend_from_slice(b"\r\n");
    }

    pub(super) fn number(&mut self, name: &HeaderName, number: u64) {
        self.put(&[name.as_str().as_bytes(), b": "]);
        // A `Vec` takes all that is written.
        let _ = write!(self.0, "{number}");
        self.0.extend_from_slice(b"\r\n");
    }

    /// The whole head.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }

    fn put(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.0.extend_from_slice(part));
    }
}

/// An address as RFC 3986 writes it, without brackets.
pub(super) fn address(address: IpAddr) -> Vec<u8> {
    match address {
        // By hand: nearly every address is one of these, and the general formatter takes as long as half a head.
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
        let long = "x".repeat(2 * ROOM);
        let mut lines = HeadLines::begin(&Method::PUT, ["/a", "?b"]);
        lines.line(&HOST, b"app");
        lines.number(&CONTENT_LENGTH, 12_345);
        lines.line_of(&VIA, &[b"a", b"b", long.as_bytes()]);
        let head = String::from_utf8(lines.end()).expect("ASCII");
        let expected = format!(
            "PUT /a?b HTTP/1.1\r\nhost: app\r\ncontent-length: 12345\r\nvia: ab{long}\r\n\r\n"
        );
        assert_eq!(head, expected);
    }
}
