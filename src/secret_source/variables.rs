//! The environment variables that hold secrets themselves. With `_FILE` at the end, they name the file of the secret.

use std::env;

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

/// Whether an environment variable holds anything; an empty one counts as unset.
#[must_use]
pub fn variable_is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
