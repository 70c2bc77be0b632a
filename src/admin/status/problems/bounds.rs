//! The bounds at which something is a problem, as far as several files share them.

pub(super) const HOUR: u64 = 60 * 60;

pub(super) const DAY: u64 = 24 * HOUR;

/// The age in seconds at which a waiting event, a destination that is down, or a failing receiver is
/// a problem. A restart of the app takes less time.
pub(super) const WAITING: u64 = 60;

/// The percentage of an inbox limit whose use is a problem.
pub(super) const NEARLY_FULL: u64 = 80;
