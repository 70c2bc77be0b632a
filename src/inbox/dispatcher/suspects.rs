//! Events that may be at fault when an attempt fails as if the destination were down.
//!
//! An event that crashes its app, hangs in it, or always gets a 503 makes the app look down. A
//! second failure tells the two apart: if other events got a response after the first failure, the
//! event is at fault, and the attempt counts. A crash also ends the attempts beside it. An event
//! that may have caused one is therefore tried alone before it counts as the cause.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use uuid::Uuid;

/// The limit of remembered suspects. A forgotten suspect fails once more without being counted.
const MOST: usize = 4096;

/// The possible cause of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The destination alone: the app never saw the event.
    Destination,
    /// The event or the destination, which responds slowly or is overloaded. Other attempts go on.
    Load,
    /// The event or the destination, which may have crashed and ended the other attempts.
    Crash,
}

/// The number of responses of a destination, shared with its attempts.
#[derive(Debug, Clone, Default)]
pub(super) struct Responses(Arc<AtomicU64>);

impl Responses {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The state of an event and its destination at the start of an attempt.
#[derive(Debug)]
pub(super) struct Baseline {
    /// Whether the event may have been at fault for an earlier failure.
    pub(super) has_failed: bool,
    /// Whether the destination has responded to other events since that failure.
    pub(super) is_suspect: bool,
    /// Whether the event is known to have caused a crash, so that it need not be tried alone.
    pub(super) is_cause: bool,
    /// Whether no other attempt was running.
    pub(super) was_alone: bool,
    /// The responses of the destination.
    pub(super) responses: Responses,
    /// Their number at the start.
    pub(super) count: u64,
}

impl Baseline {
    /// Returns whether the destination has responded to other events since the start.
    pub(super) fn have_others_got_a_response(&self) -> bool {
        self.responses.count() > self.count
    }
}

/// The suspects of one queue.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    pub(super) responses: Responses,
    failed: HashMap<Uuid, LastFailure>,
}

/// The last failure of an event.
#[derive(Debug, Clone, Copy)]
struct LastFailure {
    /// The number of responses at that time.
    responses: u64,
    suspicion: Suspicion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    Load,
    /// This event or one beside it may have crashed the app.
    Crash,
    /// The event failed alone.
    Cause,
}

impl Suspects {
    /// Notes that the destination responded to an event. The attempt has counted the response.
    pub(super) fn responded(&mut self, event: Uuid) {
        self.failed.remove(&event);
    }

    /// Notes that an event may be at fault. `was_alone` states that no other attempt was running.
    pub(super) fn add(&mut self, event: Uuid, fault: Fault, was_alone: bool) {
        if fault == Fault::Destination {
            return;
        }
        if self.failed.len() >= MOST {
            self.failed.clear();
        }
        let last = self.failed.get(&event).map(|failure| failure.suspicion);
        let suspicion = match fault {
            _ if last == Some(Suspicion::Cause) => Suspicion::Cause,
            Fault::Crash if was_alone => Suspicion::Cause,
            Fault::Crash => Suspicion::Crash,
            Fault::Load | Fault::Destination => Suspicion::Load,
        };
        let failure = LastFailure {
            responses: self.responses.count(),
            suspicion,
        };
        self.failed.insert(event, failure);
    }

    /// Returns whether the last attempt of the event failed and the event may be at fault.
    pub(super) fn has_failed(&self, event: Uuid) -> bool {
        self.failed.contains_key(&event)
    }

    /// Returns whether the event failed and the destination has responded to another one since.
    pub(super) fn contains(&self, event: Uuid) -> bool {
        self.suspicion(event).is_some()
    }

    /// Returns whether the next attempt of a suspect must run alone.
    pub(super) fn must_be_alone(&self, event: Uuid) -> bool {
        self.suspicion(event) == Some(Suspicion::Crash)
    }

    /// Returns whether a suspect has failed alone.
    pub(super) fn is_cause(&self, event: Uuid) -> bool {
        self.suspicion(event) == Some(Suspicion::Cause)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// Returns the state of an event for an attempt that starts now.
    pub(super) fn baseline(&self, event: Uuid, is_alone: bool) -> Baseline {
        Baseline {
            has_failed: self.has_failed(event),
            is_suspect: self.contains(event),
            is_cause: self.is_cause(event),
            was_alone: is_alone,
            responses: self.responses.clone(),
            count: self.responses.count(),
        }
    }

    fn suspicion(&self, event: Uuid) -> Option<Suspicion> {
        let failure = self.failed.get(&event)?;
        (failure.responses < self.responses.count()).then_some(failure.suspicion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn responded(suspects: &mut Suspects, event: Uuid) {
        suspects.responses.add();
        suspects.responded(event);
    }

    #[test]
    fn an_event_is_suspected_once_another_got_a_response_after_it_failed() {
        let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
        let mut suspects = Suspects::default();
        responded(&mut suspects, third);
        suspects.add(first, Fault::Load, false);
        suspects.add(second, Fault::Load, false);
        suspects.add(third, Fault::Destination, false);
        assert!(!suspects.contains(first), "the destination may be down");
        responded(&mut suspects, second);
        assert!(suspects.contains(first));
        assert!(!suspects.contains(second) && !suspects.contains(third));
        suspects.add(first, Fault::Load, false);
        assert!(!suspects.contains(first), "it is down again");
        responded(&mut suspects, third);
        assert!(suspects.contains(first));
        responded(&mut suspects, first);
        assert!(!suspects.contains(first) && suspects.is_empty());
    }

    #[test]
    fn only_a_crash_is_tried_alone_and_only_once() {
        let [event, other] = [1, 2].map(Uuid::from_u128);
        let mut suspects = Suspects::default();
        suspects.add(event, Fault::Load, false);
        responded(&mut suspects, other);
        assert!(suspects.contains(event) && !suspects.must_be_alone(event));
        responded(&mut suspects, event);
        suspects.add(event, Fault::Crash, false);
        assert!(!suspects.must_be_alone(event), "it is no suspect yet");
        responded(&mut suspects, other);
        assert!(suspects.must_be_alone(event));
        suspects.add(event, Fault::Crash, true);
        responded(&mut suspects, other);
        assert!(!suspects.must_be_alone(event), "it is known as the cause");
        suspects.add(event, Fault::Crash, false);
        responded(&mut suspects, other);
        assert!(!suspects.must_be_alone(event));
    }

    #[test]
    fn the_suspects_are_bounded() {
        let mut suspects = Suspects::default();
        for number in 0..10_000 {
            suspects.add(Uuid::from_u128(number), Fault::Crash, false);
            assert!(suspects.failed.len() <= MOST);
        }
    }
}
