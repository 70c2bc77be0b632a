//! Which time it is: the database's, which all gates share, unless a test says it.

use crate::runtime::clock::{Clock, Millis};

/// The time in SQL. The parameter is [`said`]; a query of its own, so that an index can be looked up by it.
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

pub(super) fn said(clock: &Clock) -> Option<Millis> {
    match clock {
        Clock::System => None,
        #[cfg(test)]
        Clock::Manual(_) => Some(clock.now()),
    }
}
