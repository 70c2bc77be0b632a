//! The verdict on a signature by the secrets that are known now.

use serde::Serialize;
use tower_cartgate::{Keyring, Secret, SecretName, Signature};

use super::{diagnosis::Diagnosis, examination::diagnose};

/// The verdict on a signature: the secret that it matches, or the diagnosis.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SignatureVerdict {
    pub(crate) verified: bool,
    pub(crate) secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) diagnosis: Option<Diagnosis>,
}

impl SignatureVerdict {
    /// Verifies with the layer crate; the doctor only explains. Ignores white space around the
    /// value: HTTP has none there, and `$(…)` or a pasted line may add a line end.
    pub(crate) fn of(
        keyring: &Keyring,
        secrets: &[(SecretName, Secret)],
        presented: Option<&[u8]>,
        body: &[u8],
    ) -> Self {
        let presented = presented.map(<[u8]>::trim_ascii);
        match presented.and_then(|value| matching(keyring, value, body)) {
            Some(name) => Self {
                verified: true,
                secret: Some(name.to_string()),
                diagnosis: None,
            },
            None => Self {
                verified: false,
                secret: None,
                diagnosis: Some(diagnose(secrets, presented, body)),
            },
        }
    }
}

fn matching(keyring: &Keyring, value: &[u8], body: &[u8]) -> Option<SecretName> {
    let signature = Signature::parse(value).ok()?;
    let mut verifier = keyring.verifier();
    verifier.update(body);
    verifier.finish(&signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    use tower_cartgate::Signer;

    fn secrets() -> Vec<(SecretName, Secret)> {
        ["old", "new"]
            .map(|name| {
                let secret = Secret::new(format!("the-{name}-secret-of-the-shop").into_bytes());
                (name.parse().expect("a name"), secret.expect("a secret"))
            })
            .to_vec()
    }

    fn verdict(value: Option<&str>, body: &[u8]) -> SignatureVerdict {
        let keyring = Keyring::new(secrets()).expect("two secrets");
        SignatureVerdict::of(&keyring, &secrets(), value.map(str::as_bytes), body)
    }

    #[test]
    fn the_matching_secret_is_named() {
        let value = Signer::new(&secrets()[1].1).sign(b"body").to_string();
        let verdict = verdict(Some(&value), b"body");
        assert!(verdict.verified);
        assert_eq!(verdict.secret.as_deref(), Some("new"));
    }

    #[test]
    fn a_line_end_after_the_value_is_no_part_of_it() {
        let value = Signer::new(&secrets()[1].1).sign(b"body").to_string();
        for around in ["\n", "\r", "\r\n", "\t \n", "\x0c"] {
            assert!(verdict(Some(&format!("{value}{around}")), b"body").verified);
            assert!(verdict(Some(&format!("{around}{value}")), b"body").verified);
        }
    }

    #[test]
    fn what_the_doctor_can_explain_is_still_not_verified() {
        let value = Signer::new(&secrets()[1].1).sign(b"body").to_string();
        for (value, body) in [
            (Some(&*value), &b"body\n"[..]),
            (Some(value.trim_end_matches('=')), b"body"),
            (None, b"body"),
        ] {
            let verdict = verdict(value, body);
            assert!(!verdict.verified);
            assert!(verdict.secret.is_none() && verdict.diagnosis.is_some());
        }
    }
}
