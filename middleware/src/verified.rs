//! The proof that a delivery is genuine. Only [`intake`](crate::intake) creates one.

use std::{
    convert::Infallible,
    fmt,
    ops::Deref,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::{Event, SecretName, Signature, payload::Payload};

/// A genuine delivery: its bytes, the secret that matched, and its event.
///
/// Only a verification creates one, by the layer or by [`verify`](crate::verify). A function that
/// takes a `Verified` therefore never runs for a forgery. Clones share the bytes.
///
/// ```compile_fail
/// // It cannot be created without a signature, ...
/// let forged = tower_cartgate::Verified { inner: todo!() };
/// ```
/// ```compile_fail
/// // ... and has no default.
/// let forged: tower_cartgate::Verified = Default::default();
/// ```
#[derive(Clone)]
pub struct Verified {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) payload: Payload,
    pub(crate) secret_name: SecretName,
    pub(crate) signature: Signature,
    pub(crate) event: Event,
}

impl Verified {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns the body, exactly as it was signed.
    ///
    /// Copies the pieces of a longer body together at the first call. [`chunks`](Self::chunks) and
    /// [`body`](Self::body) need no copy.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.inner.payload.bytes().clone()
    }

    /// Returns the body in its pieces.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        self.inner.payload.chunks()
    }

    /// Returns the length of the body in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.payload.len()
    }

    /// Whether the body is empty. An empty body can be genuine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of the secret that matched.
    #[must_use]
    pub fn secret_name(&self) -> &SecretName {
        &self.inner.secret_name
    }

    /// Returns the event kind and its origin.
    #[must_use]
    pub fn event(&self) -> Event {
        self.inner.event
    }

    /// Returns the signature of the request.
    #[must_use]
    pub fn signature(&self) -> Signature {
        self.inner.signature
    }

    /// Returns the bytes as an HTTP body, from their beginning.
    #[must_use]
    pub fn body(&self) -> VerifiedBody {
        self.clone().into_body()
    }

    pub(crate) fn into_body(self) -> VerifiedBody {
        VerifiedBody {
            left: self.len(),
            next: 0,
            verified: self,
        }
    }

    /// Parses the body as JSON.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidPayload`](crate::RejectionKind::InvalidPayload) (422) if the body is not
    /// JSON or does not fit `T`. The source names the position without a value of the payload.
    #[cfg(feature = "serde")]
    pub fn json<T: serde_core::de::DeserializeOwned>(&self) -> Result<T, crate::Rejection> {
        let body = self.inner.payload.bytes();
        serde_json::from_slice(body).map_err(|error| {
            let error = crate::PayloadError::of::<T>(body, &error);
            crate::Rejection::with_source(crate::RejectionKind::InvalidPayload, error)
        })
    }
}

/// Returns the body, exactly as it was signed, like [`bytes`](Self::bytes).
impl AsRef<[u8]> for Verified {
    fn as_ref(&self) -> &[u8] {
        self.inner.payload.bytes()
    }
}

/// Returns the body, exactly as it was signed, like [`bytes`](Self::bytes).
impl Deref for Verified {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("len", &self.len())
            .field("secret_name", self.secret_name())
            .field("event", &self.event())
            .finish_non_exhaustive()
    }
}

/// The body of a verified request: the verified bytes, from memory, without trailers.
pub struct VerifiedBody {
    verified: Verified,
    next: usize,
    left: usize,
}

impl VerifiedBody {
    /// Returns the proof for these bytes.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// Returns the whole body, including the frames that were already read.
impl AsRef<[u8]> for VerifiedBody {
    fn as_ref(&self) -> &[u8] {
        self.verified.as_ref()
    }
}

/// Returns the proof, like [`verified`](Self::verified).
impl Deref for VerifiedBody {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.verified
    }
}

impl Body for VerifiedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(chunk) = self.verified.chunks().get(self.next).cloned() else {
            return Poll::Ready(None);
        };
        self.next += 1;
        self.left -= chunk.len();
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

impl fmt::Debug for VerifiedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedBody")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
