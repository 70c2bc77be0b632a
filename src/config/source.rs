//! Where a configuration is written: flags, which never change, or a file, which is read again at each reload. Findings
//! become lines here, each saying what and where.

use std::{path::PathBuf, sync::mpsc, thread, time::Duration};

use super::{FileError, Finding, Loaded, Plan};
use crate::cli::ServeArgs;

/// Where a configuration is written.
#[derive(Debug, Clone)]
pub enum Source {
    /// Flags and variables.
    Flags(Box<ServeArgs>),
    /// A file.
    File(PathBuf),
}

/// How long the first reading may take. A pipe may come from a program that asks for a passphrase.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `read` gives, unless it takes too long: a file may be a pipe that nobody writes to, or on a machine that is gone.
/// It is then left behind with its thread, for a process that ends.
///
/// # Errors
///
/// What to look for.
pub fn in_time<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    within(PATIENCE, read)
}

fn within<T: Send + 'static>(
    patience: Duration,
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || sender.send(read()));
    let late = "what the configuration names could not be read in time: is a file a pipe that nobody writes to?";
    receiver.recv_timeout(patience).map_err(|_| late)
}

impl Source {
    /// What was typed names the file, or says it all.
    #[must_use]
    pub fn of(args: &ServeArgs) -> Self {
        match &args.config {
            Some(path) => Self::File(path.clone()),
            None => Self::Flags(Box::new(args.clone())),
        }
    }

    /// What is written there now.
    ///
    /// # Errors
    ///
    /// Each mistake, as a line.
    pub fn plan(&self) -> Result<Plan, Vec<String>> {
        match self {
            Self::Flags(args) => Plan::from_flags(args).map_err(|findings| self.lines(&findings)),
            Self::File(path) => Plan::from_file(path).map_err(|error| match error {
                FileError::Unreadable(error) => {
                    vec![format!("cannot read {}: {error}", path.display())]
                }
                FileError::Mistakes(findings) => self.lines(&findings),
            }),
        }
    }

    /// A plan from here with what it names.
    ///
    /// # Errors
    ///
    /// Everything that cannot be read or does not go together, as lines.
    pub fn load(&self, plan: &Plan) -> Result<Loaded, Vec<String>> {
        plan.load().map_err(|findings| self.lines(&findings))
    }

    /// `gate.toml:3:5: …`, as compilers write it, or `--flag: …`.
    #[must_use]
    pub fn line(&self, finding: &Finding) -> String {
        match self {
            Self::Flags(_) => finding.to_string(),
            Self::File(path) => format!("{}:{finding}", path.display()),
        }
    }

    fn lines(&self, findings: &[Finding]) -> Vec<String> {
        findings.iter().map(|finding| self.line(finding)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let pipe = dir.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a pipe");
        let read = within(Duration::from_millis(10), move || std::fs::read(pipe));
        assert!(read.expect_err("late").contains("pipe"));
        assert_eq!(in_time(|| 1), Ok(1));
    }
}
