//! The places of the configuration, the secret and the data of the gate, and their owners.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, chown},
    path::{Path, PathBuf},
};

use super::{
    account::Account,
    new_file::Access,
    template::{self, Paths},
};
use crate::commands::outcome::Failure;

/// The places of the files of a gate.
#[derive(Debug)]
pub(super) struct Layout {
    /// Whether they are those of the systemd service.
    pub(super) system: bool,
    pub(super) config: PathBuf,
    pub(super) secret: PathBuf,
    /// The paths in the configuration.
    pub(super) paths: Paths,
    directory: PathBuf,
    account: Option<Account>,
}

/// A directory that this command has made, if it was missing.
pub(super) struct MadeDirectory(Option<PathBuf>);

impl Layout {
    /// Returns the files of the systemd service on the machine with this root directory.
    pub(super) fn system(root: &Path) -> Result<Self, Failure> {
        let directory = root.join("etc/cartgate");
        Ok(Self {
            system: true,
            config: directory.join("cartgate.toml"),
            secret: directory.join("cartfunnel.secret"),
            paths: Paths::of_service(),
            directory,
            account: Some(Account::of_service(&root.join("etc/passwd"))?),
        })
    }

    /// Returns the files of a gate in this directory. Their paths are absolute, so that commands
    /// find them from every directory.
    pub(super) fn of(directory: &Path) -> Result<Self, Failure> {
        let absolute = absolute(directory).map_err(|error| {
            Failure::usage(format_args!("cannot use {}: {error}", directory.display()))
        })?;
        let secret = absolute.join("cartfunnel.secret");
        let shown = |path: &Path| path.to_str().map(str::to_owned);
        let paths = shown(&secret).zip(shown(&absolute));
        let (secret_text, data) = paths.ok_or_else(|| {
            Failure::usage(format_args!(
                "the path {} is no UTF-8 text, so a configuration cannot name it; use another directory",
                absolute.display()
            ))
        })?;
        Ok(Self {
            system: false,
            config: absolute.join("cartgate.toml"),
            paths: Paths {
                secret: secret_text,
                data: data.trim_end_matches('/').to_owned(),
                https: ":443",
            },
            secret,
            directory: absolute,
            account: None,
        })
    }

    /// Checks that no file would be overwritten.
    pub(super) fn check_unused(&self, force: bool) -> Result<(), Failure> {
        if force {
            return Ok(());
        }
        if exists(&self.config) && !self.is_packaged() {
            let mut message = format!(
                "{} exists; edit it and run `cartgate check`, or replace it with --force",
                self.config.display()
            );
            if !exists(&self.secret) && self.system {
                message += &format!(
                    "; for the secret alone: install -m 600 -o cartgate SECRET_FILE {}",
                    self.secret.display()
                );
            }
            return Err(Failure::usage(message));
        }
        if exists(&self.secret) {
            return Err(Failure::usage(format_args!(
                "{} exists; keep it with --force, which replaces it only by a secret that you give",
                self.secret.display()
            )));
        }
        Ok(())
    }

    /// Whether the configuration is the one of the package, unchanged.
    pub(super) fn is_packaged(&self) -> bool {
        let written = || fs::read_to_string(&self.config);
        self.system && written().is_ok_and(|text| text == template::packaged())
    }

    /// Whether there is a secret already.
    pub(super) fn has_secret(&self) -> bool {
        exists(&self.secret)
    }

    /// Returns the access to the configuration. It may hold the password of a database or a token
    /// in the URL of the app, so only the gate and the user who edits it may read it.
    pub(super) fn config_access(&self) -> Access {
        Access {
            mode: if self.system { 0o640 } else { 0o600 },
            uid: None,
            gid: self.account.map(|account| account.gid),
        }
    }

    /// Returns the access to the secret, which only the gate may read.
    pub(super) fn secret_access(&self) -> Access {
        Access {
            mode: 0o600,
            uid: self.account.map(|account| account.uid),
            gid: self.account.map(|account| account.gid),
        }
    }

    /// Makes the directory if it is missing.
    pub(super) fn make_directory(&self) -> Result<MadeDirectory, Failure> {
        let mode = if self.system { 0o750 } else { 0o755 };
        let failed = |error: io::Error| {
            let shown = self.directory.display();
            Failure::usage(format_args!("cannot make the directory {shown}: {error}"))
        };
        match DirBuilder::new().mode(mode).create(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(MadeDirectory(None)),
            Err(error) => Err(failed(error)),
            Ok(()) => {
                let made = MadeDirectory(Some(self.directory.clone()));
                if let Some(account) = self.account {
                    chown(&self.directory, None, Some(account.gid)).map_err(failed)?;
                }
                Ok(made)
            }
        }
    }
}

impl MadeDirectory {
    /// Removes the directory, because no file is in it.
    pub(super) fn remove(self) {
        if let Some(path) = self.0 {
            // Another program may have put a file there meanwhile.
            let _ = fs::remove_dir(path);
        }
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Returns the absolute path without links, if it exists.
fn absolute(directory: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(directory),
        found => found,
    }
}
