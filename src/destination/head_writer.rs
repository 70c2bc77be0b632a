//! Writes the head of a request.

use http::{HeaderName, Method};

use super::head_buffer::HeadBuffer;

/// A head under construction. Its values have types that cannot hold a line break.
pub(super) struct HeadWriter(HeadBuffer);

impl HeadWriter {
    /// Writes the request line. The target consists of both parts, without a separator.
    pub(super) fn new(method: &Method, target: [&str; 2]) -> Self {
        let mut writer = Self(HeadBuffer::new());
        writer.put(method.as_str().as_bytes());
        writer.put(b" ");
        for part in target {
            writer.put(part.as_bytes());
        }
        writer.put(b" HTTP/1.1\r\n");
        writer
    }

    #[inline]
    pub(super) fn header(&mut self, name: &HeaderName, value: &[u8]) {
        self.begin(name);
        self.put(value);
        self.end();
    }

    #[inline]
    pub(super) fn number(&mut self, name: &HeaderName, number: u64) {
        self.header(name, itoa::Buffer::new().format(number).as_bytes());
    }

    /// Begins a header, whose value [`Self::put`] writes and [`Self::end`] ends.
    #[inline]
    pub(super) fn begin(&mut self, name: &HeaderName) {
        self.put(name.as_str().as_bytes());
        self.put(b": ");
    }

    #[inline]
    pub(super) fn put(&mut self, part: &[u8]) {
        self.0.extend_from_slice(part);
    }

    #[inline]
    pub(super) fn end(&mut self) {
        self.put(b"\r\n");
    }

    /// Returns the complete head.
    pub(super) fn finish(mut self) -> HeadBuffer {
        self.put(b"\r\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_LENGTH, HOST, VIA};

    use super::*;

    #[test]
    fn a_head_reads_as_rfc_9112_has_it_also_beyond_its_room() {
        let long = "x".repeat(2048);
        let mut writer = HeadWriter::new(&Method::PUT, ["/a", "?b"]);
        writer.header(&HOST, b"app");
        writer.number(&CONTENT_LENGTH, 12_345);
        writer.begin(&VIA);
        for part in ["a", "b", &*long] {
            writer.put(part.as_bytes());
        }
        writer.end();
        let head = String::from_utf8(writer.finish().to_vec()).expect("ASCII");
        let expected = format!(
            "PUT /a?b HTTP/1.1\r\nhost: app\r\ncontent-length: 12345\r\nvia: ab{long}\r\n\r\n"
        );
        assert_eq!(head, expected);
    }
}
