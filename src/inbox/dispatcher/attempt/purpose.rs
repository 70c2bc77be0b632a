//! The purpose of an attempt.

/// The purpose of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Deliver the event.
    Deliver,
    /// Find out whether the destination is back.
    Probe,
    /// Find out whether the event crashes its destination. No other attempt runs.
    Suspect,
}
