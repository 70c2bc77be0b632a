//! `cartgate send --delivery`: sends a saved rejection, once it verifies.

use std::path::Path;

use http::{HeaderName, HeaderValue};
use tower_cartgate::{Keyring, Policy, Verified, verify};

use super::print::{no_response, print_response};
use crate::{
    cli::SendArgs,
    client::{Client, Outgoing},
    commands::{
        input,
        outcome::{Failure, Outcome},
        runtime::runtime,
    },
    doctor,
    net::connect::Trust,
    rejected::SavedRejection,
    secret::source::SecretSource,
};

pub(super) fn run(args: SendArgs, path: &Path) -> Result<Outcome, Failure> {
    let trust = args.ca_file.map_or(Trust::Platform, Trust::CaFile);
    let client = Client::new(&args.url, &trust, args.timeout).map_err(Failure::usage)?;
    let saved = input::delivery(path)?;
    let verified = verified(&saved, path, args.secret_file, &args.header_name)?;
    let outgoing = Outgoing::resent(saved, &verified, &args.header_name);
    let response = runtime()?.block_on(client.connection().deliver(outgoing));
    let response = response.map_err(|reason| no_response(&args.url, &reason))?;
    print_response(&response, args.json)?;
    Ok(Outcome::yes_if(response.status.is_success()))
}

/// Verifies the delivery. The doctor only explains a failure.
fn verified(
    saved: &SavedRejection,
    path: &Path,
    secret: Option<SecretSource>,
    header: &HeaderName,
) -> Result<Verified, Failure> {
    let secrets = input::secrets(secret.into_iter().collect())?;
    let keyring = Keyring::new(secrets.iter().cloned()).map_err(Failure::usage)?;
    let policy = Policy::new(keyring)
        .with_header(header.clone())
        .with_max_body(u64::MAX);
    verify(&policy, &saved.headers, saved.bytes()).map_err(|_| {
        let presented = saved.only(header).map(HeaderValue::as_bytes);
        let diagnosis = doctor::diagnose(&secrets, presented, &saved.bytes());
        let (path, advice) = (path.display(), diagnosis.cause().advice());
        Failure::no(format_args!(
            "{path} is not verified and was not sent: {diagnosis}; what to do: {advice}"
        ))
    })
}
