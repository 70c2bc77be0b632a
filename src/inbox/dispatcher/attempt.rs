//! One claimed delivery, from the check of its seal to the note of how its attempt ended.

use std::{sync::Arc, time::Duration};

use http::{StatusCode, response::Parts};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::{Post, Tools, backoff::Backoff, health::Sign, lines::About, millis};
use crate::{
    delivery::{self, Delivery},
    destination::{Answer, AttemptError},
    inbox::{
        clock::{Millis, moment},
        event::{Claim, Lease, Settlement},
        schedule::retry_after,
        store::StoreError,
    },
    log::Verdict,
};

/// How much of an answer is read, so that its connection can be used again. What is longer is let go with its connection.
const ANSWER: usize = 64 * 1024;

/// The reason of a delivery whose destination says that it wants no more of it.
pub(crate) const GONE: &str = "gone";

/// A delivery that may start.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) claim: Claim,
    pub(super) post: Arc<Post>,
    /// When the lease ends.
    pub(super) held_until: Millis,
    /// Whether it finds out if the destination is back.
    pub(super) probe: bool,
}

/// What an attempt has shown of its destination.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) sign: Sign,
    pub(super) probe: bool,
    /// When: how it ended may have taken the store some time to write down.
    pub(super) at: Millis,
}

impl Attempt {
    pub(super) async fn run(self, tools: Arc<Tools>) -> Shown {
        let about = About {
            lease: self.claim.lease.clone(),
            attempt: self.claim.attempts.saturating_add(1),
            probe: self.probe,
            cause: None,
        };
        match tools.inbox.sealer.open_claim(&self.claim) {
            Ok(intact) => {
                let attempt = delivery::Attempt::of(&self.claim, tools.clock.now());
                let endpoint = self.post.endpoint(&intact.endpoint);
                let delivery = Delivery::stored(intact, attempt, endpoint.map(|own| &**own));
                self.deliver(delivery, about, &tools).await
            }
            Err(broken) if broken.is_tampering() => {
                self.settle(&about, Settlement::Quarantined, &tools).await;
                self.shown(Sign::None, &tools)
            }
            // Once its lease has ended, a gate that has the key or the version can take it.
            Err(broken) => {
                tools.lines.locked(&about, broken);
                self.shown(Sign::None, &tools)
            }
        }
    }

    fn shown(&self, sign: Sign, tools: &Tools) -> Shown {
        let (probe, at) = (self.probe, tools.clock.now());
        Shown { sign, probe, at }
    }

    async fn deliver(&self, delivery: Delivery, mut about: About, tools: &Tools) -> Shown {
        let begun = Instant::now();
        let result = self.hand_over(delivery, begun, tools).await;
        let status = result.as_ref().map(|head| head.status);
        let met = status.map_err(AttemptError::failure);
        self.post.meter.attempted(met, begun.elapsed());
        about.cause = result.as_ref().err().map(ToString::to_string);
        let (settlement, sign) = self.judge(about.attempt, &result, tools);
        let shown = self.shown(sign, tools);
        self.settle(&about, settlement, tools).await;
        shown
    }

    /// Sends it and reads the answer, both within the time-out. Once the head is there the answer counts, however the rest
    /// of it ends: a delivery that was taken must not be sent again for a body that nobody reads.
    async fn hand_over(
        &self,
        delivery: Delivery,
        begun: Instant,
        tools: &Tools,
    ) -> Result<Parts, AttemptError> {
        let (queue, clock) = (&self.post.queue, &tools.clock);
        let destination = &queue.destination;
        let deadline = clock.now() + millis(queue.timeout);
        let answer = tokio::select! {
            answer = destination.attempt(destination.dispatcher(), delivery, begun) => answer?,
            () = clock.until(deadline) => return Err(AttemptError::AnswerTimeout(queue.timeout)),
        };
        let (head, body) = answer.into_parts();
        tokio::select! {
            () = read_out(body) => {}
            () = clock.until(deadline) => {}
        }
        Ok(head)
    }

    /// What becomes of the delivery, and what is known of the destination by it.
    fn judge(
        &self,
        attempts: u32,
        result: &Result<Parts, AttemptError>,
        tools: &Tools,
    ) -> (Settlement, Sign) {
        let now = tools.clock.now();
        let head = match result {
            Ok(head) => head,
            Err(error) => {
                let reason = error.failure().reason();
                let settlement = self.again(attempts, None, reason, None, tools);
                return (settlement, Sign::Silence(None));
            }
        };
        let status = head.status.as_u16();
        if head.status.is_success() {
            return (Settlement::Delivered { status }, Sign::Life);
        }
        let least = retry_after(&head.headers, moment(now));
        let sign = if is_overloaded(head.status) {
            Sign::Silence(least)
        } else {
            Sign::Life
        };
        if head.status == StatusCode::GONE {
            let (status, reason) = (Some(status), GONE);
            return (Settlement::Dead { status, reason }, sign);
        }
        let reason = Verdict::ANSWERED;
        let settlement = self.again(attempts, Some(status), reason, least, tools);
        (settlement, sign)
    }

    /// Another attempt, if the schedule has one left.
    fn again(
        &self,
        attempts: u32,
        status: Option<u16>,
        reason: &'static str,
        least: Option<Duration>,
        tools: &Tools,
    ) -> Settlement {
        let schedule = &self.post.queue.schedule;
        match schedule.wait(attempts, least, (tools.chance)()) {
            Some(wait) => Settlement::Again {
                wait,
                status,
                reason,
            },
            None => Settlement::Dead { status, reason },
        }
    }

    async fn settle(&self, about: &About, settlement: Settlement, tools: &Tools) {
        match settle(tools, &about.lease, settlement, self.held_until).await {
            Ok(true) => tools.lines.settled(about, &settlement),
            Ok(false) => tools.lines.lost(about),
            Err(error) => tools.lines.unsettled(about, &error),
        }
    }
}

/// Writes down how a claim ended. For as long as the lease lasts it is tried again, since otherwise the app gets the
/// delivery twice for nothing.
pub(super) async fn settle(
    tools: &Tools,
    lease: &Lease,
    settlement: Settlement,
    held_until: Millis,
) -> Result<bool, StoreError> {
    let mut backoff = Backoff::of_store();
    loop {
        let error = match tools.inbox.store.settle(lease.clone(), settlement).await {
            Ok(held) => return Ok(held),
            Err(error) => error,
        };
        let again = tools.clock.now() + millis(backoff.failed());
        if matches!(error, StoreError::Failed(_)) || again >= held_until {
            return Err(error);
        }
        tools.clock.until(again).await;
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

/// Reads an answer to its end, or as much of it as may be.
async fn read_out(mut body: Answer) {
    let mut room = ANSWER;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, bytes::Bytes::len);
        let Some(left) = room.checked_sub(length) else {
            return;
        };
        room = left;
    }
}
