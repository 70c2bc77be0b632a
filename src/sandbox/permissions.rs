//! The permissions of a sandboxed gate, and the comparison with the needs of a reload.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{needs::Needs, places, system_files};

/// The TCP port of name servers, which long responses need.
const DNS: u16 = 53;

/// The permissions of a sandboxed gate. All paths are without links.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// Files and directories that can be read.
    pub(super) readable: BTreeSet<PathBuf>,
    /// Directories in which files can be created, changed and deleted.
    pub(super) writable: BTreeSet<PathBuf>,
    /// Directories in which only the socket files of the gate are deleted.
    pub(super) removable: BTreeSet<PathBuf>,
    /// The TCP ports to which the gate connects.
    pub(super) ports: BTreeSet<u16>,
    /// Whether the gate may connect to sockets in the abstract namespace.
    pub(super) abstract_sockets: bool,
}

impl Permissions {
    /// Returns the permissions for these needs and those of the libraries.
    #[must_use]
    pub fn new(needs: &Needs) -> Self {
        let files = needs.files.iter().flat_map(|file| places::of(file));
        let of_system = system_files::readable().filter_map(|path| places::resolved(&path));
        let directories = needs.directories.iter();
        Self {
            readable: files.chain(of_system).collect(),
            writable: directories
                .filter_map(|dir| places::resolved(dir))
                .collect(),
            removable: BTreeSet::new(),
            ports: needs.ports.keys().copied().chain([DNS]).collect(),
            abstract_sockets: false,
        }
    }

    /// Permits deleting the socket file at `path`.
    pub fn remove_socket(&mut self, path: &Path) {
        let path = places::resolved(path);
        let directory = path.as_deref().and_then(Path::parent);
        self.removable.extend(directory.map(Path::to_owned));
    }

    /// Permits connections to sockets in the abstract namespace.
    pub fn connect_abstract(&mut self) {
        self.abstract_sockets = true;
    }

    /// Returns whether the file can be read, or does not exist.
    pub(super) fn permits_reading(&self, file: &Path) -> bool {
        let Ok(file) = std::fs::canonicalize(file) else {
            return true;
        };
        let places = self.readable.iter().chain(&self.writable);
        is_below(&file, places)
    }

    /// Returns whether a file can be created at `path`.
    pub(super) fn permits_writing(&self, path: &Path) -> bool {
        places::resolved(path).is_none_or(|path| is_below(&path, self.writable.iter()))
    }

    /// Returns a line for each need beyond these permissions.
    pub(super) fn lacks_files(&self, needs: &Needs) -> Vec<String> {
        let files = needs
            .files
            .iter()
            .filter(|file| !self.permits_reading(file));
        let files = files.map(|file| {
            format!(
                "{}: the sandbox permits reading only in the directories of the files that the configuration named at \
                 the start; restart the gate to use this file",
                file.display()
            )
        });
        let directories = needs
            .directories
            .iter()
            .filter(|dir| !self.permits_writing(dir));
        let directories = directories.map(|dir| {
            format!(
                "{}: the sandbox permits writing only in the directories that the configuration named at the start; \
                 restart the gate to use this one",
                dir.display()
            )
        });
        files.chain(directories).collect()
    }

    /// Returns a line for each port beyond these permissions.
    pub(super) fn lacks_ports(&self, ports: &BTreeMap<u16, String>) -> Vec<String> {
        let missing = ports.iter().filter(|(port, _)| !self.ports.contains(port));
        let lines = missing.map(|(port, peer)| {
            format!(
                "{peer}: the sandbox permits connections only to the ports that the configuration named at the start, \
                 and {port} is not among them; restart the gate to use it"
            )
        });
        lines.collect()
    }
}

fn is_below<'p>(path: &Path, mut places: impl Iterator<Item = &'p PathBuf>) -> bool {
    places.any(|place| path.starts_with(place))
}
