//! The headers that the gate adds to every response.

use http::{
    HeaderValue, Response,
    header::{CONNECTION, HeaderMap},
};
use uuid::Uuid;

use crate::{
    outcome::problem::{DELIVERY, PROXY_STATUS},
    proxy::{context::RequestContext, outcome::RequestOutcome, shared::Stage},
};

/// Adds the id of the delivery, the kind of the gate's own error, and whether the connection
/// closes.
pub(crate) fn add<B>(
    response: &mut Response<B>,
    context: &RequestContext<'_>,
    outcome: &RequestOutcome,
) {
    let headers = response.headers_mut();
    if !matches!(outcome, RequestOutcome::HealthCheck { .. }) {
        headers.insert(DELIVERY, id(context.id));
    }
    if let Some(reason) = outcome.reject_reason() {
        headers.insert(PROXY_STATUS, reason.proxy_status());
    }
    if closes(context, outcome) {
        announce_close(headers);
    }
}

/// Announces that the connection closes after this response.
pub(crate) fn announce_close(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}

fn id(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = id.as_hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).expect("hexadecimal digits and hyphens are a header's value")
}

/// Whether the connection closes after this response. The client has to know it in time.
fn closes(context: &RequestContext<'_>, outcome: &RequestOutcome) -> bool {
    let connection = context.connection;
    let leaving = context.shared.stage() > Stage::Serving || connection.is_evicted();
    let closes = match outcome {
        RequestOutcome::Rejected { reason, .. } => reason.closes(),
        RequestOutcome::HealthCheck { broken } => *broken,
        _ => return leaving,
    };
    // The rest of a body that the gate does not read is where the next request would begin. hyper
    // skips it only if it has it already, and closes otherwise. Without an announcement that would
    // lose the next request, perhaps a genuine one, on a connection that a proxy shares.
    leaving || closes || connection.has_unread()
}
