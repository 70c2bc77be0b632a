//! The origin of a configuration: flags, a file, or a variable with the text of one.
//!
//! `--config` comes first, then the text in `CARTGATE_CONFIG_TOML`, then flags with `--upstream` or
//! `--verdict`, then the default file.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::serve::ServeArgs;
use crate::config::{default_file, variable_of};

/// The origin of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The flags of `serve`, and their variables.
    Flags,
    /// A file that the command names.
    File(PathBuf),
    /// The file of a command that names none.
    DefaultFile(PathBuf),
    /// The variable with the text of a file.
    Variable,
}

impl Origin {
    /// Returns the origin of the configuration of `serve` with these arguments.
    ///
    /// # Errors
    ///
    /// A message with the next step if there is no configuration, or if its file cannot be used.
    pub fn of(args: &ServeArgs) -> Result<Self, String> {
        if let Some(path) = &args.config {
            return Ok(Self::File(path.clone()));
        }
        if args.config_toml.is_some() {
            return Ok(Self::Variable);
        }
        if args.destination.has("--upstream") || args.endpoint.plan("--name").verdict {
            return Ok(Self::Flags);
        }
        if let Some(flag) = args.given.without_effect_beside_file() {
            return Err(format!(
                "{flag} has no effect without the app's URL; add --upstream URL, or write the setting into a file"
            ));
        }
        default_file::find()?.map(Self::DefaultFile).ok_or_else(|| {
            format!(
                "there is no {} and no {}; run `cartgate init`, or give --config FILE or --upstream URL",
                default_file::IN_DIRECTORY,
                default_file::OF_SYSTEM
            )
        })
    }

    /// Returns the file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::DefaultFile(path) => Some(path),
            Self::Flags | Self::Variable => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags => f.write_str("flags and variables"),
            Self::File(path) | Self::DefaultFile(path) => path.display().fmt(f),
            Self::Variable => f.write_str(&variable_of("config-toml")),
        }
    }
}
