//! Broken or ambiguous HTTP, refused before anything but the health path looks at a request: what two servers could
//! read in two ways lets an attacker put one request inside another. hyper has parsed the head;
//! this is what it leaves open. Routes and signatures are no business of this file.

use http::{
    HeaderMap, Method, Request, Uri, Version,
    header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING},
};

use crate::{
    net::host_name::is_host, outcome::reject_reason::RejectReason, proxy::context::RequestContext,
};

/// Judges a request's head by RFC 9112 at its strictest.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), RejectReason> {
    let headers = request.headers();
    version(request.version())?;
    transfer_encoding(headers)?;
    content_length(headers)?;
    let host = host(headers)?;
    let scheme = RequestContext::of(request.extensions()).map_or("http", |one| one.scheme());
    target(request.method(), request.uri(), scheme, host)?;
    expectation(headers)
}

fn version(version: Version) -> Result<(), RejectReason> {
    match version {
        Version::HTTP_10 | Version::HTTP_11 => Ok(()),
        _ => Err(RejectReason::Framing("version")),
    }
}

/// RFC 9112, section 6.1: a server may refuse any coding that it does not understand; one that is
/// repeated or listed is how a front and a back come to see two different bodies.
fn transfer_encoding(headers: &HeaderMap) -> Result<(), RejectReason> {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(RejectReason::Framing("transfer-encoding")),
    }
}

/// hyper merges equal lengths and refuses unequal ones; a single list (`5, 5`) is refused here.
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

/// RFC 9112, section 3.2: exactly one `Host`, and a valid one.
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

/// The bytes that may stand in a path or a query (RFC 3986, section 3). Other bytes, such as a backslash, are a separator for one
/// reader and a letter for the next.
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

/// RFC 9112, section 3.2: origin-form, or absolute-form that names this very host, by the scheme
/// that the client really speaks: an app that builds links or decides by the scheme must not be lied to.
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
        // Authority-form has no scheme, so CONNECT ends here too.
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

/// RFC 9110, section 10.1.1.
fn expectation(headers: &HeaderMap) -> Result<(), RejectReason> {
    let known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(EXPECT).iter().all(known) {
        Ok(())
    } else {
        Err(RejectReason::Expectation)
    }
}
