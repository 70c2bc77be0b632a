//! The reasons why a stored event cannot be opened.

use crate::delivery::codec::Malformed;

/// A stored event cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnsealError {
    /// The bytes are not those that were sealed: a bit flipped, or somebody edited the store.
    #[error("the seal does not hold")]
    Seal,
    /// The seal holds, but this gate lacks the encryption key of the event.
    #[error("it is encrypted, and this gate does not have its encryption key")]
    Locked,
    /// The seal holds, but a newer version wrote the event.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl UnsealError {
    /// Returns whether the event must never be tried again. Another gate may be able to open an
    /// event that only this gate cannot.
    pub(crate) fn is_tampering(self) -> bool {
        self == Self::Seal
    }
}
