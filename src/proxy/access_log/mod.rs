//! The end of every request: the marks that each answer carries, its place in the metrics, and the
//! one line in the log. What outsiders read and what operators read part ways here.

pub(crate) mod line;

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, BytesMut};
use http::{
    HeaderValue, Method, Request, Response,
    header::{CONNECTION, CONTENT_LENGTH, DATE},
    uri::PathAndQuery,
};
use tower_cartgate::SecretName;

use crate::{
    destination::Destination,
    endpoint::{Endpoint, Target},
    net::peer::Peer,
    outcome::{
        problem::{DELIVERY, PROXY_STATUS, problem},
        reject_reason::RejectReason,
    },
    proxy::{
        access_log::line::{Line, Path, Verdict},
        config::AccessLog,
        context::{Outcome, RequestContext},
        response::ResponseBody,
        shared::{Shared, Stage},
        state::ConnectionState,
    },
    telemetry::count::now,
};

/// A request whose line is still to be written. Dropped without an answer, it says that the client
/// went away.
pub(crate) struct Entry {
    context: Arc<RequestContext>,
    method: Option<Method>,
    target: Option<PathAndQuery>,
    declared: Option<u64>,
    open: bool,
}

impl Entry {
    pub(crate) fn open<B: http_body::Body>(
        context: &Arc<RequestContext>,
        request: &Request<B>,
    ) -> Self {
        Self {
            context: Arc::clone(context),
            method: Some(request.method().clone()),
            target: request.uri().path_and_query().cloned(),
            declared: request.body().size_hint().exact(),
            open: true,
        }
    }

    /// Marks the answer, counts it and writes the line.
    pub(crate) fn close(mut self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        self.open = false;
        let headers = response.headers_mut();
        if !self.is_probe() {
            headers.insert(DELIVERY, self.context.id_header());
        }
        if let Some(refusal) = self.own_answer() {
            headers.insert(PROXY_STATUS, refusal.proxy_status());
        }
        if self.is_last() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.write(Some(response.status().as_u16()));
        response
    }

    /// A question for the gate's health is no delivery, and leaves no trace.
    fn is_probe(&self) -> bool {
        matches!(self.context.outcome(), Some(Outcome::Probed { .. }))
    }

    /// The refusal that the answer comes from, unless a destination gave it.
    fn own_answer(&self) -> Option<&RejectReason> {
        match self.context.outcome()? {
            Outcome::Refused(refusal) | Outcome::Failed { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Whether the connection ends with this answer, so that the client hears of it in time.
    fn is_last(&self) -> bool {
        let leaving =
            self.context.shared.stage() > Stage::Serving || self.context.connection.is_evicted();
        let closes = match self.context.outcome() {
            Some(Outcome::Refused(refusal)) => refusal.closes(),
            Some(Outcome::Probed { broken }) => *broken,
            _ => return leaving,
        };
        // What is left of a body that nobody reads stands where the next request would begin. hyper
        // skips it only if it has it already, and else closes: unannounced, that would lose the next
        // request, perhaps a genuine one, on a connection that a proxy shares.
        leaving || closes || self.context.connection.is_unread()
    }

    fn write(&self, status: Option<u16>) {
        if self.is_probe() {
            return;
        }
        let context = &self.context;
        let verdict = verdict(context, status);
        let duration = context.begun.elapsed();
        count(context, &verdict, duration);
        if !is_wanted(context.config.access_log, &verdict) {
            return;
        }
        let line = Line {
            verdict,
            id: context.id,
            endpoint: context.endpoint().map(|endpoint| &*endpoint.name),
            destination: context.endpoint().and_then(|endpoint| direct(endpoint)),
            status,
            received: context.received(),
            declared: self.declared,
            form: context.form(),
            duration,
            peer: context.peer,
            method: self.method.as_ref(),
            path: self.target.as_ref().map(|target| Path(target.path())),
        };
        line.write(&context.shared.throttle);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            if self.context.is_being_kept() {
                // The committing side says the rest, unless it has done so.
                self.context.ended(Outcome::Left);
            }
            self.write(None);
        }
    }
}

fn direct(endpoint: &Endpoint) -> Option<&Destination> {
    match &endpoint.target {
        Target::Direct(destination) => Some(destination),
        Target::Durable(_) => None,
    }
}

/// The one place where requests are counted.
fn count(context: &RequestContext, verdict: &Verdict<'_>, duration: Duration) {
    match (context.meter(), verdict) {
        (Some(meter), _) => meter.ended(verdict, context.received(), duration),
        (None, Verdict::Rejected { reason }) => context.shared.metrics.astray.add(reason, now()),
        // What was verified was verified by an endpoint's secrets.
        (None, _) => {}
    }
}

fn verdict(context: &RequestContext, status: Option<u16>) -> Verdict<'_> {
    if let (Some(secret), Some(outcome)) = (context.secret(), context.outcome())
        && let Some(kept) = kept(secret, outcome)
    {
        return kept;
    }
    let reason = match context.outcome() {
        Some(Outcome::Refused(refusal) | Outcome::Failed { refusal, .. }) => refusal.reason(),
        Some(Outcome::Answered) => Verdict::ANSWERED,
        _ => Verdict::CLIENT_GONE,
    };
    let cause = match context.outcome() {
        Some(Outcome::Failed { cause, .. }) => Some(cause.as_str()),
        _ => None,
    };
    match (context.secret(), status) {
        (Some(secret), Some(200..=299)) => Verdict::Taken { secret },
        (Some(secret), _) => Verdict::NotTaken {
            secret,
            reason,
            cause,
        },
        (None, _) => Verdict::Rejected { reason },
    }
}

/// The verdict where the inbox has the delivery, or will have it.
fn kept<'a>(secret: &'a SecretName, outcome: &Outcome) -> Option<Verdict<'a>> {
    match *outcome {
        Outcome::Kept { stored, dead } => Some(Verdict::Kept {
            secret,
            stored,
            dead,
        }),
        Outcome::Duplicate { of } => Some(Verdict::Duplicate { secret, of }),
        Outcome::Left => Some(Verdict::Left { secret }),
        _ => None,
    }
}

/// An app has not got the order if its destination did not take the delivery, if no destination wants it, or if a destination
/// was left out. The line of such a delivery is written whatever was asked.
fn is_wanted(wanted: AccessLog, verdict: &Verdict<'_>) -> bool {
    match (wanted, verdict) {
        (_, Verdict::NotTaken { .. } | Verdict::Kept { dead: Some(_), .. }) => true,
        (_, Verdict::Kept { stored, .. }) if stored.left_out => true,
        (AccessLog::All, _) => true,
        (AccessLog::Refused, Verdict::Rejected { .. }) => true,
        (AccessLog::Refused | AccessLog::Off, _) => false,
    }
}

/// The answer to a request that never became one, as it goes over the wire, and its line.
pub(crate) fn last_words(
    refusal: RejectReason,
    shared: &Arc<Shared>,
    peer: Peer,
    state: &Arc<ConnectionState>,
) -> BytesMut {
    let context = RequestContext::begin(Arc::clone(shared), peer, Arc::clone(state), state.since());
    let response = problem(&refusal);
    context.ended(Outcome::Refused(refusal));
    let entry = Entry {
        context,
        method: None,
        target: None,
        declared: None,
        open: true,
    };
    let length = response.body().len();
    let (_, body) = response.clone().into_parts();
    let mut response = entry.close(response.map(ResponseBody::from));
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now()))
    {
        headers.insert(DATE, date);
    }
    serialize(&response, &body)
}

fn serialize(response: &Response<ResponseBody>, body: &[u8]) -> BytesMut {
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
    wire.put_slice(body);
    wire
}
