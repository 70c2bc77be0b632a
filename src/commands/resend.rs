//! `cartgate send --delivery`: a kept delivery goes on, once it verifies.

use std::path::Path;

use http::{HeaderName, HeaderValue};
use tower_cartgate::{Keyring, Policy, Verified, verify};

use super::send::{no_answer, print_answer};
use super::{Failure, Outcome, input, runtime};
use crate::{
    cli::SendArgs,
    client::{Client, Outgoing},
    net::connect::Trust,
    rejected::SavedRejection,
    secret::source::SecretSource,
};

use crate::doctor;

pub(super) fn run(args: SendArgs, path: &Path) -> Result<Outcome, Failure> {
    let trust = args.ca_file.map_or(Trust::Platform, Trust::CaFile);
    let client = Client::new(&args.url, &trust, args.timeout).map_err(Failure::usage)?;
    let refused = input::delivery(path)?;
    let verified = verified(&refused, path, args.secret_file, &args.header_name)?;
    let outgoing = Outgoing::resent(refused, &verified, &args.header_name);
    let answer = runtime()?.block_on(client.connection().deliver(outgoing));
    let answer = answer.map_err(|reason| no_answer(&args.url, &reason))?;
    print_answer(&answer, args.json)?;
    Ok(Outcome::yes_if(answer.status.is_success()))
}

/// The proof without which nothing is sent. The doctor only says why there is none.
fn verified(
    refused: &SavedRejection,
    path: &Path,
    secret: Option<SecretSource>,
    header: &HeaderName,
) -> Result<Verified, Failure> {
    let secrets = input::secrets(secret.into_iter().collect())?;
    let keyring = Keyring::new(secrets.iter().cloned()).map_err(Failure::usage)?;
    let policy = Policy::new(keyring)
        .with_header(header.clone())
        .with_max_body(u64::MAX);
    verify(&policy, &refused.headers, refused.bytes()).map_err(|_| {
        let presented = refused.only(header).map(HeaderValue::as_bytes);
        let diagnosis = doctor::diagnose(&secrets, presented, &refused.bytes());
        let (path, advice) = (path.display(), diagnosis.cause().advice());
        Failure::no(format_args!(
            "{path} is not verified and was not sent: {diagnosis}; what to do: {advice}"
        ))
    })
}
