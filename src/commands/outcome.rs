//! The outcome of a command, and with it the exit status.

use std::{
    fmt::{self, Display},
    io,
};

/// The result of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done, or the answer to the command's question is yes.
    Done,
    /// The answer is no: rejected, not verified, a forgery passed.
    No,
}

impl Outcome {
    /// Returns the outcome for the answer to a question.
    #[must_use]
    pub fn yes_if(yes: bool) -> Self {
        if yes { Self::Done } else { Self::No }
    }
}

/// The reason why a command could not do its work, as a line for stderr, with its exit status.
#[derive(Debug)]
pub struct Failure {
    line: String,
    status: u8,
}

impl Failure {
    /// Returns a failure of usage or configuration: the user must type or set something else.
    pub fn usage(reason: impl Display) -> Self {
        Self {
            line: reason.to_string(),
            status: 2,
        }
    }

    /// Returns a failure outside the command, such as a peer that does not respond.
    pub fn no(reason: impl Display) -> Self {
        Self {
            line: reason.to_string(),
            status: 1,
        }
    }

    /// Returns the exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

/// Only standard output causes a bare I/O error. All others carry their place.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::usage(format_args!("cannot write to standard output: {error}"))
    }
}
