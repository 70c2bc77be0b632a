//! A keyring of secrets some of which may be the same: the second slot of a rotation may stand ready, in the file and the unit,
//! before Cartfunnel makes the secret for it.

use std::fmt;

use tower_cartgate::{Keyring, KeyringError, Secret, SecretName};

/// A keyring, and the secrets that are in it.
pub(crate) struct Unique {
    pub(crate) keyring: Keyring,
    pub(crate) secrets: Vec<(SecretName, Secret)>,
    /// The secrets that were left out.
    pub(crate) twins: Vec<Twin>,
}

/// A secret with the bytes of an earlier one.
pub(crate) struct Twin {
    pub(crate) first: SecretName,
    pub(crate) second: SecretName,
}

impl Unique {
    /// A keyring of each secret under the first of its names.
    pub(crate) fn of(mut secrets: Vec<(SecretName, Secret)>) -> Result<Self, KeyringError> {
        let mut twins = Vec::new();
        loop {
            match Keyring::new(secrets.iter().cloned()) {
                Err(KeyringError::SecretTwice(first, second)) => {
                    secrets.retain(|(name, _)| *name != second);
                    twins.push(Twin { first, second });
                }
                keyring => {
                    return Ok(Self {
                        keyring: keyring?,
                        secrets,
                        twins,
                    });
                }
            }
        }
    }
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        write!(
            f,
            "{first} and {second} are the same secret; {second} is left out until one of them changes"
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
        let unique = Unique::of(all).expect("a keyring");
        let names: Vec<_> = unique.keyring.names().map(AsRef::as_ref).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(unique.secrets.len(), 2);
        let twins: Vec<_> = unique.twins.iter().map(ToString::to_string).collect();
        assert_eq!(twins.len(), 3);
        assert!(
            twins[0].starts_with("a and c are the same secret"),
            "{twins:?}"
        );
        assert!(!twins.concat().contains("planted"));
    }
}
