//! The body of a delivery.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tower_cartgate::Verified;

/// Memory that counts the bytes of a body as long as one owner is left; none for a small body.
pub(crate) type SharedMemory = Option<Arc<dyn Send + Sync>>;

/// The bytes of a delivery.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryBody(Source);

#[derive(Clone)]
enum Source {
    Verified {
        verified: Verified,
        /// Gives the memory of the bytes back to its budget when the last owner drops it.
        _memory: SharedMemory,
    },
    Stored(Bytes),
}

impl DeliveryBody {
    /// Makes the body of a verified request. `memory` counts its bytes as long as the body exists.
    pub(super) fn verified(verified: Verified, memory: SharedMemory) -> Self {
        Self(Source::Verified {
            verified,
            _memory: memory,
        })
    }

    /// Makes the body of a stored event, whose seal the caller has checked.
    pub(super) fn stored(body: Bytes) -> Self {
        Self(Source::Stored(body))
    }

    /// Returns all bytes, in the pieces in which they were received.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        match &self.0 {
            Source::Verified { verified, .. } => verified.chunks(),
            Source::Stored(body) => std::slice::from_ref(body),
        }
    }

    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Source::Verified { verified, .. } => verified.len(),
            Source::Stored(body) => body.len(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { verified, .. } => verified.fmt(f),
            Self::Stored(body) => write!(f, "Stored({} bytes)", body.len()),
        }
    }
}
