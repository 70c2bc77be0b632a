//! The secrets that one endpoint accepts, each with its name and its prepared hash state.

use std::{fmt, sync::Arc};

use subtle::ConstantTimeEq;

use crate::{Secret, SecretName, mac::Mac};

/// Named secrets, each of which may sign a delivery. Never empty, and cheap to clone.
///
/// Two secrets are the usual case while a shop rotates from an old secret to a new one.
///
/// ```
/// # use tower_cartgate::{Keyring, Secret};
/// let keyring = Keyring::new([
///     ("current".parse()?, Secret::new("the new secret of the shop")?),
///     ("previous".parse()?, Secret::new("the old secret of the shop")?),
/// ])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keyring(Arc<[Entry]>);

pub(crate) struct Entry {
    pub(crate) name: SecretName,
    pub(crate) mac: Mac,
}

impl Keyring {
    /// The largest number of secrets. Each secret costs one more hash of each body.
    pub const MAX_SECRETS: usize = 16;

    /// Returns a keyring of these secrets.
    ///
    /// # Errors
    ///
    /// Returns an error for no secrets, more than [`Keyring::MAX_SECRETS`], a repeated name, and
    /// two names for the same HMAC key: the second name would never match.
    pub fn new(
        secrets: impl IntoIterator<Item = (SecretName, Secret)>,
    ) -> Result<Self, KeyringError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (name, secret) in secrets {
            if entries.len() == Self::MAX_SECRETS {
                return Err(KeyringError::TooMany);
            }
            let mac = Mac::new(&secret);
            if entries.iter().any(|entry| entry.name == name) {
                return Err(KeyringError::NameTwice(name));
            }
            if let Some(first) = entries.iter().find(|entry| same(&entry.mac, &mac)) {
                return Err(KeyringError::SecretTwice(first.name.clone(), name));
            }
            entries.push(Entry { name, mac });
        }
        if entries.is_empty() {
            return Err(KeyringError::Empty);
        }
        Ok(Self(entries.into()))
    }

    /// Returns a keyring of one secret with the name `default`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a keyring owns its secrets, as in `new`"
    )]
    pub fn single(secret: Secret) -> Self {
        let (name, mac) = (SecretName::default_name(), Mac::new(&secret));
        Self(Arc::new([Entry { name, mac }]))
    }

    /// Returns the names in their order.
    pub fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.0.iter().map(|entry| &entry.name)
    }

    /// Whether both keyrings accept the same signatures, whatever the names and the order of their
    /// secrets.
    #[must_use]
    pub fn accepts_the_same(&self, other: &Self) -> bool {
        let has = |keyring: &Self, mac: &Mac| {
            let mut entries = keyring.0.iter();
            entries.any(|entry| same(&entry.mac, mac))
        };
        // No secret occurs twice in a keyring.
        self.0.len() == other.0.len() && self.0.iter().all(|entry| has(other, &entry.mac))
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }
}

/// Whether two secrets sign alike. Texts do not decide: HMAC replaces a key of over 64 bytes by its
/// hash.
fn same(one: &Mac, other: &Mac) -> bool {
    one.clone().tag().ct_eq(&other.clone().tag()).into()
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")?;
        f.debug_list().entries(self.names()).finish()
    }
}

/// The reason why secrets do not form a [`Keyring`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringError {
    /// There are no secrets.
    Empty,
    /// There are more than [`Keyring::MAX_SECRETS`] secrets.
    TooMany,
    /// Two secrets have this name.
    NameTwice(SecretName),
    /// Two names have the same secret.
    SecretTwice(SecretName, SecretName),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a keyring needs at least one secret"),
            Self::TooMany => write!(
                f,
                "a keyring holds at most {} secrets",
                Keyring::MAX_SECRETS
            ),
            Self::NameTwice(name) => write!(f, "two secrets are named {name}"),
            Self::SecretTwice(one, other) => write!(f, "{one} and {other} are the same secret"),
        }
    }
}

impl std::error::Error for KeyringError {}
