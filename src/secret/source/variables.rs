//! The environment variables that hold secrets themselves. With `_FILE` at the end, they name the file of the secret.

use std::{env, path::Path};

/// The environment variable that holds a secret itself.
pub const SECRET_VARIABLE: &str = "CARTGATE_SECRET";

/// The environment variable that holds the key of the inbox's seals.
pub const INBOX_KEY_VARIABLE: &str = "CARTGATE_INBOX_KEY";

/// The environment variable that holds the key that encrypts the inbox.
pub const INBOX_ENCRYPTION_KEY_VARIABLE: &str = "CARTGATE_INBOX_ENCRYPTION_KEY";

/// The environment variable that holds the password of the inbox in PostgreSQL.
pub const INBOX_PASSWORD_VARIABLE: &str = "CARTGATE_INBOX_PASSWORD";

/// The environment variable that holds the token of the admin listener.
pub const ADMIN_TOKEN_VARIABLE: &str = "CARTGATE_ADMIN_TOKEN";

/// The variables that hold a secret itself; with `_FILE` at the end, they name its file.
pub(crate) const SECRETS: [&str; 5] = [
    SECRET_VARIABLE,
    INBOX_KEY_VARIABLE,
    INBOX_ENCRYPTION_KEY_VARIABLE,
    INBOX_PASSWORD_VARIABLE,
    ADMIN_TOKEN_VARIABLE,
];

/// The variable that a secret belongs into, if it may stand in the `_FILE` variable instead of `path`. A secret in base64
/// can hold a `/`, so `path` counts as a path only if it, or a directory that it names, is there.
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

/// Whether `[NAME=]FILE,…` names this path.
fn lists(value: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    let mut files = value.split(|byte| *byte == b',');
    files.any(|file| {
        let name = file.strip_suffix(path);
        name.is_some_and(|name| name.is_empty() || name.ends_with(b"="))
    })
}

/// Whether an environment variable holds anything; an empty one counts as unset.
#[must_use]
pub fn variable_is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
