//! The body of a delivery.

use std::fmt;

use bytes::Bytes;
use tower_cartgate::Verified;

/// The bytes of a delivery.
#[derive(Debug)]
pub(crate) struct DeliveryBody(Source);

enum Source {
    Verified(Verified),
    Stored(Bytes),
}

impl DeliveryBody {
    /// Makes the body of a verified request.
    pub(super) fn verified(verified: Verified) -> Self {
        Self(Source::Verified(verified))
    }

    /// Makes the body of a stored event, whose seal the caller has checked.
    pub(super) fn stored(body: Bytes) -> Self {
        Self(Source::Stored(body))
    }

    /// Returns all bytes, in the pieces in which they were received.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        match &self.0 {
            Source::Verified(verified) => verified.chunks(),
            Source::Stored(body) => std::slice::from_ref(body),
        }
    }

    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Source::Verified(verified) => verified.len(),
            Source::Stored(body) => body.len(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(verified) => verified.fmt(f),
            Self::Stored(body) => write!(f, "Stored({} bytes)", body.len()),
        }
    }
}
