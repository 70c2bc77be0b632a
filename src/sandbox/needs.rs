//! The files, directories and ports that a configuration needs while a gate runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::places;

/// The files, directories and ports that a configuration needs. A reload may need others than the
/// start.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) directories: BTreeSet<PathBuf>,
    /// Each port with one of the peers behind it.
    pub(super) ports: BTreeMap<u16, String>,
}

impl Needs {
    /// Adds files that are read, also after another program has replaced them.
    pub fn read<P: Into<PathBuf>>(&mut self, files: impl IntoIterator<Item = P>) {
        self.files.extend(files.into_iter().map(Into::into));
    }

    /// Adds a directory in which files are created, changed and deleted.
    pub fn write(&mut self, directory: impl Into<PathBuf>) {
        self.directories.insert(directory.into());
    }

    /// Adds a file that is changed, and beside which others are created.
    pub fn write_beside(&mut self, file: &Path) {
        self.directories.extend(places::directories(file));
    }

    /// Adds a TCP port to which the gate connects. `peer` names the other side in messages.
    pub fn connect(&mut self, port: u16, peer: impl Into<String>) {
        self.ports.entry(port).or_insert_with(|| peer.into());
    }
}
