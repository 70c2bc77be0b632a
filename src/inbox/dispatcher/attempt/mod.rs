//! One claimed delivery, from the check of its seal to the note of how its attempt ended.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode, header::CONTENT_ENCODING};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::{
    backoff::Backoff,
    health::Sign,
    lines::About,
    queue_config::QueueConfig,
    services::Services,
    suspects::{Before, Fault},
};
use crate::{
    delivery::{
        self, Delivery,
        event::{Claim, FailureCause, Lease, ProbeCursor, Settlement},
    },
    destination::{AttemptError, DestinationBody},
    inbox::{schedule::retry_after, store::StoreError},
    outcome::{reason, reject_reason::AttemptFailure},
    runtime::clock::{Millis, millis, system_time},
};

/// How much of a response is read, so that its connection can be used again. A longer one is
/// dropped with its connection.
const RESPONSE: usize = 64 * 1024;

/// How much of the first line of a response is stored.
const LINE: usize = 200;

/// The part of the response in which that line is searched.
const BEGINNING: usize = 4 * LINE;

/// Why an attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To deliver the event.
    Deliver,
    /// To find out whether the destination is back.
    Probe,
    /// To find out whether the event crashes its destination. Nothing else is under way.
    Suspect,
}

/// A delivery that may start.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) claim: Claim,
    pub(super) config: Arc<QueueConfig>,
    /// When the lease ends.
    pub(super) held_until: Millis,
    pub(super) purpose: Purpose,
}

/// The evidence of an attempt about its destination and its event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) turn: ProbeCursor,
    pub(super) purpose: Purpose,
    pub(super) sign: Sign,
    /// Whether this event may be at fault.
    pub(super) fault: Fault,
    /// When: how it ended may have taken the store some time to write down.
    pub(super) at: Millis,
}

/// A response to an attempt, as far as it matters.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    first_line: Vec<u8>,
}

/// The consequences of an attempt for its delivery, its destination and its event.
struct Judgement {
    settlement: Settlement,
    sign: Sign,
    fault: Fault,
}

impl Judgement {
    fn of_event(settlement: Settlement, sign: Sign, fault: Fault) -> Self {
        Self {
            settlement,
            sign,
            fault,
        }
    }
}

impl Attempt {
    pub(super) async fn run(self, before: Before, services: Arc<Services>) -> Shown {
        let about = About {
            lease: self.claim.lease.clone(),
            attempt: self.claim.attempts.saturating_add(1),
            is_probe: self.purpose == Purpose::Probe,
            cause: None,
        };
        match services.inbox.sealer.open_claim(&self.claim) {
            Ok(intact) => {
                let attempt = delivery::AttemptInfo::of(&self.claim, services.clock.now());
                let headers = self.config.headers(&intact.endpoint);
                let delivery = Delivery::stored(intact, attempt, headers);
                self.deliver(delivery, about, &before, &services).await
            }
            Err(broken) if broken.is_tampering() => {
                self.settle(&about, Settlement::Quarantined, &services)
                    .await;
                self.shown(Sign::None, Fault::Destination, &services)
            }
            // Once its lease has ended, a gate that has the key or the version can take it.
            Err(broken) => {
                services.lines.locked(&about, broken);
                self.shown(Sign::None, Fault::Destination, &services)
            }
        }
    }

    fn shown(&self, sign: Sign, fault: Fault, services: &Services) -> Shown {
        Shown {
            turn: ProbeCursor::of(&self.claim),
            purpose: self.purpose,
            sign,
            fault,
            at: services.clock.now(),
        }
    }

    async fn deliver(
        &self,
        delivery: Delivery,
        mut about: About,
        before: &Before,
        services: &Services,
    ) -> Shown {
        let begun = Instant::now();
        let result = self.hand_over(delivery, begun, services).await;
        let status = result.as_ref().map(|reply| reply.status);
        let met = status.map_err(AttemptError::failure);
        self.config.meter.attempted(met, begun.elapsed());
        about.cause = result.as_ref().err().map(ToString::to_string);
        let judgement = match &result {
            Ok(reply) => self.judge_reply(about.attempt, reply, before, services),
            Err(error) => self.judge_error(about.attempt, error, before, services),
        };
        if judgement.sign == Sign::Life {
            // Before the store is asked: attempts that end meanwhile look at it.
            before.responses.add();
        }
        let shown = self.shown(judgement.sign, judgement.fault, services);
        self.settle(&about, judgement.settlement, services).await;
        shown
    }

    /// Sends it and reads the response, both within the timeout. Once the head is there the response
    /// counts, however the rest of it ends: a delivery that was taken must not be sent again for a
    /// body that nobody reads.
    async fn hand_over(
        &self,
        delivery: Delivery,
        begun: Instant,
        services: &Services,
    ) -> Result<Reply, AttemptError> {
        let (queue, clock) = (&self.config.queue, &services.clock);
        let destination = &queue.destination;
        let now = clock.now();
        let deadline = now + millis(queue.timeout);
        let answer = tokio::select! {
            answer = destination.attempt(destination.dispatcher(), delivery, begun) => answer?,
            () = clock.until(deadline, now) => return Err(AttemptError::ResponseTimeout(queue.timeout)),
        };
        let (head, body) = answer.into_parts();
        let mut beginning = Vec::new();
        tokio::select! {
            () = read_out(body, &mut beginning) => {}
            () = clock.until(deadline, now) => {}
        }
        let is_text = !head.headers.contains_key(CONTENT_ENCODING);
        let line = is_text.then(|| first_line(&beginning));
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            first_line: line.unwrap_or_default().to_vec(),
        })
    }

    fn judge_error(
        &self,
        attempts: u32,
        error: &AttemptError,
        before: &Before,
        services: &Services,
    ) -> Judgement {
        let failure = error.failure();
        let fault = match failure {
            AttemptFailure::BrokenOff | AttemptFailure::NotHttp => Fault::Crash,
            AttemptFailure::ResponseTimeout => Fault::Load,
            // Without a connection the app never saw the event.
            _ => Fault::Destination,
        };
        let cause = FailureCause::new(None, failure.reason());
        if self.is_at_fault(fault, before) {
            let settlement = self.again(attempts, cause, None, services);
            return Judgement::of_event(settlement, Sign::None, fault);
        }
        let responds = before.have_others_got_a_response() && self.purpose != Purpose::Probe;
        let sign = if fault != Fault::Destination && responds {
            Sign::None
        } else {
            Sign::Silence(None)
        };
        Judgement::of_event(Settlement::Deferred(cause), sign, fault)
    }

    fn judge_reply(
        &self,
        attempts: u32,
        reply: &Reply,
        before: &Before,
        services: &Services,
    ) -> Judgement {
        let status = reply.status.as_u16();
        let line = Some(&reply.first_line).filter(|line| !line.is_empty());
        let cause = |reason| FailureCause {
            status: Some(status),
            reason,
            response: line.map(|line| services.inbox.sealer.write_note(line)),
        };
        let asked = retry_after(&reply.headers, system_time(services.clock.now()));
        if is_overloaded(reply.status) {
            let cause = cause(reason::DESTINATION_ANSWERED);
            return self.judge_overload(attempts, cause, asked, before, services);
        }
        let settlement = if reply.status.is_success() {
            Settlement::Delivered { status }
        } else if reply.status == StatusCode::GONE {
            Settlement::Dead(cause(reason::GONE))
        } else {
            self.again(
                attempts,
                cause(reason::DESTINATION_ANSWERED),
                asked,
                services,
            )
        };
        Judgement {
            settlement,
            sign: Sign::Life,
            fault: Fault::Destination,
        }
    }

    /// Judges a response that says that the destination is overloaded. It gets fewer attempts at once;
    /// a probe, or one that asks to be left alone, shows that it is down.
    fn judge_overload(
        &self,
        attempts: u32,
        cause: FailureCause,
        asked: Option<Duration>,
        before: &Before,
        services: &Services,
    ) -> Judgement {
        let is_at_fault = self.is_at_fault(Fault::Load, before);
        let sign = if asked.is_none() && self.purpose != Purpose::Probe {
            Sign::Overload
        } else {
            Sign::Silence(asked)
        };
        let settlement = if is_at_fault {
            self.again(attempts, cause, asked, services)
        } else {
            Settlement::Deferred(cause)
        };
        Judgement::of_event(settlement, sign, Fault::Load)
    }

    /// Whether a failure is the event's own, so that it counts.
    fn is_at_fault(&self, fault: Fault, before: &Before) -> bool {
        match fault {
            Fault::Destination => false,
            Fault::Crash => self.purpose == Purpose::Suspect || before.is_cause,
            Fault::Load => {
                let others = before.have_others_got_a_response();
                let is_probe = self.purpose == Purpose::Probe;
                let alone = before.is_suspect && before.was_alone;
                !is_probe && (alone || before.has_failed && others)
            }
        }
    }

    /// Another attempt, if the schedule has one left.
    fn again(
        &self,
        attempts: u32,
        cause: FailureCause,
        asked: Option<Duration>,
        services: &Services,
    ) -> Settlement {
        let schedule = &self.config.queue.schedule;
        match schedule.wait(attempts, asked, (services.random_fraction)()) {
            Some(wait) => Settlement::Retry { wait, cause },
            None => Settlement::Dead(cause),
        }
    }

    async fn settle(&self, about: &About, settlement: Settlement, services: &Services) {
        match settle(services, &about.lease, &settlement, self.held_until).await {
            Ok(true) => services.lines.settled(about, &settlement),
            Ok(false) => services.lines.lost(about),
            Err(error) => services.lines.unsettled(about, &error),
        }
    }
}

/// Writes down how a claim ended. For as long as the lease lasts it is tried again, since otherwise the app gets the
/// delivery twice for nothing.
pub(super) async fn settle(
    services: &Services,
    lease: &Lease,
    settlement: &Settlement,
    held_until: Millis,
) -> Result<bool, StoreError> {
    let mut backoff = Backoff::of_store();
    loop {
        let error = match services
            .inbox
            .store
            .settle(lease.clone(), settlement.clone())
            .await
        {
            Ok(held) => return Ok(held),
            Err(error) => error,
        };
        let now = services.clock.now();
        let again = now + millis(backoff.failed());
        if matches!(error, StoreError::Failed(_)) || again >= held_until {
            return Err(error);
        }
        services.clock.until(again, now).await;
    }
}

/// Whether a status says that it is not about this delivery.
fn is_overloaded(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Reads a response to its end, or as much of it as may be, and keeps its beginning.
async fn read_out(mut body: DestinationBody, beginning: &mut Vec<u8>) {
    let mut room = RESPONSE;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let missing = BEGINNING.saturating_sub(beginning.len());
        beginning.extend_from_slice(&data[..data.len().min(missing)]);
        let Some(left) = room.checked_sub(data.len()) else {
            return;
        };
        room = left;
    }
}

/// The first line that is not blank, as far as it is stored.
fn first_line(text: &[u8]) -> &[u8] {
    let mut lines = text
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    // Not in the middle of a character.
    let end = (0..=LINE.min(line.len())).rev();
    let is_boundary = |end: &usize| line.get(*end).is_none_or(|byte| byte & 0xC0 != 0x80);
    &line[..end.into_iter().find(is_boundary).unwrap_or_default()]
}

#[cfg(test)]
mod tests;
