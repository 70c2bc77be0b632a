//! The names of the environment variables that stand for flags.

/// Returns the variable of a flag: `--max-body` has `CARTGATE_MAX_BODY`.
#[must_use]
pub fn variable_of(flag: &str) -> String {
    // `status --token-file` reads the file that `serve --admin-token-file` names.
    let flag = match flag.trim_start_matches('-') {
        "token-file" => "admin-token-file",
        flag => flag,
    };
    format!("CARTGATE_{}", flag.to_ascii_uppercase().replace('-', "_"))
}
