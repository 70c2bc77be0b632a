//! The head of a response, read out of its bytes: status, headers, how long its body is, and whether its connection can be
//! used again. A readable status line is a response: the app has taken the delivery or rejected it, and a fault in another
//! line does not change that. Faults are repaired (`header_lines`), or they cost the body and the connection
//! (`response_framing`).

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, Version, header::CONTENT_LENGTH};
use hyper::ext::ReasonPhrase;

use super::{
    header_fault::HeaderFault,
    header_lines::{HeaderLine, HeaderLines},
    response_framing::ResponseFraming,
};
use crate::destination::body_decoder::Length;

/// How long the gate lets a destination's head be, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;

/// How many headers are passed on. Many clients take no more than 100, and the gate adds its own.
const MOST_HEADERS: usize = 96;

/// Room for those that the gate adds to a response.
const OWN_HEADERS: usize = 2;

/// Why the bytes are no HTTP/1.1 response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotHttp(pub(super) &'static str);

const UNREADABLE: NotHttp = NotHttp("its status line cannot be read");

/// A head that is whole.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) response: Response<()>,
    pub(super) length: Length,
    /// Whether the app lets the connection be used again.
    pub(super) keeps_alive: bool,
    /// The fault that was tolerated.
    pub(super) fault: Option<Box<HeaderFault>>,
}

impl AnswerHead {
    /// Takes a head out of what was read; none if it is not whole yet. `searched` is how far it was looked for before.
    pub(super) fn take(read: &mut BytesMut, searched: &mut usize) -> Result<Option<Self>, NotHttp> {
        let begin = begin(read)?;
        let end = end(read, begin.max(*searched));
        if end.unwrap_or(read.len()) > LONGEST {
            return Self::overlong(&read.split().freeze().slice(begin..)).map(Some);
        }
        let Some(end) = end else {
            // The end of the head may begin with the last line feed.
            *searched = read.len().saturating_sub(2);
            return Ok(None);
        };
        *searched = 0;
        let head = read.split_to(end).freeze();
        Self::parse(&head.slice(begin..)).map(Some)
    }

    fn parse(head: &Bytes) -> Result<Self, NotHttp> {
        let (first, lines) = HeaderLines::of(head);
        let mut response = status_line(first)?;
        let (status, version) = (response.status(), response.version());
        let (mut framing, mut fault) = (ResponseFraming::default(), None);
        let headers = response.headers_mut();
        for line in lines {
            fault = fault.or(add(line, headers, &mut framing));
        }
        let length = framing.length(status, version);
        framing.rebuild(headers);
        Ok(Self {
            response,
            length,
            keeps_alive: framing.keeps_alive(version),
            fault: framing.fault().or(fault).map(Box::new),
        })
    }

    /// The status of a head that is too long to be read. Its headers are lost, and so is the place where its body begins.
    fn overlong(head: &Bytes) -> Result<Self, NotHttp> {
        const TOO_LONG: NotHttp = NotHttp("its head is too long");
        let (first, _) = HeaderLines::of(head);
        let response = status_line(first).map_err(|_| TOO_LONG)?;
        if response.status().is_informational() {
            return Err(TOO_LONG);
        }
        let fault = HeaderFault {
            problem: "a header section over 64 KiB",
            header: None,
            is_framing: true,
        };
        Ok(Self {
            response,
            length: Length::known(0),
            keeps_alive: false,
            fault: Some(Box::new(fault)),
        })
    }
}

/// The index of the status line. Blank lines before it are skipped. Bytes that never become a response, such as the greeting
/// of another protocol, are an error at once.
fn begin(read: &[u8]) -> Result<usize, NotHttp> {
    const BEGIN: &[u8] = b"HTTP/1.";
    let blank = read.iter().take_while(|byte| b"\r\n".contains(byte));
    let begin = blank.count();
    let line = &read[begin..];
    let length = line.len().min(BEGIN.len());
    (line[..length] == BEGIN[..length])
        .then_some(begin)
        .ok_or(UNREADABLE)
}

/// The index behind a head, which ends with its first empty line. A lone line feed ends a line, too (RFC 9112, section 2.2).
pub(super) fn end(read: &[u8], mut from: usize) -> Option<usize> {
    while let Some(feed) = memchr::memchr(b'\n', read.get(from..)?) {
        from += feed + 1;
        match read.get(from..)? {
            [b'\n', ..] => return Some(from + 1),
            [b'\r', b'\n', ..] => return Some(from + 2),
            _ => {}
        }
    }
    None
}

fn status_line(line: &[u8]) -> Result<Response<()>, NotHttp> {
    let (version, rest) = match line.strip_prefix(b"HTTP/1.") {
        Some([b'0', rest @ ..]) => (Version::HTTP_10, rest),
        // A later version of HTTP/1 is read as the latest that is known (RFC 9110, section 2.5).
        Some([b'1'..=b'9', rest @ ..]) => (Version::HTTP_11, rest),
        _ => return Err(UNREADABLE),
    };
    let status = rest.trim_ascii_start();
    let (code, reason) = match status {
        [a, b, c] => ([*a, *b, *c], &b""[..]),
        [a, b, c, b' ', reason @ ..] => ([*a, *b, *c], reason),
        _ => return Err(UNREADABLE),
    };
    if status.len() == rest.len() {
        return Err(UNREADABLE);
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_bytes(&code).map_err(|_| UNREADABLE)?;
    *response.version_mut() = version;
    pass_reason(&mut response, reason);
    Ok(response)
}

/// The app's own words for its status, where they are not the usual ones.
fn pass_reason(response: &mut Response<()>, reason: &[u8]) {
    let usual = response.status().canonical_reason().unwrap_or_default();
    if reason != usual.as_bytes()
        && let Ok(reason) = ReasonPhrase::try_from(reason)
    {
        response.extensions_mut().insert(reason);
    }
}

/// Adds a header, and returns the fault of its line.
fn add(
    line: HeaderLine,
    headers: &mut HeaderMap,
    framing: &mut ResponseFraming,
) -> Option<HeaderFault> {
    let (name, value, fault) = match line {
        HeaderLine::Header(name, value, fault) => (name, value, fault),
        HeaderLine::Dropped(fault) => {
            framing.dropped(&fault);
            return Some(fault);
        }
    };
    framing.header(&name, &value);
    if name == CONTENT_LENGTH {
        headers.insert(name, value);
        return fault;
    }
    if headers.len() >= MOST_HEADERS {
        return fault.or(Some(HeaderFault {
            problem: "more than 96 headers",
            header: Some(name),
            is_framing: false,
        }));
    }
    if headers.is_empty() {
        headers.reserve(16 + OWN_HEADERS);
    }
    headers.append(name, value);
    fault
}

#[cfg(test)]
mod tests;
