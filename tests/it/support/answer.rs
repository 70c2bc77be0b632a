//! A response of the gate, parsed strictly by the standard, and the properties of every response.

use std::io;

use super::wire::{Wire, header_lines, read_head, read_some};

/// The header in every response of the tests' apps, which tells them from the gate's own.
pub(crate) const APPS_MARK: &str = "X-App";

/// Headers that an app sends and only the gate may send.
pub(crate) const APPS_LIES: &str =
    "Proxy-Status: app; error=dns_error\r\nX-Cartgate-Delivery: not-the-gates\r\n";

/// One response.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The head of a response whose body is still to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    Close,
    None,
}

impl Answer {
    /// Reads the head of a response. Returns none if the stream ends before its first byte.
    pub(crate) fn read_head(
        stream: &mut dyn Wire,
        buffer: &mut Vec<u8>,
        bodyless: bool,
    ) -> io::Result<Option<(Self, Framing)>> {
        let Some(end) = read_head(stream, buffer)? else {
            assert!(
                buffer.is_empty(),
                "a torn head: {:?}",
                String::from_utf8_lossy(buffer)
            );
            return Ok(None);
        };
        let head: Vec<u8> = buffer.drain(..end).collect();
        let head = std::str::from_utf8(&head[..end - 2]).expect("a head in ASCII");
        let (first, lines) = head.split_once("\r\n").expect("a first line");
        let status = status(first).unwrap_or_else(|| panic!("malformed: {first:?}"));
        let headers = header_lines(lines).unwrap_or_else(|wrong| panic!("{wrong}"));
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        let framing = answer.framing(bodyless);
        if status >= 200 {
            answer.check_head();
        } else {
            answer.body.clear();
        }
        Ok(Some((answer, framing)))
    }

    /// Reads the body. Returns an error if it breaks off.
    pub(crate) fn read_body(
        &mut self,
        stream: &mut dyn Wire,
        buffer: &mut Vec<u8>,
        framing: Framing,
    ) -> io::Result<()> {
        match framing {
            Framing::None => {}
            Framing::Length(length) => self.body = take(stream, buffer, length)?,
            Framing::Close => {
                while read_some(stream, buffer)? {}
                self.body = std::mem::take(buffer);
            }
            Framing::Chunked => {
                while let Some(chunk) = read_chunk(stream, buffer)? {
                    self.body.extend(chunk);
                }
            }
        }
        if self.is_kept() {
            assert!(self.body.is_empty(), "{self:?}");
        } else if self.is_the_gates() && !matches!(framing, Framing::None) {
            self.check_own_body();
        }
        Ok(())
    }

    /// Returns the only value of a header; none if it is absent.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} occurs twice");
        value
    }

    /// Returns whether the gate made the response, and not the app.
    pub(crate) fn is_the_gates(&self) -> bool {
        self.header(APPS_MARK).is_none()
    }

    /// Returns whether the gate has stored the delivery.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_the_gates() && self.status == 200
    }

    /// Returns the error type in `Proxy-Status`.
    pub(crate) fn error(&self) -> &str {
        let status = self.header("Proxy-Status").expect("the gate's own answer");
        status
            .strip_prefix("cartgate; error=")
            .expect("an error type")
    }

    /// Returns whether the connection ends after this response.
    pub(crate) fn closes(&self) -> bool {
        self.header("Connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn framing(&self, bodyless: bool) -> Framing {
        let length = self.header("Content-Length");
        let coding = self.header("Transfer-Encoding");
        match (length, coding) {
            _ if bodyless || matches!(self.status, 100..=199 | 204 | 304) => Framing::None,
            (Some(length), None) => Framing::Length(length.parse().expect("a length")),
            (None, Some("chunked")) => Framing::Chunked,
            (None, None) => Framing::Close,
            both => panic!("ambiguous framing {both:?}"),
        }
    }

    /// Checks the properties of every response.
    fn check_head(&self) {
        let id = self
            .header("X-Cartgate-Delivery")
            .expect("every answer has an id");
        uuid::Uuid::try_parse(id).unwrap_or_else(|_| panic!("not an id: {id:?}"));
        if !self.is_the_gates() {
            assert_eq!(
                self.header("Proxy-Status"),
                None,
                "an app's word is passed on"
            );
            return;
        }
        if self.is_kept() {
            for absent in ["Proxy-Status", "Content-Type", "Retry-After"] {
                assert_eq!(self.header(absent), None, "{self:?}");
            }
            return;
        }
        assert!(!self.error().is_empty());
        assert_eq!(
            self.header("Content-Type"),
            Some("application/problem+json")
        );
        let has = |name: &str| self.header(name).is_some();
        assert_eq!(has("WWW-Authenticate"), self.status == 401, "{self:?}");
        assert_eq!(has("Allow"), self.status == 405, "{self:?}");
        assert_eq!(
            has("Retry-After"),
            [429, 503].contains(&self.status),
            "{self:?}"
        );
        if self.status == 401 {
            let scheme = self.header("WWW-Authenticate");
            assert_eq!(scheme, Some("Cartfunnel-HMAC-SHA256"));
            assert_eq!(self.error(), "http_request_denied", "one for all 401");
        }
    }

    /// Checks that the body has the status and its title, and no reason.
    fn check_own_body(&self) {
        let body: serde_json::Value = serde_json::from_slice(&self.body).expect("JSON");
        let body = body.as_object().expect("an object");
        let keys: Vec<_> = body.keys().collect();
        assert_eq!(keys, ["title", "status"], "{body:?}");
        assert_eq!(body["status"], self.status);
        let title = body["title"].as_str().expect("a title");
        let canonical = match self.status {
            // RFC 9110 gave these two their present names.
            413 => Some("Content Too Large"),
            422 => Some("Unprocessable Content"),
            status => http::StatusCode::from_u16(status)
                .expect("a status")
                .canonical_reason(),
        };
        assert_eq!(Some(title), canonical);
    }
}

fn status(line: &str) -> Option<u16> {
    let rest = line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    let (status, _reason) = rest.split_once(' ')?;
    status
        .parse()
        .ok()
        .filter(|status| (100..600).contains(status))
}

fn broke_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off")
}

fn take(stream: &mut dyn Wire, buffer: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while buffer.len() < length {
        if !read_some(stream, buffer)? {
            return Err(broke_off());
        }
    }
    Ok(buffer.drain(..length).collect())
}

/// Reads one chunk as soon as it arrives; returns none for the last.
pub(crate) fn read_chunk(
    stream: &mut dyn Wire,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    let end = loop {
        if let Some(end) = buffer.windows(2).position(|two| two == b"\r\n") {
            break end;
        }
        if !read_some(stream, buffer)? {
            return Err(broke_off());
        }
    };
    let size = std::str::from_utf8(&buffer[..end]).expect("a chunk's size");
    let size = usize::from_str_radix(size, 16).expect("a chunk's size");
    buffer.drain(..end + 2);
    let mut chunk = take(stream, buffer, size + 2)?;
    assert!(chunk.ends_with(b"\r\n"), "a chunk without its end");
    chunk.truncate(size);
    Ok((size > 0).then_some(chunk))
}
