//! Parses the head of a response: status, headers, framing of the body, and whether the connection
//! can be reused.
//!
//! A readable status line is a response: the app has accepted or rejected the delivery, and a fault
//! in another line does not change that. A fault is repaired (`header_lines`), or the body is
//! dropped and the connection closed (`response_framing`).

use std::mem::take;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, Version, header::CONTENT_LENGTH};
use hyper::ext::ReasonPhrase;

use super::{
    body_decoder::BodyDecoder,
    header_fault::HeaderFault,
    header_lines::{HeaderLine, HeaderLines, section_end},
    malformed_response::MalformedResponse,
    response_framing::ResponseFraming,
};

/// The maximum size of a response's head, in bytes.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The maximum number of headers that are passed on. Many clients accept at most 100, and the gate
/// adds its own.
const MAX_HEADERS: usize = 96;

/// The number of headers that the gate adds to a response.
const OWN_HEADERS: usize = 2;

const UNREADABLE: MalformedResponse = MalformedResponse("its status line cannot be read");

/// A complete head.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) response: Response<()>,
    pub(super) decoder: BodyDecoder,
    /// Whether the app allows the connection to be reused.
    pub(super) keeps_alive: bool,
    /// A tolerated fault.
    pub(super) fault: Option<Box<HeaderFault>>,
}

impl ResponseHead {
    /// Takes a head from `read`, once it is complete. `searched` keeps the number of bytes that
    /// were searched for its end. The headers fill `table`, which is empty.
    pub(super) fn take(
        read: &mut BytesMut,
        searched: &mut usize,
        table: &mut HeaderMap,
    ) -> Result<Option<Self>, MalformedResponse> {
        let begin = begin(read)?;
        let end = section_end(read, begin.max(*searched));
        if end.unwrap_or(read.len()) > MAX_HEAD {
            return Self::overlong(&read.split().freeze().slice(begin..)).map(Some);
        }
        let Some(end) = end else {
            // The last line feed may be the first byte of the head's end.
            *searched = read.len().saturating_sub(2);
            return Ok(None);
        };
        *searched = 0;
        let mut head = read.split_to(end).freeze();
        head.advance(begin);
        Self::parse(&head, take(table)).map(Some)
    }

    fn parse(head: &Bytes, table: HeaderMap) -> Result<Self, MalformedResponse> {
        let (first, lines) = HeaderLines::of(head);
        let mut response = status_line(first)?;
        *response.headers_mut() = table;
        let (status, version) = (response.status(), response.version());
        let (mut framing, mut fault) = (ResponseFraming::default(), None);
        let headers = response.headers_mut();
        for line in lines {
            fault = fault.or(add(line, headers, &mut framing));
        }
        let decoder = framing.decoder(status, version);
        framing.rebuild(headers);
        Ok(Self {
            response,
            decoder,
            keeps_alive: framing.keeps_alive(version),
            fault: framing.fault().or(fault).map(Box::new),
        })
    }

    /// Parses the status of a head that is too long. Its headers and its body are dropped.
    fn overlong(head: &Bytes) -> Result<Self, MalformedResponse> {
        const TOO_LONG: MalformedResponse = MalformedResponse("its head is too long");
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
            decoder: BodyDecoder::length(0),
            keeps_alive: false,
            fault: Some(Box::new(fault)),
        })
    }
}

/// Returns the index of the status line, after any empty lines. Bytes that cannot become a
/// response, such as the greeting of another protocol, are an error at once.
fn begin(read: &[u8]) -> Result<usize, MalformedResponse> {
    const BEGIN: &[u8] = b"HTTP/1.";
    let mut line = read;
    while let [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] = line {
        line = rest;
    }
    let length = line.len().min(BEGIN.len());
    (line[..length] == BEGIN[..length] || line == b"\r")
        .then_some(read.len() - line.len())
        .ok_or(UNREADABLE)
}

fn status_line(line: &[u8]) -> Result<Response<()>, MalformedResponse> {
    let (version, rest) = match line.strip_prefix(b"HTTP/1.") {
        Some([b'0', rest @ ..]) => (Version::HTTP_10, rest),
        // A later minor version is read as HTTP/1.1 (RFC 9110, section 2.5).
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
    keep_reason(&mut response, reason);
    Ok(response)
}

/// Keeps the reason phrase of the app, if it is not the usual one.
fn keep_reason(response: &mut Response<()>, reason: &[u8]) {
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
            framing.add_dropped(&fault);
            return Some(fault);
        }
    };
    framing.add(&name, &value);
    if name == CONTENT_LENGTH {
        headers.insert(name, value);
        return fault;
    }
    if headers.len() >= MAX_HEADERS {
        return fault.or(Some(HeaderFault {
            problem: "more than 96 headers",
            header: Some(name),
            is_framing: false,
        }));
    }
    if headers.capacity() == 0 {
        headers.reserve(16 + OWN_HEADERS);
    }
    headers.append(name, value);
    fault
}

#[cfg(test)]
mod tests;
