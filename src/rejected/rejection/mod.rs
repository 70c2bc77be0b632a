//! A refused delivery as it is kept: an HTTP/1.1 request message with the body as it was received,
//! byte for byte. A person reads it with `less` and replays it by hand. Where it lies, and for how
//! long, is the shelf's business.
//!
//! ```text
//!   POST /webhooks/orders?shop=1 HTTP/1.1
//!   x-cartgate-delivery: 019…            the gate's own lines come first
//!   x-cartgate-received: 2026-11-24T18:16:14.123Z
//!   x-cartgate-endpoint: orders
//!   x-cartgate-peer: 203.0.113.7
//!   x-cartgate-source: 203.0.113.7
//!   host: gate.example                   then the headers as the gate got them
//!   x-cartfunnel-hmac-sha256: …
//!   content-length: 5                    and framing rebuilt from the bytes
//!
//!   hello
//! ```

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
    uri::PathAndQuery,
};
use uuid::Uuid;

use super::Source;
use crate::outcome::problem::DELIVERY;

const PREFIX: &str = "x-cartgate-";
const RECEIVED: HeaderName = HeaderName::from_static("x-cartgate-received");
const ENDPOINT: HeaderName = HeaderName::from_static("x-cartgate-endpoint");
const PEER: HeaderName = HeaderName::from_static("x-cartgate-peer");
pub(crate) const SOURCE: HeaderName = HeaderName::from_static("x-cartgate-source");

/// hyper takes a hundred lines, and the gate adds its own.
const MOST_LINES: usize = 128;

/// A delivery that was refused because no secret makes its signature.
pub struct Refused {
    /// Its id in the log. It also says when it was received.
    pub id: Uuid,
    /// The endpoint that refused it.
    pub endpoint: HeaderValue,
    /// Who sent it.
    pub peer: HeaderValue,
    /// Whom it is counted against.
    pub source: Source,
    /// Its method.
    pub method: Method,
    /// Its target.
    pub target: PathAndQuery,
    /// Its headers, without framing and without what poses as the gate's.
    pub headers: HeaderMap,
    /// Its body, in the pieces in which it came.
    pub body: Vec<Bytes>,
}

/// Why some bytes are no kept delivery. It repeats none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The head is no HTTP/1.1 request's.
    #[error("it does not begin as an HTTP/1.1 request does")]
    Head,
    /// The gate's own lines are not there as the gate writes them.
    #[error("the gate's own lines (X-Cartgate-…) are not as it writes them")]
    OwnLines,
    /// The body has another length, or another framing.
    #[error("its body is not as long as its Content-Length says")]
    Length,
}

impl Refused {
    pub(crate) fn new(
        id: Uuid,
        (endpoint, peer, source): (&str, &str, Source),
        head: &Parts,
        body: &[Bytes],
    ) -> Self {
        let path = head.uri.path_and_query().cloned();
        Self {
            id,
            endpoint: value(endpoint),
            peer: value(peer),
            source,
            method: head.method.clone(),
            target: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
            headers: received(&head.headers),
            body: body.to_vec(),
        }
    }

    /// When it was received.
    #[must_use]
    pub fn received(&self) -> SystemTime {
        // Whoever made the id saw to it that it is one with a time.
        received_at(self.id).unwrap_or(UNIX_EPOCH)
    }

    /// The value of a header that is there once.
    #[must_use]
    pub fn only(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let mut values = self.headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    }

    /// Its body in one piece.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match &*self.body {
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        }
    }

    /// The body's length.
    pub(crate) fn length(&self) -> u64 {
        self.body.iter().map(|piece| piece.len() as u64).sum()
    }

    /// All that stands before the body.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(1024);
        for part in [self.method.as_str(), " ", self.target.as_str()] {
            head.extend_from_slice(part.as_bytes());
        }
        head.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in self.own_lines() {
            line(&mut head, &name, value.as_bytes());
        }
        for (name, value) in &self.headers {
            line(&mut head, name, value.as_bytes());
        }
        line(
            &mut head,
            &CONTENT_LENGTH,
            self.length().to_string().as_bytes(),
        );
        head.extend_from_slice(b"\r\n");
        head
    }

    fn own_lines(&self) -> [(HeaderName, HeaderValue); 5] {
        let received = crate::text::rfc3339::millis(self.received());
        [
            (DELIVERY, value(&self.id.to_string())),
            (RECEIVED, value(&received)),
            (ENDPOINT, self.endpoint.clone()),
            (PEER, self.peer.clone()),
            (SOURCE, value(&self.source.to_string())),
        ]
    }

    /// Reads the file of a kept delivery.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where a person or a full disk has changed it into something else.
    pub fn read(file: &Bytes) -> Result<Self, Malformed> {
        let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
        let mut request = httparse::Request::new(&mut lines);
        let Ok(httparse::Status::Complete(end)) = request.parse(file) else {
            return Err(Malformed::Head);
        };
        let (method, target) = first_line(&request).ok_or(Malformed::Head)?;
        let (mut rebuilt, headers) = headers(request.headers).ok_or(Malformed::Head)?;
        let body = file.slice(end..);
        check_length(&mut rebuilt, body.len())?;
        let mut own = |name| take_only(&mut rebuilt, name).ok_or(Malformed::OwnLines);
        let (id, received) = (own(DELIVERY)?, own(RECEIVED)?);
        let (endpoint, peer, source) = (own(ENDPOINT)?, own(PEER)?, own(SOURCE)?);
        let refused = Self {
            id: parsed(&id).ok_or(Malformed::OwnLines)?,
            endpoint,
            peer,
            source: parsed(&source).ok_or(Malformed::OwnLines)?,
            method,
            target,
            headers,
            body: vec![body],
        };
        let has_time = received_at(refused.id).is_some();
        let [own_id, own_received, ..] = refused.own_lines().map(|(_, value)| value);
        if has_time && (own_id, own_received) == (id, received) && rebuilt.is_empty() {
            Ok(refused)
        } else {
            Err(Malformed::OwnLines)
        }
    }
}

/// It holds a payload, and a signature that makes it one to replay.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// When a request with this id was received; none if no gate made the id. A file may hold any: what
/// is not before the year 10000 cannot even be written as RFC 3339 does.
pub(crate) fn received_at(id: Uuid) -> Option<SystemTime> {
    const YEAR_10000: u64 = 253_402_300_800;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    let is_ours = id.get_version_num() == 7 && seconds < YEAR_10000;
    is_ours.then(|| UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

/// What the file says anew, whatever was received: its framing, and what nobody but the gate says.
fn is_rebuilt(name: &HeaderName) -> bool {
    name.as_str().starts_with(PREFIX) || [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
}

fn received(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| !is_rebuilt(name)) {
        kept.append(name.clone(), value.clone());
    }
    kept
}

fn value(text: &str) -> HeaderValue {
    // Ids, times and addresses are; an endpoint's name may be what its operator likes.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}

fn line(head: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

fn first_line(request: &httparse::Request<'_, '_>) -> Option<(Method, PathAndQuery)> {
    let method = Method::from_bytes(request.method?.as_bytes()).ok()?;
    let target = request.path.filter(|path| path.starts_with('/'))?;
    (request.version == Some(1)).then_some(())?;
    Some((method, target.parse().ok()?))
}

/// What the gate wrote anew, and what was received.
fn headers(lines: &[httparse::Header<'_>]) -> Option<(HeaderMap, HeaderMap)> {
    let mut received = HeaderMap::with_capacity(lines.len());
    let mut rebuilt = HeaderMap::new();
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(line.value).ok()?;
        let headers = if is_rebuilt(&name) {
            &mut rebuilt
        } else {
            &mut received
        };
        headers.append(name, value);
    }
    Some((rebuilt, received))
}

fn check_length(rebuilt: &mut HeaderMap, length: usize) -> Result<(), Malformed> {
    let declared = take_only(rebuilt, CONTENT_LENGTH);
    let is_so = declared.is_some_and(|value| value == length.to_string());
    if is_so && !rebuilt.contains_key(TRANSFER_ENCODING) {
        Ok(())
    } else {
        Err(Malformed::Length)
    }
}

/// The value of a header that must be there once; it is taken out.
fn take_only(headers: &mut HeaderMap, name: HeaderName) -> Option<HeaderValue> {
    let once = headers.get_all(&name).iter().count() == 1;
    headers.remove(name).filter(|_| once)
}

fn parsed<T: std::str::FromStr>(value: &HeaderValue) -> Option<T> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
