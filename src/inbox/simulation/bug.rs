//! Bugs to plant. Each breaks one invariant of `inbox`, and a simulation that does not find it
//! proves nothing.

/// A bug in the store that the simulation runs, or in what lies between the store and the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// Acknowledges an event before its commit is on the disk.
    AcknowledgesBeforeSync,
    /// Acknowledges an event that it can read after a failed commit.
    AcknowledgesWhatItReads,
    /// Stops the commit of an event whose client has left.
    StopsWithClient,
    /// Lets the retention remove dead letters.
    RemovesUndelivered,
    /// Settles a rejected delivery as delivered.
    SettlesRejected,
    /// Puts a delivery aside for ever when its destination is down.
    ForgetsDeferred,
    /// Settles with the token of the last claim, whoever holds it.
    IgnoresToken,
    /// Claims a delivery that another gate holds.
    IgnoresLease,
    /// Sends an event whose seal does not hold.
    SkipsSeals,
    /// Leaves the head out of the check of an event.
    SkipsHeads,
    /// Leaves the endpoint out of the check of an event.
    SkipsEndpoints,
    /// Acknowledges events after a failed sync.
    ContinuesAfterFailedSync,
    /// Stores any number of undelivered copies.
    IgnoresCopyLimit,
    /// Drops a duplicate although its first event will never arrive.
    DropsDuplicates,
}

impl Bug {
    /// Returns the invariant that it breaks, by its number in `inbox`.
    pub(super) fn invariant(self) -> u8 {
        match self {
            Self::AcknowledgesBeforeSync | Self::AcknowledgesWhatItReads => 1,
            Self::StopsWithClient => 2,
            Self::RemovesUndelivered | Self::SettlesRejected | Self::ForgetsDeferred => 3,
            Self::IgnoresToken | Self::IgnoresLease => 4,
            Self::SkipsSeals | Self::SkipsHeads | Self::SkipsEndpoints => 5,
            Self::ContinuesAfterFailedSync => 6,
            Self::IgnoresCopyLimit => 7,
            Self::DropsDuplicates => 8,
        }
    }
}
