//! `cartgate verify`.

use std::{ffi::OsString, fmt, io};

use http::HeaderValue;
use serde::Serialize;
use tower_cartgate::{Keyring, Secret, SecretName, Signature};

use super::{
    input,
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{
    cli::VerifyArgs,
    doctor::{self, Diagnosis},
    rejected::SavedRejection,
    secret::keyring::UniqueKeyring,
    text::rfc3339,
};

pub(super) fn run(args: VerifyArgs) -> Result<Outcome, Failure> {
    let secrets = input::secrets(args.secret_file)?;
    let UniqueKeyring {
        keyring,
        secrets,
        duplicates,
    } = UniqueKeyring::new(secrets).map_err(Failure::usage)?;
    for duplicate in duplicates {
        message(format_args!("cartgate: warning: {duplicate}"));
    }
    let verdict = match &args.delivery {
        Some(path) => {
            let rejection = input::delivery(path)?;
            let presented = rejection.only(&args.header_name).map(HeaderValue::as_bytes);
            let verdict = Verdict::of(&keyring, &secrets, presented, &rejection.bytes());
            verdict.about(&rejection)
        }
        None => {
            let body = input::body(&args.body)?;
            let presented = args.signature.map(OsString::into_encoded_bytes);
            Verdict::of(&keyring, &secrets, presented.as_deref(), &body)
        }
    };
    verdict.print(args.json)?;
    Ok(Outcome::yes_if(verdict.verified))
}

/// The verdict on a signature: the secret that it matches, or the diagnosis.
#[derive(Serialize)]
pub(super) struct Verdict {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<SavedDelivery>,
    verified: bool,
    pub(super) secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diagnosis: Option<Diagnosis>,
}

/// The saved rejection that was verified.
#[derive(Serialize)]
struct SavedDelivery {
    id: String,
    received: String,
    endpoint: String,
    peer: String,
}

impl Verdict {
    /// Verifies with the layer crate; the doctor only explains. Ignores white space around the
    /// value: HTTP has none there, and `$(…)` or a pasted line may add a line end.
    pub(super) fn of(
        keyring: &Keyring,
        secrets: &[(SecretName, Secret)],
        presented: Option<&[u8]>,
        body: &[u8],
    ) -> Self {
        let presented = presented.map(<[u8]>::trim_ascii);
        match presented.and_then(|value| matching(keyring, value, body)) {
            Some(name) => Self {
                delivery: None,
                verified: true,
                secret: Some(name.to_string()),
                diagnosis: None,
            },
            None => {
                let diagnosis = doctor::diagnose(secrets, presented, body);
                Self {
                    delivery: None,
                    verified: false,
                    secret: None,
                    diagnosis: Some(diagnosis),
                }
            }
        }
    }

    fn about(self, rejection: &SavedRejection) -> Self {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let about = SavedDelivery {
            id: rejection.id.to_string(),
            received: rfc3339::millis(rejection.received()),
            endpoint: text(&rejection.endpoint),
            peer: text(&rejection.peer),
        };
        Self {
            delivery: Some(about),
            ..self
        }
    }

    fn print(&self, json: bool) -> io::Result<()> {
        let mut output = Output::stdout();
        if json {
            return output.json(self);
        }
        if let Some(SavedDelivery {
            id,
            received,
            endpoint,
            peer,
        }) = &self.delivery
        {
            output.line(format_args!(
                "delivery {id}, received {received} at endpoint {endpoint} from {peer}"
            ))?;
        }
        output.line(Judgement(self))
    }
}

/// A verdict as text for people.
pub(super) struct Judgement<'v>(pub(super) &'v Verdict);

impl fmt::Display for Judgement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.secret, &self.0.diagnosis) {
            (_, Some(diagnosis)) => {
                let advice = diagnosis.cause().advice();
                write!(f, "not verified: {diagnosis}\nwhat to do: {advice}")
            }
            (secret, None) => {
                let name = secret.as_deref().unwrap_or_default();
                write!(f, "verified: the signature matches secret {name}")
            }
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

    fn verdict(value: Option<&str>, body: &[u8]) -> Verdict {
        let keyring = Keyring::new(secrets()).expect("two secrets");
        Verdict::of(&keyring, &secrets(), value.map(str::as_bytes), body)
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
