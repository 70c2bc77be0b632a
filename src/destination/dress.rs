//! What an attempt adds to a delivery's headers: what the operator wants there, the gate's findings,
//! the way it came, its trace, and framing from the bytes. What is kept of the inbound headers is `clean`'s.

use std::time::{Duration, UNIX_EPOCH};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, FORWARDED, HOST, VIA},
};

use super::{Destination, trace};
use crate::{
    delivery::{About, Attempt, Head},
    exchange::id_header,
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
    findings(head, &about);
    if let Some(attempt) = &about.attempt {
        history(&mut head.headers, attempt);
    }
    forwarding(head);
    trace::start_unless_passed(&mut head.headers, about.id);
    let host = to.settings.host.host(to.address.host(), head.host.take());
    head.headers.insert(HOST, host);
}

fn findings(head: &mut Head, about: &About) {
    let headers = &mut head.headers;
    headers.insert(VERDICT, HeaderValue::from_static("verified"));
    headers.insert(DELIVERY, id_header(about.id));
    headers.insert(EVENT, HeaderValue::from_static(about.kind.as_str()));
    headers.insert(EVENT_SOURCE, HeaderValue::from_static(head.source.as_str()));
    insert_name(headers, ENDPOINT, &about.endpoint);
    insert_name(headers, SECRET_NAME, head.secret.as_ref());
}

/// By what an app can tell a second try, a late one and a copy.
fn history(headers: &mut HeaderMap, attempt: &Attempt) {
    headers.insert(ATTEMPT, HeaderValue::from(attempt.number));
    let since = u64::try_from(attempt.received).unwrap_or_default();
    let received = UNIX_EPOCH + Duration::from_millis(since.min(LAST_MOMENT));
    let received = humantime::format_rfc3339_millis(received).to_string();
    if let Ok(received) = HeaderValue::from_str(&received) {
        headers.insert(RECEIVED, received);
    }
    if attempt.copy > 0 {
        headers.insert(COPY, HeaderValue::from(attempt.copy));
    }
}

/// Names are `[a-z0-9_-]`, which any header may hold.
fn insert_name(headers: &mut HeaderMap, header: HeaderName, name: &str) {
    if let Ok(value) = HeaderValue::from_str(name) {
        headers.insert(header, value);
    }
}

/// RFC 7239, and the older fields that most frameworks read. A trusted hop's own words stay before
/// the gate's; anybody else's were dropped.
fn forwarding(head: &mut Head) {
    let forwarded = forwarded(head);
    let headers = &mut head.headers;
    if let Peer::Tcp(_) = head.peer {
        append(headers, FORWARDED_FOR, &head.peer.to_string());
    }
    append(headers, FORWARDED, &forwarded);
    append(headers, VIA, "1.1 cartgate");
    if !(head.peer_is_trusted && headers.contains_key(FORWARDED_PROTO)) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(head.scheme));
    }
    if let Some(host) = &head.host
        && !(head.peer_is_trusted && headers.contains_key(FORWARDED_HOST))
    {
        headers.insert(FORWARDED_HOST, host.clone());
    }
}

fn forwarded(head: &Head) -> String {
    let client = match &head.peer {
        Peer::Tcp(address) if address.ip().to_canonical().is_ipv6() => {
            format!("\"[{}]\"", head.peer)
        }
        Peer::Tcp(_) => head.peer.to_string(),
        Peer::Unix => "unknown".to_owned(),
    };
    let host = head.host.as_ref().and_then(|host| host.to_str().ok());
    let proto = head.scheme;
    match host {
        Some(host) => format!("for={client};host=\"{host}\";proto={proto}"),
        None => format!("for={client};proto={proto}"),
    }
}

/// Adds to a list field: one field with all values, since many apps read the first line alone.
fn append(headers: &mut HeaderMap, name: HeaderName, last: &str) {
    let earlier: Vec<&str> = headers
        .get_all(&name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let list = if earlier.is_empty() {
        HeaderValue::from_str(last)
    } else {
        HeaderValue::from_str(&format!("{}, {last}", earlier.join(", ")))
    };
    if let Ok(list) = list {
        headers.insert(name, list);
    }
}
