//! Judges saved rejections by the secrets that are known now.

use http::{HeaderName, HeaderValue};
use tower_cartgate::{Keyring, Secret, SecretName};

use super::saved_rejection::SavedRejection;
use crate::doctor::SignatureVerdict;

/// The secrets of an endpoint, and the header of their signatures.
#[derive(Clone, Copy)]
pub(crate) struct RejectionJudge<'a> {
    pub(crate) header: &'a HeaderName,
    pub(crate) keyring: &'a Keyring,
    pub(crate) secrets: &'a [(SecretName, Secret)],
}

impl RejectionJudge<'_> {
    /// Returns the verdict on a saved rejection.
    pub(crate) fn judge(&self, rejection: &SavedRejection) -> SignatureVerdict {
        let presented = rejection.only(self.header).map(HeaderValue::as_bytes);
        SignatureVerdict::of(self.keyring, self.secrets, presented, &rejection.bytes())
    }
}
