//! Questions on a terminal. Questions go to stderr, because stdout is for data.

use std::{
    io::{self, IsTerminal as _, Stdin},
    os::fd::{AsFd as _, BorrowedFd},
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use crate::commands::{
    outcome::Failure,
    output::{message, prompt},
};

/// The characters that end or edit a line in most terminals.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const KILL: u8 = 0x15;

/// The terminal of this process.
pub(super) struct Terminal {
    stdin: Stdin,
}

impl Terminal {
    /// Returns the terminal if a person can read questions and answer them.
    pub(super) fn find() -> Option<Self> {
        let stdin = io::stdin();
        (stdin.is_terminal() && io::stderr().is_terminal()).then_some(Self { stdin })
    }

    /// Asks for a line.
    pub(super) fn line(&self, question: &str) -> Result<String, Failure> {
        prompt(question);
        let mut line = String::new();
        match self.stdin.read_line(&mut line) {
            Ok(0) => Err(ended()),
            Ok(_) => Ok(line),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Asks for a line that the terminal does not show. What was typed before the question is
    /// discarded, because the terminal has shown it.
    pub(super) fn hidden_line(&self, question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let typed = {
            let terminal = self.stdin.as_fd();
            let _silent = Silent::make(terminal).map_err(|error| unreadable(&error))?;
            prompt(question);
            hidden(|| byte(terminal))
        };
        message("");
        typed.map_err(|error| unreadable(&error))?.ok_or_else(ended)
    }
}

/// Returns the bytes of a line, or none if the user ends the command.
fn hidden(
    mut next: impl FnMut() -> io::Result<Option<u8>>,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    while let Some(byte) = next()? {
        match byte {
            b'\n' | b'\r' => return Ok(Some(line)),
            INTERRUPT => return Ok(None),
            END if line.is_empty() => return Ok(None),
            KILL => line.clear(),
            byte if BACKSPACE.contains(&byte) => {
                // The other bytes of a character in UTF-8 begin with the bits 10.
                while line.pop().is_some_and(|last| last & 0xc0 == 0x80) {}
            }
            byte => line.push(byte),
        }
    }
    Ok(None)
}

fn byte(terminal: BorrowedFd<'_>) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let read = rustix::io::retry_on_intr(|| rustix::io::read(terminal, &mut byte))?;
    Ok((read > 0).then_some(byte[0]))
}

/// A terminal that shows no input, and passes Ctrl-C on as a character: a signal would end the
/// process and leave the terminal silent.
struct Silent<'t> {
    terminal: BorrowedFd<'t>,
    before: Termios,
}

impl<'t> Silent<'t> {
    fn make(terminal: BorrowedFd<'t>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

fn ended() -> Failure {
    Failure::no("ended at a question; nothing is written")
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::no(format_args!("cannot read the terminal: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<Vec<u8>> {
        let mut keys = keys.iter().copied();
        let line = hidden(|| Ok(keys.next())).expect("readable");
        line.map(|line| line.to_vec())
    }

    #[test]
    fn a_hidden_line_can_be_edited_and_given_up() {
        assert_eq!(typed(b"secret\nmore"), Some(b"secret".to_vec()));
        assert_eq!(
            typed("se\u{20ac}\x7f\x08cret\r".as_bytes()),
            Some(b"scret".to_vec())
        );
        assert_eq!(typed(b"\x7fwrong\x15right\n"), Some(b"right".to_vec()));
        assert_eq!(typed(b"a\x04\n"), Some(b"a\x04".to_vec()));
        for given_up in [&b"sec\x03ret\n"[..], b"\x04", b"without an end"] {
            assert_eq!(typed(given_up), None);
        }
    }
}
