//! The head of a destination's answer, read out of its bytes: status, headers, how long its body is, and whether its connection
//! can be used again. An answer that two readers could take for two different ones (RFC 9112, section 6.3) is none, as a
//! request like that is none.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderName, HeaderValue, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING},
};

use hyper::ext::ReasonPhrase;

use super::length::Length;

/// How long the gate lets a destination's head be, in bytes.
const LONGEST: usize = 64 * 1024;

/// How many fields.
const MOST_FIELDS: usize = 100;

/// Room for those that the gate adds to an answer.
const OWN_FIELDS: usize = 2;

/// What is wrong with an answer that is not HTTP/1.1 as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotHttp(pub(super) &'static str);

const UNREADABLE: NotHttp = NotHttp("its head cannot be read");

/// A head that is whole.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) response: Response<()>,
    pub(super) length: Length,
    /// Whether the app lets the connection be used again.
    pub(super) keeps_alive: bool,
}

impl AnswerHead {
    /// Takes a head out of what was read; none if it is not whole yet. `searched` is how far it was looked for before.
    pub(super) fn take(read: &mut BytesMut, searched: &mut usize) -> Result<Option<Self>, NotHttp> {
        let end = end(read, *searched);
        if end.unwrap_or(read.len()) > LONGEST {
            return Err(NotHttp("its head is too long"));
        }
        let Some(end) = end else {
            // What follows the last line feed may be half of an end.
            *searched = read.len().saturating_sub(2);
            return begins_as_http(read).then_some(None).ok_or(UNREADABLE);
        };
        *searched = 0;
        parse(&read.split_to(end).freeze()).map(Some)
    }
}

/// What never becomes an answer, such as the greeting of another protocol, is not waited for.
fn begins_as_http(read: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/1.";
    let blank = read.iter().take_while(|byte| b"\r\n".contains(byte));
    let line = &read[blank.count()..];
    let length = line.len().min(BEGIN.len());
    line[..length] == BEGIN[..length]
}

/// Where a head ends: behind its first empty line. A lone line feed ends a line, too (RFC 9112, section 2.2).
fn end(read: &[u8], mut from: usize) -> Option<usize> {
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

fn parse(head: &Bytes) -> Result<AnswerHead, NotHttp> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let parsed_whole = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        head,
        &mut fields,
    );
    match parsed_whole {
        Ok(httparse::Status::Complete(end)) if end == head.len() => {}
        Ok(_) => return Err(UNREADABLE),
        Err(httparse::Error::TooManyHeaders) => return Err(NotHttp("it has too many headers")),
        Err(_) => return Err(UNREADABLE),
    }
    let mut response = Response::new(());
    *response.status_mut() = parsed
        .code
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(NotHttp("it has no status"))?;
    *response.version_mut() = match parsed.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    pass_reason(&mut response, parsed.reason.unwrap_or_default());
    let framing = Framing::of(parsed.headers)?;
    let headers = response.headers_mut();
    headers.reserve(parsed.headers.len() + OWN_FIELDS);
    for field in &*parsed.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(NotHttp("one of its headers cannot be read"));
        };
        // Equal lengths are one, and passed on as one.
        if name == CONTENT_LENGTH {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    let length = framing.length(response.status(), response.version())?;
    // A body that is announced where none may be could come late.
    let is_odd = length.is_over() && framing.announces_a_body();
    let keeps_alive = framing.keeps_alive(response.version()) && !is_odd;
    Ok(AnswerHead {
        response,
        length,
        keeps_alive,
    })
}

/// The app's own words for its status, where they are not the usual ones.
fn pass_reason(response: &mut Response<()>, reason: &str) {
    let usual = response.status().canonical_reason().unwrap_or_default();
    if reason != usual
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
}

/// What a head's fields say of its body and its connection.
#[derive(Default)]
struct Framing<'a> {
    length: Option<u64>,
    coding: Option<&'a [u8]>,
    close: bool,
    keep_alive: bool,
}

impl<'a> Framing<'a> {
    fn of(fields: &[httparse::Header<'a>]) -> Result<Self, NotHttp> {
        let mut framing = Self::default();
        for field in fields {
            let is = |name: &HeaderName| field.name.eq_ignore_ascii_case(name.as_str());
            if is(&CONTENT_LENGTH) {
                framing.declare(field.value)?;
            } else if is(&TRANSFER_ENCODING) {
                if framing.coding.replace(field.value).is_some() {
                    return Err(NotHttp("it has two transfer codings"));
                }
            } else if is(&CONNECTION) {
                framing.connection(field.value);
            }
        }
        Ok(framing)
    }

    fn declare(&mut self, value: &[u8]) -> Result<(), NotHttp> {
        let digits = value.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(value).ok().filter(|_| digits);
        let length = length
            .and_then(|length| length.parse().ok())
            .ok_or(NotHttp("its length is no number"))?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(NotHttp("it has two lengths")),
            _ => Ok(()),
        }
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9112, section 6.3, at its strictest.
    fn length(&self, status: StatusCode, version: Version) -> Result<Length, NotHttp> {
        if status.is_informational() || [204, 304].contains(&status.as_u16()) {
            return Ok(Length::known(0));
        }
        match (self.coding, self.length) {
            (None, Some(length)) => Ok(Length::known(length)),
            (None, None) => Ok(Length::UntilClose),
            (Some(_), Some(_)) => Err(NotHttp("it has a length and a transfer coding")),
            (Some(coding), None) => {
                if coding.eq_ignore_ascii_case(b"chunked") && version == Version::HTTP_11 {
                    Ok(Length::chunked())
                } else {
                    Err(NotHttp("its transfer coding is not chunked alone"))
                }
            }
        }
    }

    fn announces_a_body(&self) -> bool {
        self.coding.is_some() || self.length.is_some_and(|length| length > 0)
    }

    /// RFC 9112, section 9.3.
    fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Option<AnswerHead>, NotHttp> {
        AnswerHead::take(&mut BytesMut::from(text), &mut 0)
    }

    fn head(text: &str) -> AnswerHead {
        take(text).expect(text).expect(text)
    }

    #[test]
    fn a_head_is_taken_once_it_is_whole_and_leaves_what_comes_behind_it() {
        let text = "HTTP/1.1 201 Made\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 3\r\n\r\n";
        for end in 0..text.len() {
            assert!(take(&text[..end]).expect("so far").is_none(), "{end}");
        }
        let mut read = BytesMut::from(&*format!("{text}abc"));
        let head = AnswerHead::take(&mut read, &mut 0).expect("right");
        let head = head.expect("whole");
        assert_eq!(&read[..], b"abc");
        assert_eq!(head.response.status(), 201);
        let values: Vec<_> = head.response.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(head.length, Length::known(3));
        assert!(head.keeps_alive);
    }

    #[test]
    fn the_length_is_what_rfc_9112_says() {
        for (text, length) in [
            ("200 OK\r\ncontent-length: 7", Length::known(7)),
            (
                "200 OK\r\ncontent-length: 7\r\ncontent-length: 7",
                Length::known(7),
            ),
            ("200 OK\r\ntransfer-encoding: Chunked", Length::chunked()),
            ("200 OK", Length::UntilClose),
            ("204 No Content\r\ncontent-length: 7", Length::known(0)),
            (
                "304 Not Modified\r\ntransfer-encoding: chunked",
                Length::known(0),
            ),
            ("103 Early Hints", Length::known(0)),
        ] {
            let head = head(&format!("HTTP/1.1 {text}\r\n\r\n"));
            assert_eq!(head.length, length, "{text}");
            let headers = head.response.headers();
            let lengths = headers.get_all(CONTENT_LENGTH).iter();
            assert!(lengths.count() <= 1, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_answer() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: identity",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ncontent-length: 8",
            "HTTP/1.1 200 OK\r\ncontent-length: 7, 7",
            "HTTP/1.1 200 OK\r\ncontent-length: +7",
            "HTTP/1.1 200 OK\r\ncontent-length: -7",
            "HTTP/1.1 200 OK\r\ncontent-length: 0x7",
            "HTTP/1.1 200 OK\r\ncontent-length: ",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616",
            "HTTP/1.1 200 OK\r\nx-a: 1\r\n folded",
            "HTTP/1.1 200 OK\r\nx a: 1",
            "HTTP/1.1 200 OK\r\nx-a : 1",
            "HTTP/1.1 200 OK\r\nx-a: \0",
            "HTTP/1.1 099 OK",
            "HTTP/1.1 20 OK",
            "HTTP/2.0 200 OK",
            "SSH-2.0-OpenSSH_9.2",
        ] {
            assert!(take(&format!("{text}\r\n\r\n")).is_err(), "{text}");
        }
    }

    #[test]
    fn what_never_becomes_an_answer_is_not_waited_for() {
        for text in [
            "S",
            "HTTP/2",
            "\r\nx",
            "HTTQ",
            "220 mail.example ESMTP\r\n",
            "\u{15}\u{3}\u{1}",
        ] {
            assert!(take(text).is_err(), "{text:?}");
        }
        for text in ["", "\r\n", "H", "\nHTTP/1.", "HTTP/1.1 2"] {
            assert!(take(text).expect("so far").is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_reason_is_passed_on_if_it_is_the_apps_own() {
        for (line, own) in [
            ("200 OK", None),
            ("413 Too Large", Some("Too Large")),
            ("299 Odd", Some("Odd")),
            ("200", Some("")),
        ] {
            let head = head(&format!("HTTP/1.1 {line}\r\n\r\n"));
            let reason = head.response.extensions().get::<ReasonPhrase>();
            let reason = reason.map(ReasonPhrase::as_bytes);
            assert_eq!(reason, own.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn a_head_without_end_is_not_waited_for() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(LONGEST));
        assert!(take(&long).is_err());
        let many = format!(
            "HTTP/1.1 200 OK\r\n{}\r\n",
            "x: 1\r\n".repeat(MOST_FIELDS + 1)
        );
        assert!(take(&many).is_err());
    }

    #[test]
    fn a_connection_is_used_again_unless_the_app_says_otherwise() {
        for (text, keeps_alive) in [
            ("1.1 200 OK", true),
            ("1.1 200 OK\r\nconnection: keep-alive, Close", false),
            ("1.1 200 OK\r\nconnection: x\r\nconnection: close", false),
            ("1.0 200 OK", false),
            ("1.0 200 OK\r\nconnection: Keep-Alive", true),
            ("1.1 204 None", true),
            ("1.1 204 None\r\ntransfer-encoding: chunked", false),
        ] {
            let head = head(&format!("HTTP/{text}\r\ncontent-length: 0\r\n\r\n"));
            assert_eq!(head.keeps_alive, keeps_alive, "{text}");
        }
    }
}
