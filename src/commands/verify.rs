//! `cartgate verify`.

use std::{ffi::OsString, fmt, io};

use http::HeaderValue;
use serde::Serialize;

use super::{
    input,
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{
    cli::VerifyArgs,
    doctor::SignatureVerdict,
    rejected::{RejectionJudge, SavedRejection},
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
    let report = match &args.delivery {
        Some(path) => {
            let rejection = input::delivery(path)?;
            let judge = RejectionJudge {
                header: &args.header_name,
                keyring: &keyring,
                secrets: &secrets,
            };
            VerifyReport {
                verdict: judge.judge(&rejection),
                delivery: Some(SavedDelivery::of(&rejection)),
            }
        }
        None => {
            let body = input::body(&args.body)?;
            let presented = args.signature.map(OsString::into_encoded_bytes);
            let verdict = SignatureVerdict::of(&keyring, &secrets, presented.as_deref(), &body);
            VerifyReport {
                verdict,
                delivery: None,
            }
        }
    };
    report.print(args.json)?;
    Ok(Outcome::yes_if(report.verdict.verified))
}

/// The verdict, and the saved rejection that it is about.
#[derive(Serialize)]
struct VerifyReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<SavedDelivery>,
    #[serde(flatten)]
    verdict: SignatureVerdict,
}

/// The saved rejection that was verified.
#[derive(Serialize)]
struct SavedDelivery {
    id: String,
    received: String,
    endpoint: String,
    peer: String,
}

impl SavedDelivery {
    fn of(rejection: &SavedRejection) -> Self {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        Self {
            id: rejection.id.to_string(),
            received: rfc3339::millis(rejection.received()),
            endpoint: text(&rejection.endpoint),
            peer: text(&rejection.peer),
        }
    }
}

impl VerifyReport {
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
        output.line(Judgement(&self.verdict))
    }
}

/// A verdict as text for people.
pub(super) struct Judgement<'v>(pub(super) &'v SignatureVerdict);

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
