//! Decides the consequences of an attempt for its delivery, its destination and its event.

use std::time::Duration;

use http::StatusCode;

use super::{purpose::Purpose, response::AppResponse};
use crate::{
    delivery::event::{FailureCause, Settlement},
    destination::AttemptError,
    inbox::{
        dispatcher::{
            health::HealthSignal,
            queue_config::QueueConfig,
            services::Services,
            suspects::{Baseline, Fault},
        },
        schedule::retry_after,
    },
    outcome::{reject_reason::AttemptFailure, shared_reasons},
    runtime::clock::system_time,
};

/// The circumstances of an attempt.
pub(super) struct Judge<'a> {
    /// The attempts so far, with this one.
    pub(super) attempts: u32,
    pub(super) purpose: Purpose,
    pub(super) baseline: &'a Baseline,
    pub(super) config: &'a QueueConfig,
    pub(super) services: &'a Services,
}

/// The consequences of an attempt.
pub(super) struct Judgement {
    pub(super) settlement: Settlement,
    pub(super) signal: HealthSignal,
    pub(super) fault: Fault,
}

impl Judge<'_> {
    /// Judges an attempt that got no response.
    pub(super) fn error(&self, error: &AttemptError) -> Judgement {
        let failure = error.failure();
        let fault = match failure {
            AttemptFailure::BrokenOff | AttemptFailure::NotHttp => Fault::Crash,
            AttemptFailure::ResponseTimeout => Fault::Load,
            // Without a connection, the app never saw the event.
            _ => Fault::Destination,
        };
        let cause = FailureCause::new(None, failure.reason());
        if self.is_event_at_fault(fault) {
            return Judgement {
                settlement: self.retry(cause, None),
                signal: HealthSignal::Unknown,
                fault,
            };
        }
        let responds = self.baseline.have_others_got_a_response() && self.purpose != Purpose::Probe;
        let signal = if fault != Fault::Destination && responds {
            HealthSignal::Unknown
        } else {
            HealthSignal::Down(None)
        };
        Judgement {
            settlement: Settlement::Deferred(cause),
            signal,
            fault,
        }
    }

    /// Judges a response.
    pub(super) fn response(&self, response: &AppResponse) -> Judgement {
        let now = system_time(self.services.clock.now());
        let asked = retry_after(&response.headers, now);
        let status = response.status;
        if is_overloaded(status) {
            return self.overload(
                self.cause(response, shared_reasons::DESTINATION_ANSWERED),
                asked,
            );
        }
        let settlement = if status.is_success() {
            Settlement::Delivered {
                status: status.as_u16(),
            }
        } else if status == StatusCode::GONE {
            Settlement::Dead(self.cause(response, shared_reasons::GONE))
        } else {
            self.retry(
                self.cause(response, shared_reasons::DESTINATION_ANSWERED),
                asked,
            )
        };
        Judgement {
            settlement,
            signal: HealthSignal::Up,
            fault: Fault::Destination,
        }
    }

    /// Judges a response that reports an overload. The destination gets fewer attempts at once.
    /// After a probe, or if it asks for a pause, it is down.
    fn overload(&self, cause: FailureCause, asked: Option<Duration>) -> Judgement {
        let signal = if asked.is_none() && self.purpose != Purpose::Probe {
            HealthSignal::Overloaded
        } else {
            HealthSignal::Down(asked)
        };
        let settlement = if self.is_event_at_fault(Fault::Load) {
            self.retry(cause, asked)
        } else {
            Settlement::Deferred(cause)
        };
        Judgement {
            settlement,
            signal,
            fault: Fault::Load,
        }
    }

    /// Returns whether the event itself caused the failure, so that the attempt counts.
    fn is_event_at_fault(&self, fault: Fault) -> bool {
        let baseline = self.baseline;
        match fault {
            Fault::Destination => false,
            Fault::Crash => self.purpose == Purpose::Suspect || baseline.is_cause,
            Fault::Load => {
                let others = baseline.have_others_got_a_response();
                let is_probe = self.purpose == Purpose::Probe;
                let alone = baseline.is_suspect && baseline.was_alone;
                !is_probe && (alone || baseline.has_failed && others)
            }
        }
    }

    /// Schedules another attempt, if the schedule has one left.
    fn retry(&self, cause: FailureCause, asked: Option<Duration>) -> Settlement {
        let schedule = &self.config.queue.schedule;
        let fraction = (self.services.random_fraction)();
        match schedule.wait(self.attempts, asked, fraction) {
            Some(wait) => Settlement::Retry { wait, cause },
            None => Settlement::Dead(cause),
        }
    }

    fn cause(&self, response: &AppResponse, reason: &'static str) -> FailureCause {
        let line = Some(&response.first_line).filter(|line| !line.is_empty());
        FailureCause {
            status: Some(response.status.as_u16()),
            reason,
            response: line.map(|line| self.services.inbox.sealer.write_note(line)),
        }
    }
}

/// Returns whether a status means that the destination cannot take deliveries now.
fn is_overloaded(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}
