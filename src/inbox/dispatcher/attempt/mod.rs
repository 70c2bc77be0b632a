//! One claimed delivery, from the check of its seal to the stored result of its attempt.

mod judge;
mod purpose;
mod response;
mod settle;

pub(super) use purpose::Purpose;
pub(super) use settle::settle;

use std::sync::Arc;

use tokio::time::Instant;

use self::{
    judge::{Judge, Judgement},
    response::AppResponse,
};
use super::{
    delivery_log::LoggedAttempt,
    health::HealthSignal,
    queue_config::QueueConfig,
    services::Services,
    suspects::{Baseline, Fault},
};
use crate::{
    delivery::{
        AttemptInfo, Delivery,
        event::{Claim, ProbeCursor, Settlement},
    },
    destination::AttemptError,
    inbox::finished_attempt::FinishedAttempt,
    runtime::clock::{Millis, millis},
};

/// A claimed delivery that may start.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) claim: Claim,
    pub(super) config: Arc<QueueConfig>,
    pub(super) lease_ends: Millis,
    pub(super) purpose: Purpose,
}

/// The evidence of an attempt about its destination and its event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) cursor: ProbeCursor,
    pub(super) purpose: Purpose,
    pub(super) signal: HealthSignal,
    /// The possible cause of a failure.
    pub(super) fault: Fault,
    /// The end of the attempt. The store may have taken longer to settle it.
    pub(super) at: Millis,
}

impl Attempt {
    /// Returns whether the lease could end before an attempt that starts now.
    pub(super) fn is_too_late(&self, now: Millis) -> bool {
        now + millis(self.config.queue.timeout) > self.lease_ends
    }

    /// Delivers the event, and stores the result.
    pub(super) async fn run(self, baseline: Baseline, services: Arc<Services>) -> Evidence {
        let mut logged = self.logged();
        match services.inbox.sealer.open_claim(&self.claim) {
            Ok(intact) => {
                let attempt = AttemptInfo::of(&self.claim, services.clock.now());
                let headers = self.config.headers(&intact.endpoint);
                let delivery = Delivery::stored(intact, attempt, headers);
                self.deliver(delivery, &mut logged, &baseline, &services)
                    .await
            }
            Err(error) if error.is_tampering() => {
                self.settle(&logged, Settlement::Quarantined, &services)
                    .await;
                self.evidence(HealthSignal::Unknown, Fault::Destination, &services)
            }
            // Once the lease has ended, a gate that has the key or the version can claim the event.
            Err(error) => {
                services.log.unreadable(&logged, error);
                self.evidence(HealthSignal::Unknown, Fault::Destination, &services)
            }
        }
    }

    async fn deliver(
        &self,
        delivery: Delivery,
        logged: &mut LoggedAttempt,
        baseline: &Baseline,
        services: &Services,
    ) -> Evidence {
        let (started, begun) = (services.clock.now(), Instant::now());
        let result = self.send(delivery, begun, services).await;
        let status = result.as_ref().map(|response| response.status);
        let status = status.map_err(AttemptError::failure);
        let took = begun.elapsed();
        self.config.meter.attempted(status, took);
        let judge = Judge {
            attempts: logged.number,
            purpose: self.purpose,
            baseline,
            config: &self.config,
            services,
        };
        let Judgement {
            settlement,
            signal,
            fault,
        } = match &result {
            Ok(response) => judge.response(response),
            Err(error) => judge.error(error),
        };
        if signal == HealthSignal::Up {
            // Counted before the store settles it, because attempts that end meanwhile look at the
            // count.
            baseline.responses.add();
        }
        let number = logged.number;
        // Recorded before the store settles it: who sees the delivery settled sees the attempt.
        if let Some(finished) =
            FinishedAttempt::new(&logged.lease, number, started, took, &settlement)
        {
            services.inbox.attempts.record(finished);
        }
        logged.error = result.err().map(|error| error.to_string());
        let evidence = self.evidence(signal, fault, services);
        self.settle(logged, settlement, services).await;
        evidence
    }

    /// Sends the delivery and reads the response, both within the timeout.
    async fn send(
        &self,
        mut delivery: Delivery,
        begun: Instant,
        services: &Services,
    ) -> Result<AppResponse, AttemptError> {
        let (queue, clock) = (&self.config.queue, &services.clock);
        let destination = &queue.destination;
        let now = clock.now();
        let deadline = now + millis(queue.timeout);
        let attempt = destination.attempt(destination.dispatcher(), &mut delivery, begun);
        // The attempt frees the body once it is written.
        drop(delivery);
        let response = tokio::select! {
            biased;
            response = attempt => response?,
            () = clock.until(deadline, now) => {
                return Err(AttemptError::ResponseTimeout(queue.timeout));
            }
        };
        Ok(AppResponse::read(response, clock.until(deadline, now)).await)
    }

    async fn settle(&self, logged: &LoggedAttempt, settlement: Settlement, services: &Services) {
        let log = &services.log;
        match settle(services, &logged.lease, &settlement, self.lease_ends).await {
            Ok(true) => log.settled(logged, &settlement),
            Ok(false) => log.lost_lease(logged),
            Err(error) => log.unsettled(logged, &error),
        }
    }

    fn evidence(&self, signal: HealthSignal, fault: Fault, services: &Services) -> Evidence {
        Evidence {
            cursor: ProbeCursor::of(&self.claim),
            purpose: self.purpose,
            signal,
            fault,
            at: services.clock.now(),
        }
    }

    fn logged(&self) -> LoggedAttempt {
        LoggedAttempt {
            lease: self.claim.lease.clone(),
            destination: Arc::clone(&self.config.queue.destination),
            number: self.claim.attempts.saturating_add(1),
            is_probe: self.purpose == Purpose::Probe,
            error: None,
        }
    }
}
