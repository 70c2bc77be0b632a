//! What an attempt adds to a delivery's headers: what the operator wants there, the gate's findings,
//! the way it came, its trace, and framing from the bytes. What is kept of the inbound headers is `clean`'s.

use std::{
    net::IpAddr,
    time::{Duration, UNIX_EPOCH},
};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, FORWARDED, HOST, VIA},
};

use super::{Destination, trace, words::Words};
use crate::{
    delivery::{About, Attempt, Head},
    inbox::clock::Millis,
    listener::Peer,
    problem::DELIVERY,
};

const VERDICT: HeaderName = HeaderName::from_static("x-cartgate-verdict");
const ENDPOINT: HeaderName = HeaderName::from_static("x-cartgate-endpoint");
const EVENT: HeaderName = HeaderName::from_static("x-cartgate-event");
const EVENT_SOURCE: HeaderName = HeaderName::from_static("x-cartgate-event-source");
const SECRET_NAME: HeaderName = HeaderName::from_static("x-cartgate-secret-name");
const ATTEMPT: HeaderName = HeaderName::from_static("x-cartgate-attempt");
const RECEIVED: HeaderName = HeaderName::from_static("x-cartgate-received");
const FIRST_RECEIVED: HeaderName = HeaderName::from_static("x-cartgate-first-received");
const COPY: HeaderName = HeaderName::from_static("x-cartgate-copy");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The last millisecond of the year 9999: RFC 3339 has no later one.
const LAST_MOMENT: u64 = 253_402_300_799_999;

/// Adds what this attempt's destination is told. The operator's headers come first: whatever their
/// names, the gate's own words are put over them.
pub(super) fn dress(head: &mut Head, mut about: About, length: usize, to: &Destination) {
    // Extended by a map, a map drops all that it had under the same names.
    head.headers.extend(std::mem::take(&mut about.added));
    to.settings.headers.put_into(&mut head.headers);
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    let mut words = Words::new();
    findings(head, &about, &mut words);
    if let Some(attempt) = &about.attempt {
        history(&mut head.headers, attempt);
    }
    forwarding(head, &mut words);
    trace::start_unless_passed(&mut head.headers, about.id, &mut words);
    let host = to.settings.host.host(to.address.host(), head.host.take());
    head.headers.insert(HOST, host);
}

fn findings(head: &mut Head, about: &About, words: &mut Words) {
    let headers = &mut head.headers;
    headers.insert(VERDICT, HeaderValue::from_static("verified"));
    headers.insert(EVENT, HeaderValue::from_static(about.kind.as_str()));
    headers.insert(EVENT_SOURCE, HeaderValue::from_static(head.source.as_str()));
    let mut buffer = uuid::Uuid::encode_buffer();
    let id: &str = about.id.as_hyphenated().encode_lower(&mut buffer);
    // Names are `[a-z0-9_-]`, which any header may hold.
    for (name, text) in [
        (DELIVERY, id),
        (ENDPOINT, &*about.endpoint),
        (SECRET_NAME, head.secret.as_ref()),
    ] {
        if let Some(value) = words.value(&[text.as_bytes()]) {
            headers.insert(name, value);
        }
    }
}

/// By what an app can tell a second try, a late one and a copy.
fn history(headers: &mut HeaderMap, attempt: &Attempt) {
    headers.insert(ATTEMPT, HeaderValue::from(attempt.number));
    insert_moment(headers, RECEIVED, attempt.received);
    if attempt.copy > 0 {
        headers.insert(COPY, HeaderValue::from(attempt.copy));
        insert_moment(headers, FIRST_RECEIVED, attempt.first_received);
    }
}

/// As RFC 3339 writes it.
fn insert_moment(headers: &mut HeaderMap, name: HeaderName, moment: Millis) {
    let since = u64::try_from(moment).unwrap_or_default();
    let moment = UNIX_EPOCH + Duration::from_millis(since.min(LAST_MOMENT));
    let moment = humantime::format_rfc3339_millis(moment).to_string();
    if let Ok(moment) = HeaderValue::from_str(&moment) {
        headers.insert(name, moment);
    }
}

/// RFC 7239, and the older fields that most frameworks read. A trusted hop's own words stay before
/// the gate's; anybody else's were dropped.
fn forwarding(head: &mut Head, words: &mut Words) {
    let client = match head.peer {
        Peer::Tcp(address) => Some(address.ip().to_canonical()),
        Peer::Unix => None,
    };
    let address = client.and_then(|client| words.address(client));
    let forwarded = forwarded(head, client, address.as_ref(), words);
    let headers = &mut head.headers;
    append(headers, FORWARDED, forwarded);
    append(headers, FORWARDED_FOR, address);
    append(headers, VIA, Some(HeaderValue::from_static("1.1 cartgate")));
    if !(head.peer_is_trusted && headers.contains_key(FORWARDED_PROTO)) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(head.scheme));
    }
    if let Some(host) = &head.host
        && !(head.peer_is_trusted && headers.contains_key(FORWARDED_HOST))
    {
        headers.insert(FORWARDED_HOST, host.clone());
    }
}

fn forwarded(
    head: &Head,
    client: Option<IpAddr>,
    address: Option<&HeaderValue>,
    words: &mut Words,
) -> Option<HeaderValue> {
    let address = address.map_or(&b"unknown"[..], HeaderValue::as_bytes);
    let (open, close): (&[u8], &[u8]) = match client {
        Some(IpAddr::V6(_)) => (b"\"[", b"]\""),
        _ => (b"", b""),
    };
    let proto = head.scheme.as_bytes();
    match &head.host {
        Some(host) => words.value(&[
            b"for=",
            open,
            address,
            close,
            b";host=\"",
            host.as_bytes(),
            b"\";proto=",
            proto,
        ]),
        None => words.value(&[b"for=", open, address, close, b";proto=", proto]),
    }
}

/// Adds to a list field: one field with all values, since many apps read the first line alone.
fn append(headers: &mut HeaderMap, name: HeaderName, last: Option<HeaderValue>) {
    let Some(last) = last else { return };
    let earlier = headers.get_all(&name).iter();
    let mut list: Vec<&str> = earlier.filter_map(|value| value.to_str().ok()).collect();
    if list.is_empty() {
        headers.insert(name, last);
        return;
    }
    list.extend(last.to_str());
    if let Ok(list) = HeaderValue::from_str(&list.join(", ")) {
        headers.insert(name, list);
    }
}
