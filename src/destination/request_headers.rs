//! The head that an attempt sends: what was kept of the inbound headers, which is `clean`'s to say, and what an attempt adds:
//! what the operator wants there, the gate's findings, the way it came, its trace, and framing from the bytes.

use http::{
    HeaderName,
    header::{CONTENT_LENGTH, HOST, VIA},
};
use tower_cartgate::{EventKind, EventSource};

use super::{
    Destination,
    client_account::{self, is_of_the_account},
};
use crate::{
    delivery::{AttemptInfo, DeliveryInfo, Head, trace},
    destination::head_writer::HeadLines,
    outcome::problem::DELIVERY,
    runtime::clock::system_time,
    text::rfc3339,
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

/// The head of an attempt at this delivery, but for its end. The operator's headers take the place of the client's, and no
/// header of either takes that of the gate's own words, whatever its name.
pub(super) fn dress(
    head: &Head,
    info: &DeliveryInfo,
    length: usize,
    to: &Destination,
) -> HeadLines {
    let (root, target) = target(head, to);
    let mut lines = HeadLines::begin(&head.method, [root, target]);
    let host = to.settings.host.host(to.address.host(), head.host.as_ref());
    lines.line(&HOST, host.as_bytes());
    lines.number(&CONTENT_LENGTH, length as u64);
    others(&mut lines, head, info, to);
    findings(&mut lines, head, info);
    if let Some(attempt) = &info.attempt {
        history(&mut lines, attempt);
    }
    client_account::write(&mut lines, head);
    append(&mut lines, head, &VIA, &[b"1.1 cartgate"]);
    if !head.headers.contains_key(trace::TRACEPARENT) {
        lines.line(&trace::TRACEPARENT, &trace::start(info.id));
    }
    lines
}

/// In origin-form: a client may name the gate in the request line, and its destination must not see that name.
fn target<'a>(head: &'a Head, to: &'a Destination) -> (&'a str, &'a str) {
    let own = to.address.target();
    let target = own.or_else(|| head.target.path_and_query());
    let target = target.map_or("", |target| target.as_str());
    // `http://gate?a=b` has no path.
    let root = if target.starts_with(['/', '*']) {
        ""
    } else {
        "/"
    };
    (root, target)
}

/// The client's headers, those that the endpoint adds, and the destination's own, each over those before it.
fn others(lines: &mut HeadLines, head: &Head, info: &DeliveryInfo, to: &Destination) {
    let (kept, added, fixed) = (&head.headers, &info.added, to.settings.headers.all());
    let kept = kept
        .iter()
        .filter(|(name, _)| !added.contains_key(*name) && !fixed.contains_key(*name));
    let added = added.iter().filter(|(name, _)| !fixed.contains_key(*name));
    for (name, value) in kept.chain(added).chain(fixed) {
        if !is_the_gates(name, to.settings.sign.is_some()) {
            lines.line(name, value.as_bytes());
        }
    }
}

/// The names that the gate says itself to such a destination, or joins its own word to.
fn is_the_gates(name: &HeaderName, signed_anew: bool) -> bool {
    let name = name.as_str();
    name.starts_with("x-cartgate-")
        || (signed_anew && name.starts_with("webhook-"))
        || is_of_the_account(name)
        || matches!(name, "host" | "content-length" | "via")
}

fn findings(lines: &mut HeadLines, head: &Head, info: &DeliveryInfo) {
    let mut buffer = uuid::Uuid::encode_buffer();
    let id: &str = info.id.as_hyphenated().encode_lower(&mut buffer);
    // Names are `[a-z0-9_-]`.
    for (name, text) in [
        (&VERDICT, "verified"),
        (&DELIVERY, id),
        (&ENDPOINT, &*info.endpoint),
        (&SECRET_NAME, head.secret.as_ref()),
    ] {
        lines.line(name, text.as_bytes());
    }
    // Without an event rule nobody has said what it is, and `other` would be a claim.
    if (info.kind, head.source) != (EventKind::Other, EventSource::Endpoint) {
        lines.line(&EVENT, info.kind.as_str().as_bytes());
        lines.line(&EVENT_SOURCE, head.source.as_str().as_bytes());
    }
}

/// By what an app can tell a second try, a late one and a copy.
fn history(lines: &mut HeadLines, attempt: &AttemptInfo) {
    lines.number(&ATTEMPT, attempt.number.into());
    lines.line(
        &RECEIVED,
        rfc3339::millis(system_time(attempt.received)).as_bytes(),
    );
    if attempt.copy > 0 {
        lines.number(&COPY, attempt.copy.into());
        lines.line(
            &FIRST_RECEIVED,
            rfc3339::millis(system_time(attempt.first_received)).as_bytes(),
        );
    }
}

/// Adds to a list field: one line with all values, since many apps read the first line alone.
fn append(lines: &mut HeadLines, head: &Head, name: &HeaderName, last: &[&[u8]]) {
    let earlier = head.headers.get_all(name).iter();
    let mut parts: Vec<&[u8]> = earlier
        .filter(|value| value.to_str().is_ok())
        .flat_map(|value| [value.as_bytes(), b", "])
        .collect();
    if parts.is_empty() {
        lines.line_of(name, last);
        return;
    }
    parts.extend(last);
    lines.line_of(name, &parts);
}
