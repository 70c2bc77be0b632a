//! Decides whether two clients agree, and lists the permitted differences with their reasons.

use std::collections::BTreeSet;

use http::{
    HeaderMap, HeaderName,
    header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};

use super::{
    hyper_client::MAX_HEADERS,
    input::Input,
    view::{BodyEnd, ClientView, SeenResponse},
};
use crate::destination::header_lines::section_end;

/// The number of headers from which this client drops further ones.
const MAX_PASSED_ON: usize = 96;

/// The kind of an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Both read the same response.
    Same,
    /// Neither has a whole response.
    NoResponse,
    /// This client rejects the response or its body.
    OwnRejects,
    /// This client reads a response that hyper rejects, for this reason.
    Tolerated(&'static str),
}

/// Compares this client's view with hyper's.
///
/// # Errors
///
/// When they differ in a way that is not permitted; the text names the part.
pub(super) fn compare(
    input: &Input,
    own: &ClientView,
    other: &ClientView,
) -> Result<Agreement, String> {
    use ClientView::{Failed, Head, NoHead};
    match (own, other) {
        (Failed(_), Head(_)) => Ok(Agreement::OwnRejects),
        (Failed(_), Failed(_) | NoHead) => Ok(Agreement::NoResponse),
        // hyper rejects a line before its head is complete.
        (NoHead, Failed(_) | NoHead) => Ok(Agreement::NoResponse),
        (NoHead, Head(_)) => Err("only hyper has a head".to_owned()),
        (Head(_), NoHead) => Err("only this client has a head".to_owned()),
        (Head(own), Failed(error)) => tolerance(input, own)
            .map(Agreement::Tolerated)
            .ok_or_else(|| format!("hyper fails: {error}")),
        (Head(own), Head(other)) => responses(input, own, other),
    }
}

/// Returns the reason why this client reads a response that hyper rejects. The app has processed
/// the delivery, so its status counts although another line has a fault.
fn tolerance(input: &Input, own: &SeenResponse) -> Option<&'static str> {
    let heads = Heads::of(&input.bytes());
    let reasons = [
        (
            own.drops_body,
            "ambiguous framing: only the status counts (RFC 9112, section 6.3)",
        ),
        (
            heads.lines.len() > MAX_HEADERS,
            "hyper limits the number of headers",
        ),
        (
            heads.status_lines.iter().any(|line| !is_usual(line)),
            "a later minor version, other whitespace, or an unreadable reason phrase \
             (RFC 9110, section 2.5; RFC 9112, section 4)",
        ),
        (
            heads
                .lines
                .iter()
                .any(|line| line.contains(&b'\r') || line.contains(&b'\0')),
            "a line with a control character is dropped (RFC 9110, section 5.5)",
        ),
    ];
    reasons
        .into_iter()
        .find_map(|(applies, reason)| applies.then_some(reason))
}

fn responses(input: &Input, own: &SeenResponse, other: &SeenResponse) -> Result<Agreement, String> {
    same("status", &own.status, &other.status)?;
    headers(own, other)?;
    if own.drops_body {
        let dropped = (own.body.is_empty(), own.end, own.is_reusable);
        same("dropped body", &dropped, &(true, BodyEnd::Complete, false))?;
        return Ok(Agreement::OwnRejects);
    }
    let agreement = bodies(own, other)?;
    if agreement == Agreement::OwnRejects {
        return same("reuse after a rejected body", &own.is_reusable, &false).map(|()| agreement);
    }
    if own.is_reusable && !other.is_reusable && agreement == Agreement::Same {
        return Err("only this client reuses the connection".to_owned());
    }
    if other.is_reusable && !own.is_reusable && !closes_for_a_reason(input, own) {
        return Err("only hyper reuses the connection".to_owned());
    }
    Ok(agreement)
}

fn bodies(own: &SeenResponse, other: &SeenResponse) -> Result<Agreement, String> {
    // This client may have dropped the header, because it was one too many.
    let codings = other.headers.get_all(TRANSFER_ENCODING);
    let has = |coding: &str| {
        let mut codings = codings.iter();
        codings.any(|value| value.as_bytes().eq_ignore_ascii_case(coding.as_bytes()))
    };
    // RFC 2616, section 4.4: `identity` is no coding, and the length counts. hyper reads to the
    // end. The connection is closed, so nothing of the rest is taken for a response.
    if has("identity") && own.headers.contains_key(CONTENT_LENGTH) {
        let is_prefix = other.body.starts_with(&own.body) && !own.is_reusable;
        return same("body beside identity", &is_prefix, &true).map(|()| Agreement::OwnRejects);
    }
    if own.end == BodyEnd::Broken && other.body.starts_with(&own.body) {
        return Ok(if other.end == BodyEnd::Broken {
            Agreement::Same
        } else {
            Agreement::OwnRejects
        });
    }
    same("body", &own.body, &other.body)?;
    // The zero-sized chunk completes a body (RFC 9112, section 8). This client drops the trailers
    // unread (RFC 9110, section 6.5.1), and so their faults.
    if has("chunked") && own.end == BodyEnd::Complete && other.end != BodyEnd::Complete {
        return Ok(Agreement::Tolerated("trailers are dropped unread"));
    }
    // hyper rejects a line before its end has arrived.
    if own.end == BodyEnd::Waiting && other.end == BodyEnd::Broken {
        return Ok(Agreement::NoResponse);
    }
    same("end of the body", &own.end, &other.end)?;
    Ok(Agreement::Same)
}

/// Returns whether this client closes a connection that hyper would reuse: an app with a fault in
/// its headers may have meant `Connection: close`, and one that announces a body where none is
/// allowed may send it later (RFC 9110, section 15.3.5; RFC 9112, section 6.3). A line may end with a
/// line feed alone (RFC 9112, section 2.2). If the empty line or the one before it does, this client
/// ends the trailers there. It closes because of the bytes behind them, which hyper takes for
/// trailers. It also reads `close` beside a member that is not ASCII, where hyper reads no member.
fn closes_for_a_reason(input: &Input, own: &SeenResponse) -> bool {
    let has = |name| own.headers.contains_key(name);
    let has_no_body = [204, 304].contains(&own.status.as_u16());
    let announces_body = has(CONTENT_LENGTH) || has(TRANSFER_ENCODING);
    let body = Heads::of(&input.bytes()).body;
    let is_bare = |end: &[u8]| match end {
        [_, _, b'\n', b'\n'] => true,
        [before, b'\n', b'\r', b'\n'] => *before != b'\r',
        _ => false,
    };
    let has_bare_line = body.windows(4).any(is_bare);
    let mut connection = own.headers.get_all(CONNECTION).iter();
    own.fault.is_some()
        || has_no_body && announces_body
        || has(TRANSFER_ENCODING) && has_bare_line
        || connection.any(|value| !value.as_bytes().is_ascii() && names_close(value.as_bytes()))
}

fn names_close(value: &[u8]) -> bool {
    let mut words = value.windows("close".len());
    words.any(|word| word.eq_ignore_ascii_case(b"close"))
}

fn headers(own: &SeenResponse, other: &SeenResponse) -> Result<(), String> {
    let framing = [CONTENT_LENGTH, TRANSFER_ENCODING, CONTENT_ENCODING];
    let lines = framing
        .iter()
        .map(|name| other.headers.get_all(name).iter().count());
    let dropped = if own.drops_body { lines.sum() } else { 0 };
    let is_cut = own.headers.len() + dropped >= MAX_PASSED_ON;
    let names: BTreeSet<&str> = own
        .headers
        .keys()
        .chain(other.headers.keys())
        .map(HeaderName::as_str)
        .collect();
    for name in names {
        if own.drops_body && framing.iter().any(|framing| framing == name) {
            same(name, &own.headers.contains_key(name), &false)?;
            continue;
        }
        let (own, other) = (values(&own.headers, name), values(&other.headers, name));
        if is_cut && other.starts_with(&own) {
            continue;
        }
        same(name, &own, &other)?;
    }
    Ok(())
}

/// Returns the values of a header, with each run of whitespace as one space: hyper replaces the
/// bytes of a fold one by one. Equal lengths count as one.
fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let is_length = name == CONTENT_LENGTH.as_str();
    let values = headers.get_all(name).iter();
    let values = values.flat_map(|value| {
        let whole = value.as_bytes();
        let parts = whole.split(|byte| is_length && *byte == b',');
        parts.map(collapsed).collect::<Vec<_>>()
    });
    let mut values: Vec<String> = values.collect();
    if is_length {
        for value in &mut values {
            let zeros = value.len() - value.trim_start_matches('0').len();
            // One digit remains.
            value.drain(..zeros.min(value.len().saturating_sub(1)));
        }
        values.dedup();
    }
    values
}

fn collapsed(value: &[u8]) -> String {
    let words = value.split(|byte| b" \t".contains(byte));
    let words = words.filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(|word| word.escape_ascii().to_string()).collect();
    words.join(" ")
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, own: &T, other: &T) -> Result<(), String> {
    if own == other {
        return Ok(());
    }
    Err(format!("{what}: ours {own:?}, hyper {other:?}"))
}

/// The heads of the interim responses and of the final one.
struct Heads {
    status_lines: Vec<Vec<u8>>,
    /// All other lines.
    lines: Vec<Vec<u8>>,
    /// The bytes behind the heads.
    body: Vec<u8>,
}

impl Heads {
    fn of(mut bytes: &[u8]) -> Self {
        let mut heads = Self {
            status_lines: Vec::new(),
            lines: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let blank = bytes.iter().take_while(|byte| b"\r\n".contains(byte));
            bytes = &bytes[blank.count()..];
            let Some(end) = section_end(bytes, 0) else {
                return heads;
            };
            let (head, rest) = bytes.split_at(end);
            bytes = rest;
            let lines = head.split(|byte| *byte == b'\n');
            let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec());
            let mut lines = lines.take_while(|line| !line.is_empty());
            let first = lines.next().unwrap_or_default();
            let code = first.get(8..).unwrap_or_default().trim_ascii_start();
            let is_interim = code.first() == Some(&b'1');
            heads.status_lines.push(first);
            heads.lines.extend(lines);
            if !is_interim {
                heads.body = bytes.to_vec();
                return heads;
            }
        }
    }
}

/// Returns whether every client reads this status line.
fn is_usual(line: &[u8]) -> bool {
    let rest = line
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 "));
    let is_text = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
    rest.is_some_and(|rest| {
        let (code, reason) = rest.split_at(rest.len().min(3));
        code.iter().all(u8::is_ascii_digit) && reason.iter().all(is_text)
    })
}
