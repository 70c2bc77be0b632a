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
    states: States,
}

/// Keyrings of up to four secrets cost a request no allocation.
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and its place is the point"
)]
enum States {
    Few([Option<Mac>; FEW]),
    Many(Vec<Mac>),
}

const FEW: usize = 4;

impl Verifier {
    pub(crate) fn new(keyring: &Keyring) -> Self {
        let mut macs = keyring.entries().iter().map(|entry| entry.mac.clone());
        let states = if macs.len() > FEW {
            States::Many(macs.collect())
        } else {
            States::Few(std::array::from_fn(|_| macs.next()))
        };
        Self {
            keyring: keyring.clone(),
            states,
        }
    }

    /// Takes the next bytes of the body, in the order of their arrival.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.states {
            States::Few(macs) => macs.iter_mut().flatten().for_each(|mac| mac.update(bytes)),
            States::Many(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
        }
    }

    /// The name of the secret under which the body was signed so, or none.
    ///
    /// All secrets are compared in constant time, so that the duration tells neither which one nor how nearly.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> Option<SecretName> {
        let presented = signature.as_bytes();
        let (found, place) = match self.states {
            States::Few(macs) => {
                compare::position(macs.into_iter().flatten().map(Mac::tag), presented)
            }
            States::Many(macs) => compare::position(macs.into_iter().map(Mac::tag), presented),
        };
        // From here on it may show: the verdict is answered, and the name is logged.
        let entry = self.keyring.entries().get(usize::try_from(place).ok()?)?;
        bool::from(found).then(|| entry.name.clone())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keyring", &self.keyring)
            .finish_non_exhaustive()
    }
}
