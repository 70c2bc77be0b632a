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
    length::Length,
    response_framing::ResponseFraming,
};

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
    fn a_status_counts_whatever_is_wrong_with_a_header() {
        for (text, length, keeps_alive, header) in [
            ("x-a: 1\r\n folded", Length::UntilClose, true, "x-a"),
            ("x-a : 1", Length::UntilClose, true, "x-a"),
            (
                "content-length : 7",
                Length::known(7),
                true,
                "content-length",
            ),
            ("content-length: 7, 7", Length::known(7), true, ""),
            (
                "content-length: 7,7\r\ncontent-length: 7",
                Length::known(7),
                true,
                "",
            ),
            (
                "transfer-encoding:\r\n chunked",
                Length::chunked(),
                true,
                "transfer-encoding",
            ),
            ("x a: 1", Length::UntilClose, false, ""),
            ("no colon", Length::UntilClose, false, ""),
            ("x-a: \0", Length::UntilClose, false, "x-a"),
            (
                "transfer-encoding: identity",
                Length::UntilClose,
                true,
                "transfer-encoding",
            ),
            (
                "transfer-encoding: identity\r\ncontent-length: 7",
                Length::known(7),
                false,
                "transfer-encoding",
            ),
        ] {
            let head = head(&format!("HTTP/1.1 200 OK\r\n{text}\r\n\r\n"));
            let found = head.fault.as_ref();
            let name = found.and_then(|fault| fault.header.as_ref());
            assert_eq!(name.map_or("", |name| name.as_str()), header, "{text}");
            assert!(found.is_none_or(|fault| !fault.is_framing), "{text}");
            assert_eq!(
                (&head.length, head.keeps_alive),
                (&length, keeps_alive),
                "{text}"
            );
            let headers = head.response.headers();
            let lengths: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().collect();
            assert!(lengths.is_empty() || lengths == ["7"], "{text}");
        }
    }

    #[test]
    fn ambiguous_framing_costs_the_body_and_the_connection() {
        for text in [
            "1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked",
            "1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
            "1.1 200 OK\r\ntransfer-encoding: gzip",
            "1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked",
            "1.1 200 OK\r\ncontent-length: 7\r\ncontent-length: 8",
            "1.1 200 OK\r\ncontent-length: 7, 8",
            "1.1 200 OK\r\ncontent-length: 7,",
            "1.1 200 OK\r\ncontent-length: +7",
            "1.1 200 OK\r\ncontent-length: -7",
            "1.1 200 OK\r\ncontent-length: 0x7",
            "1.1 200 OK\r\ncontent-length: ",
            "1.1 200 OK\r\ncontent-length: 18446744073709551616",
            "1.1 200 OK\r\ncontent-length 7",
            "1.1 200 OK\r\ntransfer-encoding: chunked\0",
            "1.1 204 None\r\ncontent-length: x",
        ] {
            let text = format!("HTTP/{text}\r\ncontent-encoding: gzip\r\nx-a: 1\r\n\r\n");
            let head = head(&text);
            assert!(head.response.status().is_success(), "{text}");
            assert_eq!(
                (&head.length, head.keeps_alive),
                (&Length::known(0), false),
                "{text}"
            );
            let names: Vec<_> = head.response.headers().keys().collect();
            let connection = text.contains("connection").then_some("connection");
            let left: Vec<_> = connection.into_iter().chain(["x-a"]).collect();
            assert_eq!(names, left, "{text}");
            assert!(head.fault.expect(&text).is_framing, "{text}");
        }
    }

    #[test]
    fn without_a_status_there_is_no_response() {
        for text in [
            "HTTP/1.1 099 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 200OK",
            "HTTP/1.1200 OK",
            "HTTP/1.1 2x0 OK",
            "HTTP/1.1",
            "HTTP/2.0 200 OK",
            "SSH-2.0-OpenSSH_9.2",
        ] {
            assert!(take(&format!("{text}\r\n\r\n")).is_err(), "{text}");
        }
        for text in [
            "HTTP/1.1  200 OK",
            "HTTP/1.2 200 OK",
            "\r\n\r\nHTTP/1.1 200",
        ] {
            let head = head(&format!("{text}\r\n\r\n"));
            assert_eq!(head.response.status(), 200, "{text}");
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
    fn of_a_head_that_is_too_long_only_the_status_counts() {
        let long = format!("HTTP/1.1 201 Made\r\nx: {}", "x".repeat(LONGEST));
        for text in [long.clone(), format!("{long}\r\n\r\nbody")] {
            let head = head(&text);
            assert_eq!(head.response.status(), 201);
            assert!(head.response.headers().is_empty());
            assert_eq!((head.length, head.keeps_alive), (Length::known(0), false));
        }
        assert!(take(&long.replace("201", "103")).is_err());
        assert!(take(&format!("HTTP/1.1 200 {}", "x".repeat(LONGEST))).is_err());
    }

    #[test]
    fn headers_beyond_those_that_clients_take_are_dropped_but_frame_the_body() {
        let many: String = (0..150).map(|n| format!("x-{n}: 1\r\n")).collect();
        let head = head(&format!(
            "HTTP/1.1 200 OK\r\n{many}content-length: 7\r\n\r\n"
        ));
        assert_eq!(head.response.headers().len(), MOST_HEADERS + 1);
        assert_eq!((head.length, head.keeps_alive), (Length::known(7), true));
        let fault = head.fault.expect("one");
        assert_eq!(fault.header.expect("named").as_str(), "x-96");
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
