//! Reads the header lines of a response. It repairs them as RFC 9112 requires of a proxy: it
//! removes whitespace before a colon (section 5.1) and replaces a line fold with a space (section
//! 5.2). It drops a line that is not a header.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, SERVER, TRANSFER_ENCODING,
    },
};

use super::header_fault::HeaderFault;

/// A header line, including its folded lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderLine {
    /// A header, and the repaired fault.
    Header(HeaderName, HeaderValue, Option<HeaderFault>),
    /// A dropped line.
    Dropped(HeaderFault),
}

/// Iterates over the header lines of a complete head.
pub(super) struct HeaderLines<'a> {
    head: &'a Bytes,
    /// The lines that were not read yet.
    rest: &'a [u8],
}

impl<'a> HeaderLines<'a> {
    /// Separates the status line from the header lines.
    pub(super) fn of(head: &'a Bytes) -> (&'a [u8], Self) {
        let mut lines = Self { head, rest: head };
        let first = lines.line().unwrap_or_default();
        (first, lines)
    }

    /// Takes the next line, without its end. A single line feed also ends a line (RFC 9112, section
    /// 2.2).
    fn line(&mut self) -> Option<&'a [u8]> {
        let feed = memchr::memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at(feed + 1);
        self.rest = rest;
        let line = &line[..feed];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn is_folded(&self) -> bool {
        self.rest.first().is_some_and(|byte| is_blank(*byte))
    }

    /// Appends the lines that are folded into `first`.
    fn unfold(&mut self, first: &'a [u8]) -> Cow<'a, [u8]> {
        let mut whole = Cow::Borrowed(first);
        while self.is_folded() {
            let Some(line) = self.line() else { break };
            let whole = whole.to_mut();
            whole.truncate(trim_end(whole).len());
            whole.push(b' ');
            whole.extend_from_slice(trim(line));
        }
        whole
    }

    /// Reads a line with its folded lines. Its colon must be in the first of them, because only a value
    /// may be folded (RFC 9112, section 5.2).
    fn read(&self, first: &[u8], line: &[u8], is_folded: bool) -> HeaderLine {
        let (name, value) = match memchr::memchr(b':', first) {
            _ if line.first().is_some_and(|byte| is_blank(*byte)) => {
                return dropped("whitespace before the name", None, line);
            }
            None => return dropped("a line without a colon", None, line),
            Some(colon) => (&line[..colon], trim(&line[colon + 1..])),
        };
        let spaced = name.last().is_some_and(|byte| is_blank(*byte));
        let name = trim_end(name);
        let Some(name) = usual_name(name).or_else(|| HeaderName::from_bytes(name).ok()) else {
            return dropped("an invalid name", None, line);
        };
        let value = if is_folded {
            HeaderValue::from_bytes(value)
        } else {
            // Shares the memory of the head instead of copying the value.
            HeaderValue::from_maybe_shared(self.head.slice_ref(value))
        };
        let Ok(value) = value else {
            return dropped("control characters in the value", Some(name), line);
        };
        let problem = if spaced {
            Some("whitespace before the colon")
        } else {
            is_folded.then_some("a folded line")
        };
        let fault = problem.map(|problem| HeaderFault {
            problem,
            header: Some(name.clone()),
            is_framing: false,
        });
        HeaderLine::Header(name, value, fault)
    }
}

impl Iterator for HeaderLines<'_> {
    type Item = HeaderLine;

    fn next(&mut self) -> Option<HeaderLine> {
        let first = self.line().filter(|line| !line.is_empty())?;
        let whole = self.unfold(first);
        Some(self.read(first, &whole, matches!(whole, Cow::Owned(_))))
    }
}

/// Returns a name of nearly every response, in one of its two usual spellings. The general parser
/// takes 200 instructions longer.
fn usual_name(name: &[u8]) -> Option<HeaderName> {
    Some(match name {
        b"Cache-Control" | b"cache-control" => CACHE_CONTROL,
        b"Connection" | b"connection" => CONNECTION,
        b"Content-Length" | b"content-length" => CONTENT_LENGTH,
        b"Content-Type" | b"content-type" => CONTENT_TYPE,
        b"Date" | b"date" => DATE,
        b"Server" | b"server" => SERVER,
        b"Transfer-Encoding" | b"transfer-encoding" => TRANSFER_ENCODING,
        _ => return None,
    })
}

/// Returns the index after a header section, which ends with its first empty line.
pub(super) fn section_end(bytes: &[u8], mut from: usize) -> Option<usize> {
    while let Some(feed) = memchr::memchr(b'\n', bytes.get(from..)?) {
        from += feed + 1;
        match bytes.get(from..)? {
            [b'\n', ..] => return Some(from + 1),
            [b'\r', b'\n', ..] => return Some(from + 2),
            _ => {}
        }
    }
    None
}

fn dropped(problem: &'static str, header: Option<HeaderName>, line: &[u8]) -> HeaderLine {
    HeaderLine::Dropped(HeaderFault {
        problem,
        header,
        is_framing: may_frame(line),
    })
}

/// Returns whether an unreadable line may have been meant as framing of the body.
fn may_frame(line: &[u8]) -> bool {
    let line = trim(line);
    [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| {
        let name = name.as_str().as_bytes();
        line.get(..name.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    })
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim(text: &[u8]) -> &[u8] {
    let text = trim_end(text);
    let blank = text.iter().take_while(|byte| is_blank(**byte)).count();
    &text[blank..]
}

fn trim_end(text: &[u8]) -> &[u8] {
    let blank = text.iter().rev().take_while(|byte| is_blank(**byte));
    &text[..text.len() - blank.count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each line as `name=value`, or as `-` if it is dropped, with its fault.
    fn read(text: &str) -> Vec<(String, Option<&'static str>)> {
        let head = Bytes::from(format!("HTTP/1.1 200 OK\r\n{text}\r\n\r\n"));
        let (first, lines) = HeaderLines::of(&head);
        assert_eq!(first, b"HTTP/1.1 200 OK");
        let lines = lines.map(|line| match line {
            HeaderLine::Header(name, value, fault) => {
                let value = value.as_bytes().escape_ascii();
                (format!("{name}={value}"), fault.map(|fault| fault.problem))
            }
            HeaderLine::Dropped(fault) => {
                let framing = if fault.is_framing { "framing" } else { "-" };
                (framing.to_owned(), Some(fault.problem))
            }
        });
        lines.collect()
    }

    #[test]
    fn a_line_is_read_repaired_or_dropped() {
        for (text, line, problem) in [
            ("X-A: b", "x-a=b", None),
            ("X-A:\t b \t", "x-a=b", None),
            ("X-A:", "x-a=", None),
            ("X-A: b:c", "x-a=b:c", None),
            ("X-A : b", "x-a=b", Some("whitespace before the colon")),
            ("X-A \t: b", "x-a=b", Some("whitespace before the colon")),
            ("X-A: b \r\n\t c", "x-a=b c", Some("a folded line")),
            ("X-A:\n b\n c\r\n ", "x-a=b c", Some("a folded line")),
            ("no colon", "-", Some("a line without a colon")),
            ("no colon\r\n a: b", "-", Some("a line without a colon")),
            ("X-A\r\n : b", "-", Some("a line without a colon")),
            ("X-A: b\n : c", "x-a=b : c", Some("a folded line")),
            (
                "Content-Length\r\n : 5",
                "framing",
                Some("a line without a colon"),
            ),
            ("X A: b", "-", Some("an invalid name")),
            (": b", "-", Some("an invalid name")),
            (" X-A: b", "-", Some("whitespace before the name")),
            ("X-A: \0", "-", Some("control characters in the value")),
            ("X-A: b\rc", "-", Some("control characters in the value")),
            (
                "Content-Length 5",
                "framing",
                Some("a line without a colon"),
            ),
            (
                " transfer-encoding: chunked",
                "framing",
                Some("whitespace before the name"),
            ),
            (
                "Content-Length: 5\0",
                "framing",
                Some("control characters in the value"),
            ),
        ] {
            assert_eq!(read(text), [(line.to_owned(), problem)], "{text:?}");
        }
    }

    #[test]
    fn a_usual_name_is_read_as_the_general_parser_reads_it() {
        for name in [
            "Cache-Control",
            "Connection",
            "Content-Length",
            "Content-Type",
            "Date",
            "Server",
            "Transfer-Encoding",
        ] {
            for name in [name.to_owned(), name.to_ascii_lowercase()] {
                let parsed = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                assert_eq!(usual_name(name.as_bytes()), Some(parsed));
            }
        }
        assert_eq!(usual_name(b"X-Mine"), None);
    }

    #[test]
    fn each_line_is_read_for_itself() {
        let lines = read("A: 1\r\nbroken\r\nB : 2\nC: 3");
        let lines: Vec<_> = lines.into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, ["a=1", "-", "b=2", "c=3"]);
    }
}
