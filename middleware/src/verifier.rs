//! Hashes one body under every secret of a keyring while it arrives, then compares. It keeps no byte of the body.

use std::fmt;

use crate::{Keyring, SecretName, Signature, compare, mac::Mac};

/// One body on its way to a verdict.
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
#[must_use = "a body is verified by `finish`"]
pub struct Verifier {
    keyring: Keyring,
    macs: Vec<Mac>,
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

    /// Takes the next bytes of the body, in the order of their arrival.
    pub fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    /// The name of the secret under which the body was signed so, or none.
    ///
    /// All secrets are compared in constant time, so that the duration tells neither which one nor how nearly.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> Option<SecretName> {
        signer(
            &self.keyring,
            self.macs.into_iter().map(Mac::tag),
            signature,
        )
    }

    /// What a verifier that took `body` would find, without one: nothing has to be kept of a body that is all there.
    pub(crate) fn judge(
        keyring: &Keyring,
        body: &[u8],
        signature: &Signature,
    ) -> Option<SecretName> {
        let tags = keyring.entries().iter().map(|entry| entry.mac.tag_of(body));
        signer(keyring, tags, signature)
    }
}

/// `tags` are those of the keyring's secrets, in its order.
fn signer(
    keyring: &Keyring,
    tags: impl Iterator<Item = [u8; 32]>,
    signature: &Signature,
) -> Option<SecretName> {
    let (found, place) = compare::position(tags, signature.as_bytes());
    // From here on it may show: the verdict is answered, and the name is logged.
    let entry = keyring.entries().get(usize::try_from(place).ok()?)?;
    bool::from(found).then(|| entry.name.clone())
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keyring", &self.keyring)
            .finish_non_exhaustive()
    }
}
