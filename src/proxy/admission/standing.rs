//! The standing of a connection: how readily it is evicted, by its activity.

use std::time::Duration;

use tokio::time::Instant;

use crate::proxy::state::{ConnectionState, Phase};

/// The age at which the rate of a connection or a body begins to count against it: a genuine
/// delivery may have just begun.
pub(crate) const BENEFIT_OF_DOUBT: Duration = Duration::from_secs(1);

/// The time in which a new client may send its first bytes before a body that keeps its rate ranks
/// above it.
pub(crate) const ARRIVAL: Duration = Duration::from_millis(100);

/// The age at which a body can be steady. Its rate is that of the last two seconds, which is zero
/// by then for a body that came in a burst and stalled.
const STEADY: Duration = Duration::from_secs(2);

/// The standing of a connection. The lowest is evicted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// A steady body beyond the half of the places or of the memory that steady bodies may have.
    /// The ones that have run longest get this standing. Otherwise attackers that keep the minimum
    /// rate would fill the gate, and new connections could evict only each other.
    Outstayed { since: Instant },
    /// Between requests, or silent from the start.
    Idle { since: Instant },
    /// A slow head, or a response that the client does not read.
    Slow { since: Instant },
    /// A body slower than the minimum rate.
    Receiving { recent_bytes: u64, since: Instant },
    /// Silent, or in its head, for less than a second.
    JustBegun { since: Instant },
    /// New, or a body that has kept its rate so far. All of these are equal, and the oldest comes
    /// first. If bodies ranked higher, attackers that keep beginning new ones would evict each
    /// delivery whose head is still arriving.
    Fresh { since: Instant },
    /// A body that has kept the minimum rate beyond the first two seconds.
    Steady { recent_bytes: u64, since: Instant },
}

impl Standing {
    /// Returns the standing of a connection, or none for a verified delivery whose destination has
    /// yet to respond. `rate` is the minimum rate of bodies in bytes per second.
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
            // A handshake costs an attacker almost nothing: half of one ranks no higher than
            // silence.
            Phase::Idle | Phase::Handshake => Self::Idle { since },
            Phase::Head | Phase::Rejection => Self::Slow { since },
            // The delivery is done once its response is written; only the client still delays.
            Phase::Response => {
                let stalled = state.stalled()?;
                let long = now.saturating_duration_since(stalled) > BENEFIT_OF_DOUBT;
                return long.then_some(Self::Slow { since: stalled });
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

    /// Returns the beginning of a steady body.
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
