//! Where a secret comes from: a file, an environment variable or a systemd credential, never an argument.
//!
//! A source is only a name and a place; [`SecretSource::read`] does the I/O, each time anew, so
//! that a reload sees a changed file. What is read never shows in an error or a warning: those name
//! the place and the reason.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tower_cartgate::{Secret, SecretError, SecretName, Weakness};

use crate::secret::private_file;
pub use crate::secret::private_file::Exposure;

mod variables;

pub use variables::*;

/// Where systemd says that a unit's credentials lie (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The name of a secret that was given none.
pub const DEFAULT_NAME: &str = "default";

/// What is longer is no shared secret but the wrong file, perhaps an endless one.
const MOST_BYTES: u64 = 64 * 1024;

/// One named place to read a secret from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretSource {
    name: SecretName,
    place: Place,
}

/// Where the bytes lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A file's path.
    File(PathBuf),
    /// An environment variable's name.
    Variable(String),
    /// The name of a file in the folder where systemd puts a unit's credentials.
    Credential(String),
}

impl SecretSource {
    /// A secret in some place.
    #[must_use]
    pub fn new(name: SecretName, place: Place) -> Self {
        Self { name, place }
    }

    /// A secret in a file.
    pub fn file(name: SecretName, path: impl Into<PathBuf>) -> Self {
        Self {
            name,
            place: Place::File(path.into()),
        }
    }

    /// A secret in an environment variable, under the name [`DEFAULT_NAME`].
    #[must_use]
    pub fn from_env_var(variable: &str) -> Self {
        Self {
            name: default_name(),
            place: Place::Variable(variable.to_owned()),
        }
    }

    /// The sources given, or else [`SECRET_VARIABLE`] if that is set.
    ///
    /// # Errors
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

    /// What the secret is called in logs and headers.
    #[must_use]
    pub fn name(&self) -> &SecretName {
        &self.name
    }

    /// Where it lies.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Reads the secret as it is now. Exactly one newline at its end is dropped.
    ///
    /// # Errors
    /// [`SourceError`] where nothing usable can be read.
    pub fn read(&self) -> Result<(SecretName, Secret, Vec<Warning>), SourceError> {
        let (secret, exposures) = self.place.read()?;
        let exposed = exposures.into_iter().map(Matter::Exposed);
        let weak = secret.weaknesses().into_iter().map(Matter::Weak);
        let warnings = exposed.chain(weak).map(|matter| Warning {
            name: self.name.clone(),
            place: self.place.clone(),
            matter,
        });
        let warnings = warnings.collect();
        Ok((self.name.clone(), secret, warnings))
    }
}

/// `[NAME=]FILE`. What stands before the first `=` is the name, unless it looks like the beginning
/// of a path.
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
        .expect("a fixed word of lower-case letters")
}

impl Place {
    /// The file if one is given, or else the variable if it is set.
    #[must_use]
    pub fn given(file: Option<&Path>, variable: &str) -> Option<Self> {
        let in_file = file.map(|path| Self::File(path.to_owned()));
        let in_variable = || Self::Variable(variable.to_owned());
        in_file.or_else(|| variable_is_set(variable).then(in_variable))
    }

    /// Reads the secret, and tells how other users of this machine get at it.
    ///
    /// # Errors
    /// [`SourceError`] where nothing usable can be read.
    pub fn read(&self) -> Result<(Secret, Vec<Exposure>), SourceError> {
        let (bytes, exposures) = match self {
            Self::File(path) => read_file(path)?,
            Self::Variable(variable) => (read_variable(variable)?, Vec::new()),
            Self::Credential(name) => {
                let folder = env::var_os(CREDENTIALS)
                    .ok_or_else(|| SourceError::NoCredentials { name: name.clone() })?;
                // systemd decides who may read it.
                (read_file(&Path::new(&folder).join(name))?.0, Vec::new())
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(variable) => write!(f, "variable {variable}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// Something about a secret that works but is probably a mistake.
#[derive(Clone, Debug)]
pub struct Warning {
    name: SecretName,
    place: Place,
    matter: Matter,
}

#[derive(Clone, Debug)]
enum Matter {
    Weak(Weakness),
    Exposed(Exposure),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret {} ({}): ", self.name, self.place)?;
        match &self.matter {
            Matter::Weak(weakness) => weakness.fmt(f),
            Matter::Exposed(exposure) => exposure.fmt(f),
        }
    }
}

/// Why `[NAME=]FILE` could not be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceSyntaxError {
    /// The part before `=` is no name.
    #[error(
        "the name before `=` must be 1 to 64 of a-z, 0-9, `_` and `-` (a file whose name holds `=`: write ./FILE)"
    )]
    Name,
    /// Nothing stands where the file should.
    #[error("no file is named")]
    NoFile,
}

/// Why no secret could be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read the secret file {}: {reason}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The value of a `_FILE` variable names no file. It may be the secret itself, so it is not shown.
    #[error(
        "cannot read the secret file that {variable}_FILE names: {reason} (its value is not shown; if it is the secret itself, put it into {variable})"
    )]
    Misplaced {
        /// The variable for the secret itself.
        variable: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is too long to be a secret.
    #[error("the secret file {} is longer than 64 KiB: it cannot be a shared secret", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// The variable is not set.
    #[error("the environment variable {variable}, which should hold the secret, is not set")]
    Unset {
        /// Which variable.
        variable: String,
    },
    /// systemd gives this process no credentials.
    #[error(
        "there is no credential {name}: {CREDENTIALS} is not set, as it is in a systemd unit with LoadCredential="
    )]
    NoCredentials {
        /// Which credential.
        name: String,
    },
    /// What was read must not be used as a secret.
    #[error("the secret in {place} cannot be used: {reason}")]
    Unusable {
        /// Where it was read.
        place: Place,
        /// Why not.
        reason: SecretError,
    },
    /// Neither a file nor the variable was given.
    #[error("no secret is given: name its file with --secret-file FILE, or set {SECRET_VARIABLE}")]
    Nowhere,
}

#[cfg(test)]
mod tests;
