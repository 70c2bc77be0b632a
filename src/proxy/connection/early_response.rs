//! The response to a request whose head was never complete, as bytes, with its line in the log.

use std::{sync::Arc, time::SystemTime};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{
    HeaderValue, Response,
    header::{CONTENT_LENGTH, DATE},
};

use crate::{
    net::peer::Peer,
    outcome::{problem::problem, reject_reason::RejectReason},
    proxy::{
        access_log::Entry, context::RequestContext, outcome::RequestOutcome, response_headers,
        shared::Shared, state::ConnectionState,
    },
};

/// Logs the rejection and returns the bytes of the response.
pub(super) fn early_response(
    reason: RejectReason,
    shared: &Arc<Shared>,
    peer: Peer,
    state: &Arc<ConnectionState>,
) -> BytesMut {
    let context = RequestContext::new(shared, peer, state, state.since());
    let mut response = problem(&reason);
    let outcome = RequestOutcome::Rejected {
        reason,
        signature: None,
    };
    response_headers::add(&mut response, &context, &outcome);
    let mut entry = Entry::without_request(&context);
    entry.ended(outcome);
    entry.close(response.status().as_u16());
    complete(&mut response);
    serialize(&response)
}

/// Adds the headers that hyper would add.
fn complete(response: &mut Response<Bytes>) {
    let length = response.body().len();
    let headers = response.headers_mut();
    response_headers::announce_close(headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())) {
        headers.insert(DATE, date);
    }
}

fn serialize(response: &Response<Bytes>) -> BytesMut {
    let status = response.status();
    let mut wire = BytesMut::with_capacity(512);
    wire.put_slice(b"HTTP/1.1 ");
    wire.put_slice(status.as_str().as_bytes());
    wire.put_slice(b" ");
    wire.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in response.headers() {
        wire.put_slice(b"\r\n");
        wire.put_slice(name.as_str().as_bytes());
        wire.put_slice(b": ");
        wire.put_slice(value.as_bytes());
    }
    wire.put_slice(b"\r\n\r\n");
    wire.put_slice(response.body());
    wire
}
