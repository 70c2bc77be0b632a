//! The environment variables that contain secrets. With `_FILE` at the end, they name the file of
//! one.

use std::{env, path::Path};

/// The environment variable with a secret.
pub const SECRET_VARIABLE: &str = "CARTGATE_SECRET";

/// The environment variable with the key of the inbox's seals.
pub const INBOX_KEY_VARIABLE: &str = "CARTGATE_INBOX_KEY";

/// The environment variable with the key that encrypts the inbox.
pub const INBOX_ENCRYPTION_KEY_VARIABLE: &str = "CARTGATE_INBOX_ENCRYPTION_KEY";

/// The environment variable with the password of the inbox in PostgreSQL.
pub const INBOX_PASSWORD_VARIABLE: &str = "CARTGATE_INBOX_PASSWORD";

/// The environment variable with the token of the admin listener.
pub const ADMIN_TOKEN_VARIABLE: &str = "CARTGATE_ADMIN_TOKEN";

/// The variables with secrets. With `_FILE` at the end, they name the file of the secret.
pub(crate) const SECRETS: [&str; 5] = [
    SECRET_VARIABLE,
    INBOX_KEY_VARIABLE,
    INBOX_ENCRYPTION_KEY_VARIABLE,
    INBOX_PASSWORD_VARIABLE,
    ADMIN_TOKEN_VARIABLE,
];

/// Returns the variable for a secret whose `_FILE` variable may hold the secret itself instead of
/// `path`. Base64 can contain a `/`, so `path` counts as a path only if it or its directory exists.
pub(crate) fn misplaced(path: &Path) -> Option<&'static str> {
    let directory = path.parent().filter(|parent| parent.parent().is_some());
    if path.symlink_metadata().is_ok() || directory.is_some_and(Path::is_dir) {
        return None;
    }
    SECRETS.into_iter().find(|variable| {
        let value = env::var_os(format!("{variable}_FILE")).unwrap_or_default();
        value == path.as_os_str() || lists(value.as_encoded_bytes(), path)
    })
}

/// Returns whether `[NAME=]FILE,…` names this path.
fn lists(value: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    let mut files = value.split(|byte| *byte == b',');
    files.any(|file| {
        let name = file.strip_suffix(path);
        name.is_some_and(|name| name.is_empty() || name.ends_with(b"="))
    })
}

/// Returns whether an environment variable is set. An empty one counts as unset.
#[must_use]
pub fn variable_is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
