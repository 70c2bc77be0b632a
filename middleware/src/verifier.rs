//! The verifier that hashes one body under every secret of a keyring, and compares the tags.

use std::fmt;

use crate::{Keyring, SecretName, Signature, compare, mac::Mac};

/// A running verification of one body. It stores no byte of the body.
///
/// ```
/// # use tower_cartgate::{Keyring, Secret, Signature};
/// # let secret = Secret::new("shared_secret")?;
/// # let signature = tower_cartgate::Signer::new(&secret).sign(br#"{"order":1}"#);
/// let keyring = Keyring::single(secret);
/// let mut verifier = keyring.verifier();
/// verifier.update(br#"{"order""#);
/// verifier.update(br#":1}"#);
/// let name = verifier.finish(&signature).expect("it is genuine");
/// assert_eq!(name.as_ref(), "default");
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
#[must_use = "`finish` verifies the body"]
pub struct Verifier {
    keyring: Keyring,
    macs: Vec<Mac>,
}

impl Keyring {
    /// Returns a verifier for one body.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(self)
    }
}

impl Verifier {
    pub(crate) fn new(keyring: &Keyring) -> Self {
        Self {
            keyring: keyring.clone(),
            macs: keyring
                .entries()
                .iter()
                .map(|entry| entry.mac.clone())
                .collect(),
        }
    }

    /// Hashes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    /// Returns the name of the secret that matches, if any.
    ///
    /// Compares all secrets in constant time, so the duration reveals neither the matching secret
    /// nor the number of equal bytes.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> Option<SecretName> {
        signer(
            &self.keyring,
            self.macs.into_iter().map(Mac::tag),
            signature,
        )
    }

    /// Verifies a complete body, for which no state needs to be stored.
    pub(crate) fn judge(
        keyring: &Keyring,
        body: &[u8],
        signature: &Signature,
    ) -> Option<SecretName> {
        let tags = keyring.entries().iter().map(|entry| entry.mac.tag_of(body));
        signer(keyring, tags, signature)
    }
}

/// Returns the name of the secret whose tag matches. `tags` are those of the keyring, in its order.
fn signer(
    keyring: &Keyring,
    tags: impl Iterator<Item = [u8; 32]>,
    signature: &Signature,
) -> Option<SecretName> {
    let (found, index) = compare::position(tags, signature.as_bytes());
    // From here on branches are safe: the response reveals the verdict, and the log the name.
    let entry = keyring.entries().get(usize::try_from(index).ok()?)?;
    bool::from(found).then(|| entry.name.clone())
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keyring", &self.keyring)
            .finish_non_exhaustive()
    }
}
