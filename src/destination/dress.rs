//! What an attempt adds to a delivery's headers: what the operator wants there, the gate's findings,
//! the way it came, its trace, and framing from the bytes. What is kept of the inbound headers is `clean`'s.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, FORWARDED, HOST, VIA},
};

use super::{Destination, trace};
use crate::{delivery::About, exchange::id_header, listener::Peer, problem::DELIVERY};

const VERDICT: HeaderName = HeaderName::from_static("x-cartgate-verdict");
const ENDPOINT: HeaderName = HeaderName::from_static("x-cartgate-endpoint");
const EVENT: HeaderName = HeaderName::from_static("x-cartgate-event");
const EVENT_SOURCE: HeaderName = HeaderName::from_static("x-cartgate-event-source");
const SECRET_NAME: HeaderName = HeaderName::from_static("x-cartgate-secret-name");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Adds what this attempt's destination is told. The operator's headers come first: whatever their
/// names, the gate's own words are put over them.
pub(super) fn dress(headers: &mut HeaderMap, mut about: About, length: usize, to: &Destination) {
    // Extended by a map, a map drops all that it had under the same names.
    headers.extend(std::mem::take(&mut about.added));
    to.settings.headers.put_into(headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    findings(headers, &about);
    forwarding(headers, &about);
    trace::start_unless_passed(headers, about.id);
    let host = to.settings.host.host(to.address.host(), about.host);
    headers.insert(HOST, host);
}

fn findings(headers: &mut HeaderMap, about: &About) {
    headers.insert(VERDICT, HeaderValue::from_static("verified"));
    headers.insert(DELIVERY, id_header(about.id));
    headers.insert(EVENT, HeaderValue::from_static(about.event.kind.as_str()));
    headers.insert(
        EVENT_SOURCE,
        HeaderValue::from_static(about.event.source.as_str()),
    );
    insert_name(headers, ENDPOINT, &about.endpoint);
    insert_name(headers, SECRET_NAME, about.secret.as_ref());
}

/// Names are `[a-z0-9_-]`, which any header may hold.
fn insert_name(headers: &mut HeaderMap, header: HeaderName, name: &str) {
    if let Ok(value) = HeaderValue::from_str(name) {
        headers.insert(header, value);
    }
}

/// RFC 7239, and the older fields that most frameworks read. A trusted hop's own words stay before
/// the gate's; anybody else's were dropped.
fn forwarding(headers: &mut HeaderMap, about: &About) {
    if let Peer::Tcp(_) = about.peer {
        append(headers, FORWARDED_FOR, &about.peer.to_string());
    }
    append(headers, FORWARDED, &forwarded(about));
    append(headers, VIA, "1.1 cartgate");
    if !(about.peer_is_trusted && headers.contains_key(FORWARDED_PROTO)) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(about.scheme));
    }
    if let Some(host) = &about.host
        && !(about.peer_is_trusted && headers.contains_key(FORWARDED_HOST))
    {
        headers.insert(FORWARDED_HOST, host.clone());
    }
}

fn forwarded(about: &About) -> String {
    let client = match &about.peer {
        Peer::Tcp(address) if address.ip().to_canonical().is_ipv6() => {
            format!("\"[{}]\"", about.peer)
        }
        Peer::Tcp(_) => about.peer.to_string(),
        Peer::Unix => "unknown".to_owned(),
    };
    let host = about.host.as_ref().and_then(|host| host.to_str().ok());
    let proto = about.scheme;
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
