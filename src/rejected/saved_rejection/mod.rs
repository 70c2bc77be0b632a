//! A saved rejection and its file format: an HTTP/1.1 request message with the body as received,
//! byte for byte. It can be read with `less` and replayed by hand.
//!
//! ```text
//!   POST /webhooks/orders?shop=1 HTTP/1.1
//!   x-cartgate-delivery: 019…            lines of the gate come first
//!   x-cartgate-received: 2026-11-24T18:16:14.123Z
//!   x-cartgate-endpoint: orders
//!   x-cartgate-peer: 203.0.113.7
//!   x-cartgate-source: 203.0.113.7
//!   host: gate.example                   then the headers as received
//!   x-cartfunnel-hmac-sha256: …
//!   content-length: 5                    and framing rebuilt from the bytes
//!
//!   hello
//! ```

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
    uri::PathAndQuery,
};
use uuid::Uuid;

use crate::{
    delivery::arrival_time,
    net::{peer::Peer, source::Source},
    outcome::problem::DELIVERY,
};

const PREFIX: &str = "x-cartgate-";
const RECEIVED: HeaderName = HeaderName::from_static("x-cartgate-received");
const ENDPOINT: HeaderName = HeaderName::from_static("x-cartgate-endpoint");
const PEER: HeaderName = HeaderName::from_static("x-cartgate-peer");
pub(super) const SOURCE: HeaderName = HeaderName::from_static("x-cartgate-source");

/// hyper accepts a hundred header lines, and the gate adds its own.
const MAX_LINES: usize = 128;

/// A delivery that was rejected because no secret matches its signature.
pub struct SavedRejection {
    /// The delivery's id in the log. It contains the time of receipt.
    pub id: Uuid,
    /// The endpoint that rejected it.
    pub endpoint: HeaderValue,
    /// The peer that sent it.
    pub peer: HeaderValue,
    /// The source that its file counts against.
    pub source: Source,
    /// The request method.
    pub method: Method,
    /// The request target.
    pub target: PathAndQuery,
    /// The headers as received, without the framing and without names that belong to the gate.
    pub headers: HeaderMap,
    /// The body, in the pieces in which it arrived.
    pub body: Vec<Bytes>,
}

/// A rejected request, as the proxy describes it.
pub(crate) struct RejectedRequest<'a> {
    pub(crate) id: Uuid,
    pub(crate) endpoint: &'a str,
    pub(crate) peer: &'a Peer,
    pub(crate) source: Source,
    pub(crate) head: &'a Parts,
    pub(crate) body: &'a [Bytes],
}

/// The reason why a file is no saved rejection. It repeats none of the file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The head is not that of an HTTP/1.1 request.
    #[error("the head is not that of an HTTP/1.1 request")]
    Head,
    /// The gate's own lines are missing or changed.
    #[error("the gate's own lines (X-Cartgate-…) are missing or changed")]
    OwnLines,
    /// The body has another length, or another framing.
    #[error("the length of the body differs from its Content-Length")]
    Length,
}

impl RejectedRequest<'_> {
    /// Returns the length of the body.
    pub(super) fn body_len(&self) -> u64 {
        total_len(self.body)
    }
}

impl SavedRejection {
    pub(super) fn new(request: &RejectedRequest<'_>) -> Self {
        let head = request.head;
        let target = head.uri.path_and_query().cloned();
        Self {
            id: request.id,
            endpoint: value(request.endpoint),
            peer: value(&request.peer.to_string()),
            source: request.source,
            method: head.method.clone(),
            target: target.unwrap_or_else(|| PathAndQuery::from_static("/")),
            headers: without_rebuilt(&head.headers),
            body: request.body.to_vec(),
        }
    }

    /// Returns the time of receipt.
    #[must_use]
    pub fn received(&self) -> SystemTime {
        // The id contains a time: `read` checks it, and the gate makes no other ids.
        arrival_time(self.id).unwrap_or(UNIX_EPOCH)
    }

    /// Returns the value of a header that occurs exactly once.
    #[must_use]
    pub fn only(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let mut values = self.headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    }

    /// Returns the body in one piece.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match &*self.body {
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        }
    }

    /// Returns the length of the body.
    pub(super) fn body_len(&self) -> u64 {
        total_len(&self.body)
    }

    /// Returns the file's bytes before the body.
    pub(super) fn head(&self) -> Vec<u8> {
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
            self.body_len().to_string().as_bytes(),
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

    /// Parses the file of a saved rejection.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the file is not as a gate wrote it.
    pub fn read(file: &Bytes) -> Result<Self, Malformed> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
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
        let rejection = Self {
            id: parsed(&id).ok_or(Malformed::OwnLines)?,
            endpoint,
            peer,
            source: parsed(&source).ok_or(Malformed::OwnLines)?,
            method,
            target,
            headers,
            body: vec![body],
        };
        let has_time = arrival_time(rejection.id).is_some();
        let [own_id, own_received, ..] = rejection.own_lines().map(|(_, value)| value);
        if has_time && (own_id, own_received) == (id, received) && rebuilt.is_empty() {
            Ok(rejection)
        } else {
            Err(Malformed::OwnLines)
        }
    }
}

/// Omits the payload and the signature, which together can be replayed.
impl fmt::Debug for SavedRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedRejection")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether the gate writes the header anew: framing, and the names that belong to the gate.
fn is_rebuilt(name: &HeaderName) -> bool {
    name.as_str().starts_with(PREFIX) || [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
}

fn without_rebuilt(headers: &HeaderMap) -> HeaderMap {
    let mut received = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| !is_rebuilt(name)) {
        received.append(name.clone(), value.clone());
    }
    received
}

fn total_len(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

fn value(text: &str) -> HeaderValue {
    // Ids, times and addresses are valid values. An endpoint's name may contain any character.
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

/// Splits the lines into the headers that the gate wrote anew and the ones as received.
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
    let is_equal = declared.is_some_and(|value| value == length.to_string());
    if is_equal && !rebuilt.contains_key(TRANSFER_ENCODING) {
        Ok(())
    } else {
        Err(Malformed::Length)
    }
}

/// Removes a header. Returns its value if it occurred exactly once.
fn take_only(headers: &mut HeaderMap, name: HeaderName) -> Option<HeaderValue> {
    let once = headers.get_all(&name).iter().count() == 1;
    headers.remove(name).filter(|_| once)
}

fn parsed<T: std::str::FromStr>(value: &HeaderValue) -> Option<T> {
    value.to_str().ok()?.parse().ok()
}

/// Returns a rejection received now, for tests.
#[cfg(test)]
pub(super) fn of_len(source: Source, len: usize) -> SavedRejection {
    let (head, ()) = http::Request::new(()).into_parts();
    SavedRejection::new(&RejectedRequest {
        id: Uuid::now_v7(),
        endpoint: "hooks",
        peer: &Peer::Unix,
        source,
        head: &head,
        body: &[vec![b'a'; len].into()],
    })
}

#[cfg(test)]
mod tests;
