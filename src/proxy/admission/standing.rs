//! How readily a connection is evicted, by what it is doing.

use std::time::Duration;

use tokio::time::Instant;

use crate::proxy::state::{ConnectionState, Phase};

/// A connection or a body gets this long before its pace is held against it: a genuine delivery has
/// just begun.
pub(crate) const BENEFIT_OF_DOUBT: Duration = Duration::from_secs(1);

/// A client that has just connected gets this long to send its first bytes before a body that keeps its
/// rate ranks above it.
pub(crate) const ARRIVAL: Duration = Duration::from_millis(100);

/// A body's pace is that of the last two seconds: one that came in a burst and stalled has none by then.
const STEADY: Duration = Duration::from_secs(2);

/// The standing of a connection. The least is evicted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// A steady body beyond the half of the places, or of the memory, that all steady ones together may
    /// have; those that have run longest. Otherwise attackers who keep the least rate would fill the
    /// gate, and newcomers could only evict each other.
    Outstayed { since: Instant },
    /// Between requests, or silent from the start.
    Idle { since: Instant },
    /// A slow head, an unread response.
    Dawdling { since: Instant },
    /// A body slower than the least rate.
    Receiving { recent_bytes: u64, since: Instant },
    /// Silent, or in its head, for less than a second.
    JustBegun { since: Instant },
    /// New, or a body that has kept its rate so far. All of these stand alike, the oldest first: were a
    /// body worth more, attackers who begin one and come back for ever would evict each delivery whose
    /// head is still on its way.
    Fresh { since: Instant },
    /// A body that has kept the least rate beyond the first two seconds.
    Steady { recent_bytes: u64, since: Instant },
}

impl Standing {
    /// The standing of a connection, where a body is to bring `rate` bytes a second; none if its
    /// delivery is verified and waits for its destination.
    pub(crate) fn of(state: &ConnectionState, now: Instant, rate: u64) -> Option<Self> {
        let since = state.since();
        let age = now.saturating_duration_since(since);
        Some(match state.phase() {
            Phase::Body => Self::of_body(state.body_progress(), since, age, rate),
            Phase::Idle if state.has_served() => Self::Idle { since },
            Phase::Idle | Phase::Handshake | Phase::Head if age < ARRIVAL => Self::Fresh { since },
            Phase::Idle | Phase::Handshake | Phase::Head if age < BENEFIT_OF_DOUBT => {
                Self::JustBegun { since }
            }
            // A handshake costs an attacker next to nothing: half of one is worth no more than silence.
            Phase::Idle | Phase::Handshake => Self::Idle { since },
            Phase::Head | Phase::Refusal => Self::Dawdling { since },
            // The delivery is done; only the client still holds things up.
            Phase::Answer => {
                let stalled = state.stalled()?;
                let long = now.saturating_duration_since(stalled) > BENEFIT_OF_DOUBT;
                return long.then_some(Self::Dawdling { since: stalled });
            }
        })
    }

    fn of_body(recent_bytes: u64, since: Instant, age: Duration, rate: u64) -> Self {
        let counted = age.min(BENEFIT_OF_DOUBT).as_millis();
        let keeps_rate = u128::from(recent_bytes) * 1000 >= u128::from(rate) * counted;
        match age {
            _ if age < ARRIVAL => Self::Fresh { since },
            _ if age < STEADY && keeps_rate => Self::Fresh { since },
            _ if age < BENEFIT_OF_DOUBT => Self::JustBegun { since },
            _ if keeps_rate => Self::Steady {
                recent_bytes,
                since,
            },
            _ => Self::Receiving {
                recent_bytes,
                since,
            },
        }
    }

    /// When a steady body began; none for any other.
    pub(crate) fn steady_since(self) -> Option<Instant> {
        match self {
            Self::Steady { since, .. } => Some(since),
            _ => None,
        }
    }

    pub(crate) fn is_steady(self) -> bool {
        self.steady_since().is_some()
    }

    pub(crate) fn has_outstayed(self) -> bool {
        matches!(self, Self::Outstayed { .. })
    }
}
