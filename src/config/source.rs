//! Where a configuration is written: flags, which never change, or a file, which is read again at each reload. Findings
//! become lines here, each saying what and where.

use std::path::PathBuf;

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
