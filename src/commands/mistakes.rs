//! The mistakes of a configuration, as lines on stderr.

use super::{outcome::Failure, output::message};

/// Prints each mistake but the last on a line; the last one is the failure of the command.
pub(super) fn mistakes(mut lines: Vec<String>) -> Failure {
    let last = lines.pop().unwrap_or_default();
    for line in lines {
        message(format_args!("cartgate: {line}"));
    }
    Failure::usage(last)
}
