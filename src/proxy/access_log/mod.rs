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
    endpoint::{Endpoint, Onward},
    net::listener::Peer,
    outcome::{
        problem::{DELIVERY, PROXY_STATUS, problem},
        reject_reason::RejectReason,
    },
    proxy::{
        access_log::line::{Line, Path, Verdict},
        config::AccessLog,
        context::{Exchange, Outcome},
        response::AnswerBody,
        shared::{Gate, Stage},
        state::Activity,
    },
    telemetry::count::now,
};

/// A request whose line is still to be written. Dropped without an answer, it says that the client
/// went away.
pub(crate) struct Entry {
    exchange: Arc<Exchange>,
    method: Option<Method>,
    target: Option<PathAndQuery>,
    declared: Option<u64>,
    open: bool,
}

impl Entry {
    pub(crate) fn open<B: http_body::Body>(exchange: &Arc<Exchange>, request: &Request<B>) -> Self {
        Self {
            exchange: Arc::clone(exchange),
            method: Some(request.method().clone()),
            target: request.uri().path_and_query().cloned(),
            declared: request.body().size_hint().exact(),
            open: true,
        }
    }

    /// Marks the answer, counts it and writes the line.
    pub(crate) fn close(mut self, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
        self.open = false;
        let headers = response.headers_mut();
        if !self.is_probe() {
            headers.insert(DELIVERY, self.exchange.id_header());
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
        matches!(self.exchange.outcome(), Some(Outcome::Probed { .. }))
    }

    /// The refusal that the answer comes from, unless a destination gave it.
    fn own_answer(&self) -> Option<&RejectReason> {
        match self.exchange.outcome()? {
            Outcome::Refused(refusal) | Outcome::Failed { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Whether the connection ends with this answer, so that the client hears of it in time.
    fn is_last(&self) -> bool {
        let leaving =
            self.exchange.gate.stage() > Stage::Serving || self.exchange.activity.is_evicted();
        let closes = match self.exchange.outcome() {
            Some(Outcome::Refused(refusal)) => refusal.closes(),
            Some(Outcome::Probed { broken }) => *broken,
            _ => return leaving,
        };
        // What is left of a body that nobody reads stands where the next request would begin. hyper
        // skips it only if it has it already, and else closes: unannounced, that would lose the next
        // request, perhaps a genuine one, on a connection that a proxy shares.
        leaving || closes || self.exchange.activity.is_unread()
    }

    fn write(&self, status: Option<u16>) {
        if self.is_probe() {
            return;
        }
        let exchange = &self.exchange;
        let verdict = verdict(exchange, status);
        let duration = exchange.begun.elapsed();
        count(exchange, &verdict, duration);
        if !is_wanted(exchange.config.access_log, &verdict) {
            return;
        }
        let line = Line {
            verdict,
            id: exchange.id,
            endpoint: exchange.endpoint().map(|endpoint| &*endpoint.name),
            destination: exchange.endpoint().and_then(|endpoint| direct(endpoint)),
            status,
            received: exchange.received(),
            declared: self.declared,
            form: exchange.form(),
            duration,
            peer: exchange.peer,
            method: self.method.as_ref(),
            path: self.target.as_ref().map(|target| Path(target.path())),
        };
        line.write(&exchange.gate.throttle);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            if self.exchange.is_being_kept() {
                // The committing side says the rest, unless it has done so.
                self.exchange.ended(Outcome::Left);
            }
            self.write(None);
        }
    }
}

fn direct(endpoint: &Endpoint) -> Option<&Destination> {
    match &endpoint.onward {
        Onward::Direct(destination) => Some(destination),
        Onward::Durable(_) => None,
    }
}

/// The one place where requests are counted.
fn count(exchange: &Exchange, verdict: &Verdict<'_>, duration: Duration) {
    match (exchange.meter(), verdict) {
        (Some(meter), _) => meter.ended(verdict, exchange.received(), duration),
        (None, Verdict::Rejected { reason }) => exchange.gate.metrics.astray.add(reason, now()),
        // What was verified was verified by an endpoint's secrets.
        (None, _) => {}
    }
}

fn verdict(exchange: &Exchange, status: Option<u16>) -> Verdict<'_> {
    if let (Some(secret), Some(outcome)) = (exchange.secret(), exchange.outcome())
        && let Some(kept) = kept(secret, outcome)
    {
        return kept;
    }
    let reason = match exchange.outcome() {
        Some(Outcome::Refused(refusal) | Outcome::Failed { refusal, .. }) => refusal.reason(),
        Some(Outcome::Answered) => Verdict::ANSWERED,
        _ => Verdict::CLIENT_GONE,
    };
    let cause = match exchange.outcome() {
        Some(Outcome::Failed { cause, .. }) => Some(cause.as_str()),
        _ => None,
    };
    match (exchange.secret(), status) {
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
    gate: &Arc<Gate>,
    peer: Peer,
    activity: &Arc<Activity>,
) -> BytesMut {
    let exchange = Exchange::begin(
        Arc::clone(gate),
        peer,
        Arc::clone(activity),
        activity.since(),
    );
    let response = problem(&refusal);
    exchange.ended(Outcome::Refused(refusal));
    let entry = Entry {
        exchange,
        method: None,
        target: None,
        declared: None,
        open: true,
    };
    let length = response.body().len();
    let (_, body) = response.clone().into_parts();
    let mut response = entry.close(response.map(AnswerBody::from));
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now()))
    {
        headers.insert(DATE, date);
    }
    serialize(&response, &body)
}

fn serialize(response: &Response<AnswerBody>, body: &[u8]) -> BytesMut {
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
