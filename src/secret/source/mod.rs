//! The sources of secrets: a file, an environment variable or a systemd credential, never an
//! argument.
//!
//! A source is a name and a place. [`SecretSource::read`] reads the secret each time anew, so a
//! reload sees a changed file. Errors and warnings name the place and the reason, and never quote
//! the secret.

use std::{
    env,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use tower_cartgate::{Secret, SecretError, SecretName, Weakness};

pub use crate::secret::private_file::Exposure;
use crate::{secret::private_file, text::file_error::file_error};

mod variables;

pub use variables::*;

/// The variable in which systemd names the directory of a unit's credentials (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The name of a secret without an explicit one.
pub const DEFAULT_NAME: &str = "default";

/// The limit of a secret file. A longer file is the wrong one, perhaps an endless one.
const MOST_BYTES: u64 = 64 * 1024;

/// A named place of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretSource {
    name: SecretName,
    place: SecretPlace,
}

/// The place of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretPlace {
    /// A file's path.
    File(PathBuf),
    /// An environment variable's name.
    Variable(String),
    /// The name of a file in the directory of a systemd unit's credentials.
    Credential(String),
}

impl SecretSource {
    /// Returns the source of a secret in this place.
    #[must_use]
    pub fn new(name: SecretName, place: SecretPlace) -> Self {
        Self { name, place }
    }

    /// Returns the source of a secret in a file.
    pub fn file(name: SecretName, path: impl Into<PathBuf>) -> Self {
        Self {
            name,
            place: SecretPlace::File(path.into()),
        }
    }

    /// Returns the source of a secret in an environment variable, with the name [`DEFAULT_NAME`].
    #[must_use]
    pub fn from_env_var(variable: &str) -> Self {
        Self {
            name: default_name(),
            place: SecretPlace::Variable(variable.to_owned()),
        }
    }

    /// Returns the given sources, or [`SECRET_VARIABLE`] if it is set.
    ///
    /// # Errors
    ///
    /// [`SourceError::Nowhere`] when there is neither.
    pub fn or_environment(given: Vec<Self>) -> Result<Vec<Self>, SourceError> {
        if !given.is_empty() {
            return Ok(given);
        }
        if variable_is_set(SECRET_VARIABLE) {
            return Ok(vec![Self::from_env_var(SECRET_VARIABLE)]);
        }
        Err(SourceError::Nowhere)
    }

    /// Returns the name of the secret in logs and headers.
    #[must_use]
    pub fn name(&self) -> &SecretName {
        &self.name
    }

    /// Returns the place of the secret.
    #[must_use]
    pub fn place(&self) -> &SecretPlace {
        &self.place
    }

    /// Reads the secret as it is now. Drops exactly one newline at its end.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when there is no usable secret.
    pub fn read(&self) -> Result<(SecretName, Secret, Vec<Warning>), SourceError> {
        let (secret, exposures) = self.place.read()?;
        let exposed = exposures.into_iter().map(WarningKind::Exposed);
        let weak = secret.weaknesses().into_iter().map(WarningKind::Weak);
        let warnings = exposed.chain(weak).map(|kind| Warning {
            name: self.name.clone(),
            place: self.place.clone(),
            kind,
        });
        let warnings = warnings.collect();
        Ok((self.name.clone(), secret, warnings))
    }
}

/// Parses `[NAME=]FILE`. The part before the first `=` is the name, unless it looks like the
/// beginning of a path.
impl FromStr for SecretSource {
    type Err = SourceSyntaxError;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let (name, path) = match typed.split_once('=') {
            Some((name, path)) if !name.contains(['/', '.', '\\']) => {
                let name = name.parse().map_err(|_| SourceSyntaxError::Name)?;
                (name, path)
            }
            _ => (default_name(), typed),
        };
        if path.is_empty() {
            return Err(SourceSyntaxError::NoFile);
        }
        Ok(Self::file(name, path))
    }
}

fn default_name() -> SecretName {
    DEFAULT_NAME
        .parse()
        .expect("the name consists of lower-case letters")
}

impl SecretPlace {
    /// Returns the file if one is given, or the variable if it is set.
    #[must_use]
    pub fn given(file: Option<&Path>, variable: &str) -> Option<Self> {
        let in_file = file.map(|path| Self::File(path.to_owned()));
        let in_variable = || Self::Variable(variable.to_owned());
        in_file.or_else(|| variable_is_set(variable).then(in_variable))
    }

    /// Returns the file of the secret, if it is in one.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Variable(_) => None,
            Self::Credential(name) => Some(Path::new(&env::var_os(CREDENTIALS)?).join(name)),
        }
    }

    /// Reads the secret; returns it with the ways in which other users of this machine can access
    /// it.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when there is no usable secret.
    pub fn read(&self) -> Result<(Secret, Vec<Exposure>), SourceError> {
        let (bytes, exposures) = match self {
            Self::File(path) => read_file(path)?,
            Self::Variable(variable) => (read_variable(variable)?, Vec::new()),
            Self::Credential(name) => {
                let path = self
                    .path()
                    .ok_or_else(|| SourceError::NoCredentials { name: name.clone() })?;
                // systemd controls the access to credentials.
                (read_file(&path)?.0, Vec::new())
            }
        };
        let secret = Secret::from_line(bytes).map_err(|reason| SourceError::Unusable {
            place: self.clone(),
            reason,
        })?;
        Ok((secret, exposures))
    }
}

fn read_file(path: &Path) -> Result<(Vec<u8>, Vec<Exposure>), SourceError> {
    let file = private_file::read(path, MOST_BYTES).map_err(|reason| match misplaced(path) {
        Some(variable) => SourceError::Misplaced { variable, reason },
        None => SourceError::Unreadable {
            path: path.to_owned(),
            reason,
        },
    })?;
    let file = file.ok_or_else(|| SourceError::TooLong {
        path: path.to_owned(),
    })?;
    Ok((file.bytes, file.exposures))
}

fn read_variable(variable: &str) -> Result<Vec<u8>, SourceError> {
    env::var_os(variable)
        .map(OsString::into_encoded_bytes)
        .ok_or_else(|| SourceError::Unset {
            variable: variable.to_owned(),
        })
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(variable) => write!(f, "variable {variable}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// A property of a usable secret that is probably a mistake.
#[derive(Clone, Debug)]
pub struct Warning {
    name: SecretName,
    place: SecretPlace,
    kind: WarningKind,
}

#[derive(Clone, Debug)]
enum WarningKind {
    Weak(Weakness),
    Exposed(Exposure),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret {} ({}): ", self.name, self.place)?;
        match &self.kind {
            WarningKind::Weak(weakness) => weakness.fmt(f),
            WarningKind::Exposed(exposure) => exposure.fmt(f),
        }
    }
}

/// The reason why `[NAME=]FILE` cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceSyntaxError {
    /// The part before `=` is not a name.
    #[error(
        "the name before `=` must be 1 to 64 of a-z, 0-9, `_` and `-` (a file whose name holds `=`: write ./FILE)"
    )]
    Name,
    /// The file is missing.
    #[error("the file is missing")]
    NoFile,
}

/// The reason why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("{}", unreadable(path, reason))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        reason: io::Error,
    },
    /// The value of a `_FILE` variable names no file. The error does not show it, because it may be
    /// the secret itself.
    #[error(
        "cannot read the secret file that {variable}_FILE names: {reason} (its value is not shown; if it is the secret itself, put it into {variable})"
    )]
    Misplaced {
        /// The variable for the secret itself.
        variable: &'static str,
        /// The error of the system.
        reason: io::Error,
    },
    /// The file is too long to be a secret.
    #[error("the secret file {} is longer than 64 KiB, so it cannot be a shared secret", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The variable is not set.
    #[error("the environment variable {variable}, which should hold the secret, is not set")]
    Unset {
        /// The variable.
        variable: String,
    },
    /// This process has no systemd credentials.
    #[error(
        "there is no credential {name}: {CREDENTIALS} is not set; a systemd unit with LoadCredential= sets it"
    )]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// The content must not be used as a secret.
    #[error("the secret in {place} cannot be used: {reason}; write another one there")]
    Unusable {
        /// Its place.
        place: SecretPlace,
        /// The reason.
        reason: SecretError,
    },
    /// Neither a file nor the variable is given.
    #[error("no secret is given; use --secret-file FILE, or set {SECRET_VARIABLE}")]
    Nowhere,
}

/// The secret of the systemd service, which no package contains.
const SERVICE_SECRET: &str = "/etc/cartgate/cartfunnel.secret";

/// Returns the message about a file that cannot be read, with the next step.
fn unreadable(path: &Path, reason: &io::Error) -> String {
    let is_missing = reason.kind() == io::ErrorKind::NotFound;
    if is_missing && may_be_secret(path) {
        return "cannot read the secret file: there is none of this name, which is not shown because it may be the secret itself; write the secret into a file, and name that file".to_owned();
    }
    let next = match is_missing {
        true if path == Path::new(SERVICE_SECRET) => {
            "it does not exist yet; run `sudo cartgate init --system`".to_owned()
        }
        true => "there is no such file; check the path, or create it with mode 0600".to_owned(),
        false => file_error(reason),
    };
    format!("cannot read the secret file {}: {next}", path.display())
}

/// Whether a missing file may be a secret in the place of its path. Base64 can contain a `/`.
fn may_be_secret(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    let directory = path.parent().filter(|parent| parent.parent().is_some());
    text.len() >= 16
        && !text.contains(&b'.')
        && !path.is_absolute()
        && !directory.is_some_and(Path::is_dir)
}

#[cfg(test)]
mod tests;
