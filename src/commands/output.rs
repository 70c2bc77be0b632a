//! Writes stdout and stderr, for all commands. Untrusted text cannot control a terminal. Colours go
//! only to terminals that want them (`NO_COLOR`). A closed pipe ends the output, but not the
//! command, whose exit status is still its result.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write},
};

use anstream::AutoStream;
use serde::Serialize;

use crate::text::terminal::{visible, visible_bytes, visible_json};

/// Standard output, for data.
pub struct Output<W = AutoStream<io::Stdout>> {
    to: Option<W>,
}

impl Output {
    /// Returns the standard output of this process.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to(anstream::stdout())
    }
}

impl<W: Write> Output<W> {
    fn to(to: W) -> Self {
        Self { to: Some(to) }
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// When it cannot be written, except to a closed pipe.
    pub fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        self.write(visible(&format!("{line}\n")).as_bytes())
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    ///
    /// As for [`Output::line`].
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.write(format!("{}\n", visible_json(&text)).as_bytes())
    }

    /// Writes a value as JSON on one line.
    ///
    /// # Errors
    ///
    /// As for [`Output::line`].
    pub fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.write(format!("{}\n", visible_json(&text)).as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        match to.write_all(bytes).and_then(|()| to.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.to = None;
                Ok(())
            }
            written => written,
        }
    }
}

/// Writes bytes to stdout unchanged, or to a terminal as text that cannot control it.
///
/// # Errors
///
/// As for [`Output::line`].
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        Output::to(stdout).write(visible_bytes(bytes).as_bytes())
    } else {
        Output::to(stdout).write(bytes)
    }
}

/// Writes a question to stderr, without a line end.
pub(super) fn prompt(question: &str) {
    let mut stderr = anstream::stderr();
    // Without the question, the wait for an answer is still right.
    drop(write!(stderr, "{}", visible(question)).and_then(|()| stderr.flush()));
}

/// Writes a line to stderr. Ignores errors, because nothing depends on the line.
pub fn message(line: impl fmt::Display) {
    drop(writeln!(
        anstream::stderr(),
        "{}",
        visible(&line.to_string())
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind, usize);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_is_not_tried_again() {
        let mut writer = Failing(io::ErrorKind::BrokenPipe, 0);
        let mut output = Output::to(&mut writer);
        assert!(output.line("one").is_ok());
        assert!(output.line("two").is_ok());
        assert_eq!(writer.1, 1);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut output = Output::to(Failing(io::ErrorKind::StorageFull, 0));
        assert!(output.line("one").is_err());
    }

    #[test]
    fn lines_and_json_end_in_a_newline() {
        let mut bytes = Vec::new();
        let mut output = Output::to(&mut bytes);
        output.line("a").expect("memory");
        output.json(&serde_json::json!({"b": 1})).expect("memory");
        assert_eq!(bytes, b"a\n{\n  \"b\": 1\n}\n");
    }
}
