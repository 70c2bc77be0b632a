//! Flags, commands and variables that were renamed: an error names the new one.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The old flag of `serve`, and the new one.
const FLAGS: [(&str, &str); 1] = [("--keep-refused", "--save-rejected")];

/// The old command, and the new one.
const COMMANDS: [(&str, &str); 1] = [("refused", "rejected")];

/// Names the new flag or command in an error about an old one.
pub(super) fn explained(mut error: clap::Error) -> clap::Error {
    let (context, renamed) = match error.kind() {
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, &FLAGS[..]),
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, &COMMANDS[..]),
        _ => return error,
    };
    let Some(ContextValue::String(given)) = error.get(context) else {
        return error;
    };
    let given = given.split('=').next().unwrap_or_default();
    if let Some((old, new)) = renamed.iter().find(|(old, _)| *old == given) {
        let tip = format!("'{old}' was renamed to '{new}'");
        for other in [
            ContextKind::SuggestedArg,
            ContextKind::SuggestedSubcommand,
            ContextKind::TrailingArg,
        ] {
            error.remove(other);
        }
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    error
}

/// Returns the new flag of an old one, both with their dashes.
pub(super) fn new_flag(old: &str) -> Option<&'static str> {
    let renamed = FLAGS.iter().find(|(flag, _)| *flag == old);
    renamed.map(|(_, new)| *new)
}
