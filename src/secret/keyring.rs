//! A keyring of secrets that may contain duplicates: the second slot of a rotation can be
//! configured before Cartfunnel issues its secret.

use std::fmt;

use tower_cartgate::{Keyring, KeyringError, Secret, SecretName};

/// A keyring without duplicates, and the secrets in it.
pub(crate) struct UniqueKeyring {
    pub(crate) keyring: Keyring,
    pub(crate) secrets: Vec<(SecretName, Secret)>,
    /// The secrets that were left out.
    pub(crate) duplicates: Vec<Duplicate>,
}

/// A secret with the bytes of an earlier one.
pub(crate) struct Duplicate {
    pub(crate) first: SecretName,
    pub(crate) second: SecretName,
}

impl UniqueKeyring {
    /// Returns the keyring of these secrets, each under the first of its names.
    pub(crate) fn new(mut secrets: Vec<(SecretName, Secret)>) -> Result<Self, KeyringError> {
        let mut duplicates = Vec::new();
        loop {
            match Keyring::new(secrets.iter().cloned()) {
                Err(KeyringError::SecretTwice(first, second)) => {
                    secrets.retain(|(name, _)| *name != second);
                    duplicates.push(Duplicate { first, second });
                }
                keyring => {
                    return Ok(Self {
                        keyring: keyring?,
                        secrets,
                        duplicates,
                    });
                }
            }
        }
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        write!(
            f,
            "{first} and {second} are the same secret; {second} is ignored until one of them changes"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, text: &str) -> (SecretName, Secret) {
        let name = name.parse().expect("a name");
        (name, Secret::new(text).expect("a secret"))
    }

    #[test]
    fn a_secret_counts_under_the_first_of_its_names() {
        let [one, two] = ["planted-secret-one", "planted-secret-two"];
        let all = [("a", one), ("b", two), ("c", one), ("d", two), ("e", one)];
        let all = all.map(|(name, text)| secret(name, text)).to_vec();
        let unique = UniqueKeyring::new(all).expect("a keyring");
        let names: Vec<_> = unique.keyring.names().map(AsRef::as_ref).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(unique.secrets.len(), 2);
        let duplicates: Vec<_> = unique.duplicates.iter().map(ToString::to_string).collect();
        assert_eq!(duplicates.len(), 3);
        assert!(
            duplicates[0].starts_with("a and c are the same secret"),
            "{duplicates:?}"
        );
        assert!(!duplicates.concat().contains("planted"));
    }
}
