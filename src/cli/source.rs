//! The source of a configuration: flags, a variable, or a file, which each reload reads again. Some
//! flags override settings of the file. `serve`, `check` and every reload resolve it here, so all
//! find the same mistakes.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

pub use super::origin::Origin;
use super::serve::ServeArgs;
use crate::{
    alarm::AlarmReceiver,
    config::{
        FileError, Finding, Loaded, Place, Plan,
        default_file::{self, cannot_read},
    },
};

/// The flags and variables of `serve`, and the origin of the configuration that they choose.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    args: Box<ServeArgs>,
    origin: Origin,
}

/// A configuration cannot be used.
#[derive(Debug)]
pub enum ConfigSourceError {
    /// The file cannot be read.
    Unreadable(String),
    /// Every mistake that was found.
    Mistakes(Vec<Finding>),
}

/// The time for the first reading. A pipe may come from a program that asks for a passphrase.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the result of `read`, unless it takes too long: a file may be a pipe without a writer,
/// or on a machine that is gone. The process then ends and leaves the thread behind.
///
/// # Errors
///
/// A hint for the operator.
pub fn in_time<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    within(READ_TIMEOUT, read)
}

fn within<T: Send + 'static>(
    timeout: Duration,
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let started = thread::Builder::new().spawn(move || sender.send(read()));
    started.map_err(|_| "the configuration cannot be read: the system allows no more threads")?;
    let late =
        "the configuration could not be read in time: is one of its files a pipe without a writer?";
    receiver.recv_timeout(timeout).map_err(|_| late)
}

fn read(
    path: &Path,
    change: impl FnOnce(Plan) -> Plan,
) -> Result<Result<Plan, Vec<Finding>>, ConfigSourceError> {
    match Plan::from_file(path, change) {
        Err(FileError::Unreadable(error)) => {
            Err(ConfigSourceError::Unreadable(cannot_read(path, &error)))
        }
        Err(FileError::Mistakes(findings)) => Ok(Err(findings)),
        Ok(plan) => Ok(Ok(plan)),
    }
}

impl ConfigSource {
    /// Returns the source that these arguments choose.
    ///
    /// # Errors
    ///
    /// A message with the next step if there is no configuration, or if its file cannot be used.
    pub fn of(args: &ServeArgs) -> Result<Self, String> {
        Ok(Self {
            args: Box::new(args.clone()),
            origin: Origin::of(args)?,
        })
    }

    /// Returns the origin of the configuration.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the configuration file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.origin.file()
    }

    /// Reads the plan anew.
    ///
    /// # Errors
    ///
    /// Every mistake that was found, or the reason why the file cannot be read.
    pub fn plan(&self) -> Result<Plan, ConfigSourceError> {
        let change = |plan: Plan| plan.overridden_by(&self.args);
        let text = || self.args.config_toml.as_deref().unwrap_or_default();
        let plan = match &self.origin {
            Origin::Flags => Plan::from_flags(&self.args),
            Origin::Variable => Plan::from_text_with(text(), change),
            Origin::File(path) => read(path, change)?,
            Origin::DefaultFile(path) => {
                default_file::check(path).map_err(ConfigSourceError::Unreadable)?;
                read(path, change)?
            }
        };
        let mut plan = plan.map_err(|findings| self.mistakes(findings))?;
        plan.warnings = self.placed(plan.warnings);
        for flag in ["--admin-token-file", "--admin-host", "--admin-console"] {
            if self.args.admin.has(flag) && plan.admin.is_none() {
                let message = "there is no admin listener; give its address with --admin";
                let finding = Finding::new(Place::flag(flag), message);
                return Err(self.mistakes(vec![finding]));
            }
        }
        Ok(plan)
    }

    /// Reads the files and variables that a plan of this source names.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load(&self, plan: &Plan) -> Result<Loaded, ConfigSourceError> {
        self.loaded(plan.load())
    }

    /// Reads the files and variables that a plan of this source names, and probes everything else
    /// that a start needs.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load_to_start(&self, plan: &Plan) -> Result<Loaded, ConfigSourceError> {
        self.loaded(plan.load_to_start())
    }

    /// Reads the files and variables that the receivers of alarms name.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load_alarms(
        &self,
        plan: &Plan,
    ) -> Result<(Vec<Arc<AlarmReceiver>>, Vec<Finding>), ConfigSourceError> {
        let loaded = plan.load_alarms();
        loaded.map_err(|findings| self.mistakes(findings))
    }

    fn loaded(&self, loaded: Result<Loaded, Vec<Finding>>) -> Result<Loaded, ConfigSourceError> {
        let mut loaded = loaded.map_err(|findings| self.mistakes(findings))?;
        loaded.warnings = self.placed(loaded.warnings);
        Ok(loaded)
    }

    /// Returns the finding as a line: `gate.toml:3:5: …` or `CARTGATE_CONFIG_TOML:3:5: …`, as
    /// compilers write it, or `--flag: …`, or `CARTGATE_FLAG: …`.
    #[must_use]
    pub fn line(&self, finding: &Finding) -> String {
        match finding.place {
            Place::File { .. } => format!("{}:{finding}", self.origin),
            Place::Flag { .. } | Place::Variable { .. } => finding.to_string(),
        }
    }

    /// Returns a line for each mistake.
    #[must_use]
    pub fn lines(&self, error: ConfigSourceError) -> Vec<String> {
        match error {
            ConfigSourceError::Unreadable(line) => vec![line],
            ConfigSourceError::Mistakes(findings) => {
                findings.iter().map(|finding| self.line(finding)).collect()
            }
        }
    }

    fn mistakes(&self, findings: Vec<Finding>) -> ConfigSourceError {
        ConfigSourceError::Mistakes(self.placed(findings))
    }

    /// Moves each finding to the variable if its flag was given by one.
    fn placed(&self, findings: Vec<Finding>) -> Vec<Finding> {
        findings
            .into_iter()
            .map(|finding| self.placed_one(finding))
            .collect()
    }

    fn placed_one(&self, mut finding: Finding) -> Finding {
        if let Place::Flag { flag } = finding.place
            && self.args.given.by_variable(flag)
        {
            finding.place = Place::Variable { of: flag };
        }
        finding
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
