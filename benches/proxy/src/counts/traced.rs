//! The gate under callgrind or strace.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cartgate::Cartgate,
    peer::{Peer, Site, installed},
};

/// The program that counts.
#[derive(Clone, Copy)]
pub(super) enum Tool {
    Callgrind,
    Strace,
}

impl Tool {
    fn command(self, output: &Path) -> io::Result<Command> {
        match self {
            Self::Callgrind => {
                let mut command = Command::new(installed("valgrind")?);
                command.args(["--tool=callgrind", "--separate-threads=yes"]);
                command.arg(format!("--callgrind-out-file={}", output.display()));
                // callgrind writes its result from within the process.
                command.env("CARTGATE_NO_SANDBOX", "true");
                Ok(command)
            }
            Self::Strace => {
                let mut command = Command::new(installed("strace")?);
                // With -D the gate is the child and gets the signal that ends it, not strace.
                command.args(["-D", "-f", "-c", "-o"]).arg(output);
                Ok(command)
            }
        }
    }
}

/// The gate under a tool, which writes its result after the gate has ended.
pub(super) struct Traced<'a> {
    pub(super) gate: &'a Cartgate,
    pub(super) tool: Tool,
    pub(super) output: PathBuf,
}

impl Peer for Traced<'_> {
    fn name(&self) -> &'static str {
        self.gate.name()
    }

    fn version(&self) -> io::Result<String> {
        self.gate.version()
    }

    fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        let gate = self.gate.command(site)?;
        let mut command = self.tool.command(&self.output)?;
        command.arg(gate.get_program()).args(gate.get_args());
        Ok(command)
    }
}
