//! A request as the gate wrote it, parsed as strictly as possible.

use std::io;

use crate::{
    reading::{Headers, Reading, sha256},
    support::wire::{Wire, read_head, read_some},
};

/// A request, and its bytes.
pub(crate) struct Delivered {
    pub(crate) raw: Vec<u8>,
    pub(crate) head: usize,
    /// The place at which the servers receive it in two pieces.
    pub(crate) cut: usize,
    pub(crate) reading: Reading,
}

impl Delivered {
    /// Reads a request. Returns none at the end of the connection.
    ///
    /// # Panics
    ///
    /// When a byte is not as RFC 9112 has it at its strictest.
    pub(crate) fn read(stream: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let Some(head) = read_head(stream, buffer)? else {
            assert!(buffer.is_empty(), "a torn head");
            return Ok(None);
        };
        let (method, target, headers) = parse(&buffer[..head]);
        let length = match headers.get("content-length").map(Vec::as_slice) {
            Some([length]) => std::str::from_utf8(length).expect("digits"),
            lengths => panic!("lengths {lengths:?}"),
        };
        let whole = head + length.parse::<usize>().expect("a length");
        while buffer.len() < whole {
            if !read_some(stream, buffer)? {
                return Ok(None);
            }
        }
        let raw: Vec<u8> = buffer.drain(..whole).collect();
        let body = sha256(&raw[head..]);
        Ok(Some(Self {
            cut: raw.len(),
            raw,
            head,
            reading: Reading {
                method,
                target,
                headers,
                body,
            },
        }))
    }

    /// Returns the only value of a header.
    pub(crate) fn header(&self, name: &str) -> &[u8] {
        match self.reading.headers.get(name).map(Vec::as_slice) {
            Some([value]) => value,
            values => panic!("{name}: {values:?}"),
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.raw[self.head..]
    }

    /// Returns the path and the query of the target, as text.
    pub(crate) fn target(&self) -> (&str, Option<&str>) {
        let target = std::str::from_utf8(&self.reading.target).expect("ASCII");
        match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        }
    }
}

fn parse(head: &[u8]) -> (Vec<u8>, Vec<u8>, Headers) {
    let text = head.strip_suffix(b"\r\n\r\n").expect("a whole head");
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r'), "a bare CR: {}", line.escape_ascii());
        line
    });
    assert_eq!(
        text.iter().filter(|byte| **byte == b'\n').count(),
        text.windows(2).filter(|two| *two == b"\r\n").count(),
        "a bare LF: {}",
        text.escape_ascii()
    );
    let first = lines.next().expect("a request line");
    let words: Vec<_> = first.split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = words[..] else {
        panic!("request line {}", first.escape_ascii());
    };
    let mut headers = Headers::new();
    for line in lines {
        let wrong = || format!("header line {}", line.escape_ascii());
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or_else(|| panic!("{}", wrong())));
        let is_name =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        assert!(!name.is_empty() && name.iter().all(is_name), "{}", wrong());
        let value = value
            .strip_prefix(b": ")
            .unwrap_or_else(|| panic!("{}", wrong()));
        let is_text = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
        assert!(value.iter().all(is_text), "{}", wrong());
        let name = String::from_utf8(name.to_vec()).expect("ASCII");
        headers.entry(name).or_default().push(value.to_vec());
    }
    (method.to_vec(), target.to_vec(), headers)
}
