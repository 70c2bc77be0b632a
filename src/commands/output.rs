//! The one place that writes to stdout and stderr. No text from outside can command a terminal. Colours go only to terminals that want them
//! (`NO_COLOR` is honoured), and a reader that went away ends the output, not the command: its exit
//! status is still the answer.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use anstream::AutoStream;
use serde::Serialize;

use crate::text::terminal::{visible, visible_bytes, visible_json};

/// Standard output, for data.
pub struct Output<W = AutoStream<io::Stdout>> {
    to: Option<W>,
}

impl Output {
    /// The process's own.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to(anstream::stdout())
    }
}

impl<W: Write> Output<W> {
    fn to(to: W) -> Self {
        Self { to: Some(to) }
    }

    /// A line.
    ///
    /// # Errors
    /// Whatever keeps it from being written, but not a closed pipe.
    pub fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        self.write(visible(&format!("{line}\n")).as_bytes())
    }

    /// A value as indented JSON.
    ///
    /// # Errors
    /// As for [`Output::line`].
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.write(format!("{}\n", visible_json(&text)).as_bytes())
    }

    /// A value as JSON on one line.
    ///
    /// # Errors
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

/// Writes bytes to stdout exactly as they are, and to a terminal as text that cannot command it.
///
/// # Errors
/// As for [`Output::line`].
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        Output::to(stdout).write(visible_bytes(bytes).as_bytes())
    } else {
        Output::to(stdout).write(bytes)
    }
}

/// A line on stderr. Nothing can be done where that cannot be written, and nothing depends on it.
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
