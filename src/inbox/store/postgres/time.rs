//! The current time: that of the database, which all gates share, unless a test sets it.

use crate::runtime::clock::{Clock, Millis};

/// The time in SQL. The parameter is [`manual_now`]. It is a sub-query, so that the planner can use
/// it for an index.
macro_rules! now {
    ($parameter:literal) => {
        concat!(
            "(SELECT coalesce($",
            $parameter,
            "::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint))"
        )
    };
}
pub(super) use now;

/// Returns the time that a test has set.
pub(super) fn manual_now(clock: &Clock) -> Option<Millis> {
    match clock {
        Clock::System => None,
        #[cfg(test)]
        Clock::Manual(_) | Clock::Simulated { .. } => Some(clock.now()),
    }
}
