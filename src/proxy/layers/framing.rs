//! The layer that rejects broken or ambiguous HTTP.
//!
//! If two servers can read one message in two ways, an attacker can hide a request in another.
//! hyper has parsed the head; this file checks what hyper accepts beyond RFC 9112 at its strictest.

use http::{
    HeaderMap, Method, Request, Uri, Version,
    header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING},
};

use crate::{net::host_name::is_host, outcome::reject_reason::RejectReason};

/// Checks the head of a request that came by `scheme`.
///
/// # Errors
///
/// When the head breaks a rule; the reason names its part.
pub(crate) fn check<B>(request: &Request<B>, scheme: &str) -> Result<(), RejectReason> {
    let headers = request.headers();
    version(request.version())?;
    transfer_encoding(headers)?;
    content_length(headers)?;
    let host = host(headers)?;
    target(request.method(), request.uri(), scheme, host)?;
    expectation(headers)
}

fn version(version: Version) -> Result<(), RejectReason> {
    match version {
        Version::HTTP_10 | Version::HTTP_11 => Ok(()),
        _ => Err(RejectReason::Framing("version")),
    }
}

/// Checks the transfer coding (RFC 9112, section 6.1). A server may reject any coding that it does
/// not understand. Repeated or listed codings let a proxy and a server see two different bodies.
fn transfer_encoding(headers: &HeaderMap) -> Result<(), RejectReason> {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(RejectReason::Framing("transfer-encoding")),
    }
}

/// Checks the length. hyper merges equal lengths and rejects unequal ones, but accepts a list (`5,
/// 5`).
fn content_length(headers: &HeaderMap) -> Result<(), RejectReason> {
    let digits = |value: &http::HeaderValue| {
        !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
    };
    if headers.get_all(CONTENT_LENGTH).iter().all(digits) {
        Ok(())
    } else {
        Err(RejectReason::Framing("content-length"))
    }
}

/// Returns the host: exactly one `Host`, and a valid one (RFC 9112, section 3.2).
fn host(headers: &HeaderMap) -> Result<&str, RejectReason> {
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(RejectReason::Framing("host"));
    };
    value
        .to_str()
        .ok()
        .filter(|host| is_host(host))
        .ok_or(RejectReason::Framing("host"))
}

/// The bytes that a path or a query may have (RFC 3986, section 3). Other bytes, such as a
/// backslash, are separators for one reader and letters for the next.
const IN_TARGETS: [bool; 256] = {
    let allowed = b"-._~!$&'()*+,;=:@/?%";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < allowed.len() {
        table[allowed[index] as usize] = true;
        index += 1;
    }
    table
};

/// Checks the target (RFC 9112, section 3.2): origin-form, or absolute-form with the same host and
/// the scheme that the client uses. An app may build links or decide by the scheme.
fn target(method: &Method, uri: &Uri, scheme: &str, host: &str) -> Result<(), RejectReason> {
    let path_and_query = uri.path_and_query().map_or("", |target| target.as_str());
    if !path_and_query
        .bytes()
        .all(|byte| IN_TARGETS[usize::from(byte)])
    {
        return Err(RejectReason::Framing("target"));
    }
    let Some(authority) = uri.authority() else {
        return origin_form(method, uri);
    };
    let same_host = authority.as_str().eq_ignore_ascii_case(host);
    let same_scheme = uri.scheme_str() == Some(scheme);
    if same_scheme && same_host && !authority.as_str().contains('@') {
        Ok(())
    } else {
        // Authority-form has no scheme, so this rejects CONNECT, too.
        Err(RejectReason::Framing("target"))
    }
}

fn origin_form(method: &Method, uri: &Uri) -> Result<(), RejectReason> {
    let path = uri.path();
    if path.starts_with('/') || (path == "*" && method == Method::OPTIONS) {
        Ok(())
    } else {
        Err(RejectReason::Framing("target"))
    }
}

/// Checks the expectation (RFC 9110, section 10.1.1).
fn expectation(headers: &HeaderMap) -> Result<(), RejectReason> {
    let known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(EXPECT).iter().all(known) {
        Ok(())
    } else {
        Err(RejectReason::Expectation)
    }
}
