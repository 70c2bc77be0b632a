//! Composes the head of a request: the inbound headers that the header filter kept, the operator's
//! headers, the result of the verification, the account of the client, the trace, and the framing.

use http::{
    HeaderName,
    header::{CONTENT_LENGTH, HOST, VIA},
};

use super::{
    forwarded_headers::{self, is_forwarded_header},
    head_writer::HeadWriter,
    settings::Settings,
};
use crate::{
    delivery::{AttemptInfo, DeliveryInfo, Head, VerificationHeaders, arrival_time, trace},
    net::destination_address::Address,
    runtime::clock::system_time,
    text::rfc3339,
};

const ATTEMPT: HeaderName = HeaderName::from_static("x-cartgate-attempt");
const RECEIVED: HeaderName = HeaderName::from_static("x-cartgate-received");
const FIRST_RECEIVED: HeaderName = HeaderName::from_static("x-cartgate-first-received");
const COPY: HeaderName = HeaderName::from_static("x-cartgate-copy");
const LATE: HeaderName = HeaderName::from_static("x-cartgate-late");

/// Returns the head of a request, to which more headers can be added. The operator's headers
/// replace the client's, and neither can replace the gate's.
pub(super) fn request_head(
    head: &Head,
    info: &DeliveryInfo,
    length: usize,
    address: &Address,
    settings: &Settings,
) -> HeadWriter {
    let mut lines = HeadWriter::new(&head.method, target(head, address));
    let host = settings.host.host(address.host(), head.host.as_ref());
    lines.header(&HOST, host.as_bytes());
    lines.number(&CONTENT_LENGTH, length as u64);
    let passed_on = write_passed_on(&mut lines, head, info, settings);
    let result = VerificationHeaders::of_delivery(head, info);
    result.write(|name, value| lines.header(name, value.as_bytes()));
    if let Some(attempt) = &info.attempt {
        write_attempt(&mut lines, attempt);
    }
    if head.late
        && let Some(arrival) = arrival_time(info.id)
    {
        lines.header(&LATE, rfc3339::millis(arrival).as_bytes());
    }
    forwarded_headers::write(&mut lines, head);
    write_via(&mut lines, head, passed_on.has_via);
    if !passed_on.has_trace {
        lines.header(&trace::TRACEPARENT, &trace::start(info.id));
    }
    lines
}

/// Returns the target in origin-form, in two parts. A client may name the gate in the request line,
/// and the destination must not see that name.
fn target<'a>(head: &'a Head, address: &'a Address) -> [&'a str; 2] {
    let own = address.target();
    let target = own.or_else(|| head.target.path_and_query());
    let target = target.map_or("", |target| target.as_str());
    // `http://gate?a=b` has no path.
    let root = if target.starts_with(['/', '*']) {
        ""
    } else {
        "/"
    };
    [root, target]
}

/// The headers of the client that the gate appends to or replaces.
#[derive(Default)]
struct PassedOn {
    has_via: bool,
    has_trace: bool,
}

/// Writes the client's headers, the ones that the endpoint adds, and the destination's own. Each
/// group replaces headers of the groups before it.
fn write_passed_on(
    lines: &mut HeadWriter,
    head: &Head,
    info: &DeliveryInfo,
    settings: &Settings,
) -> PassedOn {
    let (added, fixed) = (info.added.as_deref(), settings.headers.all());
    let is_signed = settings.sign.is_some();
    let is_added = |name: &HeaderName| added.is_some_and(|added| added.contains_key(name));
    let is_fixed = |name: &HeaderName| !fixed.is_empty() && fixed.contains_key(name);
    let mut found = PassedOn::default();
    for (name, value) in head.headers.iter() {
        found.has_via |= name == VIA;
        found.has_trace |= name == trace::TRACEPARENT;
        if !is_added(name) && !is_fixed(name) && !is_reserved(name, is_signed) {
            lines.header(name, value.as_bytes());
        }
    }
    let added = added.into_iter().flatten();
    let added = added.filter(|(name, _)| !is_fixed(name));
    for (name, value) in added.chain(fixed) {
        if !is_reserved(name, is_signed) {
            lines.header(name, value.as_bytes());
        }
    }
    found
}

/// Returns whether the gate itself writes this header, or appends to it.
fn is_reserved(name: &HeaderName, is_signed: bool) -> bool {
    let name = name.as_str();
    name.starts_with("x-cartgate-")
        || (is_signed && name.starts_with("webhook-"))
        || is_forwarded_header(name)
        || matches!(name, "host" | "content-length" | "via")
}

/// Writes the headers by which an app recognises a retry, a delay and a copy.
fn write_attempt(lines: &mut HeadWriter, attempt: &AttemptInfo) {
    lines.number(&ATTEMPT, attempt.number.into());
    lines.header(
        &RECEIVED,
        rfc3339::millis(system_time(attempt.received)).as_bytes(),
    );
    if attempt.copy > 0 {
        lines.number(&COPY, attempt.copy.into());
        lines.header(
            &FIRST_RECEIVED,
            rfc3339::millis(system_time(attempt.first_received)).as_bytes(),
        );
    }
}

/// Appends to `Via`. All values go on one line, because many apps read only the first.
fn write_via(lines: &mut HeadWriter, head: &Head, has_via: bool) {
    lines.begin(&VIA);
    if has_via {
        for value in head
            .headers
            .via()
            .iter()
            .filter(|value| value.to_str().is_ok())
        {
            lines.put(value.as_bytes());
            lines.put(b", ");
        }
    }
    lines.put(b"1.1 cartgate");
    lines.end();
}
