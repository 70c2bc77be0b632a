//! Reads the bodies, deliveries and secrets that commands get. Warnings go to stderr.

use std::{
    fs,
    io::{self, IsTerminal, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use bytes::Bytes;
use tower_cartgate::{Secret, SecretName};

use super::{outcome::Failure, output::message};
use crate::{
    cli::Input,
    rejected::SavedRejection,
    secret::source::{ADMIN_TOKEN_VARIABLE, SecretSource, variable_is_set},
};

/// Reads a body, byte for byte.
pub(super) fn body(from: &Input) -> Result<Bytes, Failure> {
    let read = match from {
        Input::File(path) => fs::read(path),
        Input::Stdin => {
            if io::stdin().is_terminal() {
                message("cartgate: reading the body from the terminal; end it with Ctrl-D");
            }
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        }
    };
    let bytes = read.map_err(|error| {
        Failure::usage(format_args!("cannot read the body from {from}: {error}"))
    })?;
    Ok(bytes.into())
}

/// Reads a saved rejection. Errors never quote the file.
pub(super) fn delivery(path: &Path) -> Result<SavedRejection, Failure> {
    let place = path.display();
    let file = fs::read(path)
        .map_err(|error| Failure::usage(format_args!("cannot read {place}: {error}")))?;
    SavedRejection::read(&file.into())
        .map_err(|why| Failure::usage(format_args!("{place} is not a saved rejection: {why}")))
}

/// Returns the failure for an unreadable file or directory of the gate, with the next step if it
/// belongs to another user.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Failure::no(format_args!("{shown}: {error}"));
    }
    let owner = fs::metadata(path).map(|metadata| metadata.uid());
    let owner = owner.map_or_else(|_| String::new(), |uid| format!(" (uid {uid})"));
    Failure::no(format_args!(
        "{shown}: {error}; run this as root, or as the user that the gate runs as{owner}"
    ))
}

/// Reads the given secrets, or the one in the environment.
pub(super) fn secrets(given: Vec<SecretSource>) -> Result<Vec<(SecretName, Secret)>, Failure> {
    let sources = SecretSource::or_environment(given).map_err(Failure::usage)?;
    sources.iter().map(read).collect()
}

/// Reads the given secret, or the one in the environment.
pub(super) fn secret(given: Option<SecretSource>) -> Result<Secret, Failure> {
    let mut secrets = secrets(given.into_iter().collect())?;
    let (_, secret) = secrets
        .pop()
        .expect("each source gives one secret, and there is at least one source");
    Ok(secret)
}

/// Reads the given token of an admin listener, or the one in the environment, if any.
pub(super) fn token(given: Option<SecretSource>) -> Result<Option<Secret>, Failure> {
    let in_variable = || {
        variable_is_set(ADMIN_TOKEN_VARIABLE)
            .then(|| SecretSource::from_env_var(ADMIN_TOKEN_VARIABLE))
    };
    let token = given.or_else(in_variable).map(|source| read(&source));
    Ok(token.transpose()?.map(|(_, token)| token))
}

/// Reads a secret, and prints the warnings about it.
pub(super) fn read(source: &SecretSource) -> Result<(SecretName, Secret), Failure> {
    let (name, secret, warnings) = source.read().map_err(Failure::usage)?;
    warnings
        .iter()
        .for_each(|warning| message(format_args!("cartgate: warning: {warning}")));
    Ok((name, secret))
}
