//! The verdict handler: it states the result of a verification to a proxy, which forwards the
//! delivery itself.

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, HeaderMap},
};
use tower_cartgate::Verified;
use uuid::Uuid;

use crate::{
    delivery::VerificationHeaders,
    proxy::{
        outcome::{Handled, RequestOutcome},
        response_body::ResponseBody,
    },
};

/// Returns the verdict on a verified delivery: an empty 200 with the headers that a destination
/// would get.
pub(crate) fn respond(verified: &Verified, id: Uuid, endpoint: &str) -> Handled {
    let mut response = Response::new(ResponseBody::from(Bytes::new()));
    let headers = response.headers_mut();
    VerificationHeaders::of_verified(verified, id, endpoint).write(|name, value| {
        let value = HeaderValue::from_str(value).expect("names and words are values of headers");
        headers.insert(name.clone(), value);
    });
    forbid_reuse(headers);
    Handled {
        response,
        outcome: RequestOutcome::Verdict,
    }
}

/// Keeps a cache between proxy and gate from giving this verdict to another body.
fn forbid_reuse(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
