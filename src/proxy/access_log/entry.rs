//! The entry of one request, which counts the request and writes its line when it ends.

use std::{sync::Arc, time::Duration};

use http::{Method, request::Parts, uri::PathAndQuery};
use tokio::time::Instant;
use tower_cartgate::{HeaderForm, SecretName, Verified};

use super::{
    hint,
    line::{Line, Path},
};
use crate::{
    delivery::Delivery,
    destination::Destination,
    endpoint::{Endpoint, Target},
    outcome::shared_reasons,
    proxy::{
        config::AccessLog, context::RequestContext, meters::endpoint::Meter,
        outcome::RequestOutcome, recorder::Recording, verdict::Verdict,
    },
    runtime::turn,
    telemetry::count::now,
};

/// The entry of a request. If it is dropped before it is closed, the client has left.
#[derive(Debug)]
pub(crate) struct Entry<'r> {
    context: &'r RequestContext<'r>,
    request: Option<RequestLine>,
    /// The index of the endpoint, once it is found.
    endpoint: Option<usize>,
    /// The secret that verified the request.
    secret: Option<SecretName>,
    /// How a step ended the request.
    outcome: Option<RequestOutcome>,
    /// The recording of the request, if the recorder was armed at its head.
    recording: Option<Box<Recording>>,
    open: bool,
}

/// The log's part of a request's head.
#[derive(Debug)]
struct RequestLine {
    method: Method,
    target: Option<PathAndQuery>,
    /// The declared length of the body.
    declared: Option<u64>,
}

impl<'r> Entry<'r> {
    /// Opens the entry of a request whose body has the length `declared`.
    pub(crate) fn open(
        context: &'r RequestContext<'r>,
        head: &Parts,
        declared: Option<u64>,
    ) -> Self {
        let recording = context.shared.recorder.begin(head);
        let request = RequestLine {
            method: head.method.clone(),
            target: head.uri.path_and_query().cloned(),
            declared,
        };
        Self::new(context, Some(request), recording)
    }

    /// Opens the entry of a request whose head was never complete.
    pub(crate) fn without_request(context: &'r RequestContext<'r>) -> Self {
        let recording = context.shared.recorder.begin_without_head();
        Self::new(context, None, recording)
    }

    fn new(
        context: &'r RequestContext<'r>,
        request: Option<RequestLine>,
        recording: Option<Box<Recording>>,
    ) -> Self {
        Self {
            context,
            request,
            endpoint: None,
            secret: None,
            outcome: None,
            recording,
            open: true,
        }
    }

    /// Notes the endpoint.
    pub(crate) fn found(&mut self, endpoint: usize) {
        self.endpoint = Some(endpoint);
    }

    /// Notes the secret that verified the request.
    pub(crate) fn verified(&mut self, verified: &Verified) {
        self.secret = Some(verified.secret_name().clone());
        if let Some(recording) = &mut self.recording {
            recording.verified(verified.event());
        }
    }

    /// Notes the delivery that the destination of a direct endpoint gets.
    pub(crate) fn forwarding(&mut self, delivery: &Delivery, destination: &Destination) {
        if let Some(recording) = &mut self.recording {
            recording.forwarding(|| destination.preview(delivery));
        }
    }

    /// Notes the outcome, and returns it.
    pub(crate) fn ended(&mut self, outcome: RequestOutcome) -> &RequestOutcome {
        self.outcome.insert(outcome)
    }

    /// Counts the request and writes its line, with the status of the response.
    pub(crate) fn close(mut self, status: u16) {
        self.open = false;
        self.write(Some(status));
    }

    fn write(&mut self, status: Option<u16>) {
        let recording = self.recording.take();
        // A health check is no delivery, and is not logged.
        if matches!(self.outcome, Some(RequestOutcome::HealthCheck { .. })) {
            return;
        }
        let verdict = self.verdict(status);
        let duration = self.ended_at() - self.context.begun;
        self.count(&verdict, duration);
        let is_wanted = is_wanted(self.context.snapshot.access_log, &verdict);
        if is_wanted || recording.is_some() {
            let line = self.line(verdict, status, duration);
            if let Some(recording) = recording {
                self.context.shared.recorder.record(&line, *recording);
            }
            if is_wanted {
                line.write(&self.context.shared.throttle);
            }
        }
    }

    fn ended_at(&self) -> Instant {
        match self.outcome {
            // These end in a later turn than that of the head.
            Some(RequestOutcome::Responded | RequestOutcome::Rejected { .. }) => turn::now(),
            _ => Instant::now(),
        }
    }

    /// Counts the request. This is the only place that does.
    fn count(&self, verdict: &Verdict<'_>, duration: Duration) {
        match (self.meter(), verdict) {
            (Some(meter), _) => meter.count_request(verdict, self.received(), duration),
            (None, Verdict::Rejected { reason }) => {
                self.context.shared.metrics.unmatched.add(reason, now());
            }
            // The secrets of an endpoint verified the request, so it has a meter.
            (None, _) => {}
        }
    }

    fn line<'a>(
        &'a self,
        verdict: Verdict<'a>,
        status: Option<u16>,
        duration: Duration,
    ) -> Line<'a> {
        let (context, request) = (self.context, self.request.as_ref());
        let target = request.and_then(|request| request.target.as_ref());
        let hint = self.hint(&verdict);
        Line {
            verdict,
            id: context.id,
            endpoint: self.endpoint().map(|endpoint| &*endpoint.name),
            destination: self.endpoint().and_then(|endpoint| direct(endpoint)),
            status,
            received: self.received(),
            declared: request.and_then(|request| request.declared),
            signature: self.signature(),
            hint,
            duration,
            peer: context.peer,
            method: request.map(|request| &request.method),
            path: target.map(|target| Path(target.path())),
        }
    }

    fn meter(&self) -> Option<&Meter> {
        self.endpoint
            .map(|index| self.context.snapshot.meter(index))
    }

    fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.meter().map(|meter| &meter.endpoint)
    }

    /// Returns the number of body bytes that arrived.
    fn received(&self) -> u64 {
        match self.request {
            Some(_) => self.context.connection.body_bytes(),
            None => 0,
        }
    }

    fn signature(&self) -> Option<(HeaderForm, usize)> {
        match self.outcome {
            Some(RequestOutcome::Rejected { signature, .. }) => signature,
            _ => None,
        }
    }

    /// Returns the likely mistake in the configuration of a proxy that asks for verdicts.
    fn hint(&self, verdict: &Verdict<'_>) -> Option<&'static str> {
        let is_asked = matches!(self.endpoint()?.target, Target::Verdict);
        match verdict {
            Verdict::Rejected { reason } if is_asked => hint::of(reason, self.received()),
            _ => None,
        }
    }

    fn verdict(&self, status: Option<u16>) -> Verdict<'_> {
        let Some(secret) = &self.secret else {
            let reason = self
                .outcome
                .as_ref()
                .and_then(RequestOutcome::reject_reason);
            return Verdict::Rejected {
                reason: reason.map_or(shared_reasons::CLIENT_GONE, |reason| reason.reason()),
            };
        };
        let not_accepted = |reason, cause| Verdict::NotAccepted {
            secret,
            reason,
            cause,
        };
        match &self.outcome {
            Some(RequestOutcome::Stored { stored, dead }) => Verdict::Stored {
                secret,
                stored: *stored,
                dead: *dead,
            },
            Some(RequestOutcome::Duplicate { of }) => Verdict::Duplicate { secret, of: *of },
            Some(RequestOutcome::Verdict) => Verdict::Accepted { secret },
            Some(RequestOutcome::Failed { reason, cause }) => {
                not_accepted(reason.reason(), Some(cause))
            }
            Some(_) if matches!(status, Some(200..=299)) => Verdict::Accepted { secret },
            Some(_) => not_accepted(shared_reasons::DESTINATION_ANSWERED, None),
            None if self.is_durable() => Verdict::ClientLeft { secret },
            None => not_accepted(shared_reasons::CLIENT_GONE, None),
        }
    }

    fn is_durable(&self) -> bool {
        let endpoint = self.endpoint();
        endpoint.is_some_and(|endpoint| matches!(endpoint.target, Target::Durable(_)))
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.open {
            self.write(None);
        }
    }
}

fn direct(endpoint: &Endpoint) -> Option<&Destination> {
    match &endpoint.target {
        Target::Direct(destination) => Some(destination),
        Target::Durable(_) | Target::Verdict => None,
    }
}

/// Whether the log takes a line. It takes the line of each delivery that an app has not got,
/// whatever the setting: its destination did not accept it, no destination wants it, or a
/// destination was left out.
fn is_wanted(setting: AccessLog, verdict: &Verdict<'_>) -> bool {
    match (setting, verdict) {
        (_, Verdict::NotAccepted { .. } | Verdict::Stored { dead: Some(_), .. }) => true,
        (_, Verdict::Stored { stored, .. }) if stored.left_out => true,
        (AccessLog::All, _) => true,
        (AccessLog::Refused, Verdict::Rejected { .. }) => true,
        (AccessLog::Refused | AccessLog::Off, _) => false,
    }
}
