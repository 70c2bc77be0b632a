//! The directory of an ACME server's account, keys and certificates.
//!
//! - Only the gate's user can read it: directories have mode 0700, files 0600.
//! - A file appears whole: it is written under another name, synced and renamed. A certificate is in
//!   one file with its key, so that no mixed pair can exist.
//! - Each server has its own directory, and each set of domains its own file. A certificate of the
//!   staging server is never taken for one of the production server.
//! - An order holds the lock of the directory, so that two gates do not order the same certificate.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, Mode, OFlags, access, open},
    process::geteuid,
};

use super::{domain::Domain, server::short_digest, settings::AcmeSettings};
use crate::{
    net::certificate::{Certificate, CertificateError, Warning},
    secret::private_file::{self, give_to_owner_of},
};

/// The mode bits of group and others.
const OTHERS: u32 = 0o077;

/// The largest file that the gate writes here, with room to spare.
const ROOM: usize = 64 * 1024;

/// The end of the names of certificate files.
const PEM: &str = "pem";

/// The files of one server and one set of domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateStore {
    /// The configured directory.
    root: PathBuf,
    /// The directory of the server.
    dir: PathBuf,
    /// The file of the certificate with its key.
    file: PathBuf,
    domains: Vec<Domain>,
}

impl CertificateStore {
    pub(crate) fn new(settings: &AcmeSettings) -> Self {
        let dir = settings.dir.join(settings.server.folder());
        let mut domains = settings.domains.clone();
        domains.sort_unstable();
        domains.dedup();
        let file = dir.join(file_name(&domains));
        Self {
            root: settings.dir.clone(),
            dir,
            file,
            domains,
        }
    }

    /// Returns the file of the certificate.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the file of the account.
    pub(super) fn account(&self) -> PathBuf {
        self.dir.join("account.json")
    }

    /// Returns the file of the last attempt.
    pub(super) fn attempt(&self) -> PathBuf {
        self.dir.join("attempt.json")
    }

    /// Returns whether the certificate is one of this server for exactly these domains.
    pub(crate) fn is_right(&self, certificate: &Certificate) -> bool {
        certificate.path() == self.file && self.covers(certificate)
    }

    /// Returns whether the certificate is for each of the domains.
    pub(super) fn covers(&self, certificate: &Certificate) -> bool {
        self.domains
            .iter()
            .all(|domain| certificate.is_for(domain.as_str()))
    }

    /// Reads the stored certificate of these domains. If there is none, another one of the same
    /// server that is for one of them stands in: the gate serves it until the order for the changed
    /// domains succeeds.
    pub(crate) fn read(&self) -> Result<Option<(Certificate, Vec<Warning>)>, CertificateError> {
        if self.file.exists() {
            return Certificate::load(&self.file, &self.file).map(Some);
        }
        let others = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let others = others.map(|entry| entry.path());
        let others = others.filter(|path| path.extension().is_some_and(|end| end == PEM));
        let others = others.filter_map(|path| Certificate::load(&path, &path).ok());
        let others = others.filter(|(one, _)| {
            self.domains
                .iter()
                .any(|domain| one.is_for(domain.as_str()))
        });
        Ok(others.max_by_key(|(one, _)| one.expires()))
    }

    /// Checks that the directory can be used, without creating it. Returns a warning if other users
    /// of this machine have access to it.
    pub(crate) fn probe(&self) -> io::Result<Option<String>> {
        match fs::metadata(&self.root) {
            Ok(found) if !found.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
            Ok(found) => {
                access(&self.root, Access::WRITE_OK | Access::EXEC_OK)?;
                Ok(self.exposure(&found))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                access(above(&self.root), Access::WRITE_OK | Access::EXEC_OK)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns a warning if other users have access to the directory.
    fn exposure(&self, found: &Metadata) -> Option<String> {
        let (dir, uid) = (self.root.display(), found.uid());
        if found.mode() & OTHERS != 0 {
            return Some(format!(
                "other users of this machine have access to {dir}, which holds keys; chmod 700 it"
            ));
        }
        let own = geteuid();
        // Root leaves its files to the account whose directory contains them.
        let is_of_account = || fs::metadata(above(&self.root)).is_ok_and(|it| it.uid() == uid);
        let is_known = uid == 0 || uid == own.as_raw() || own.is_root() && is_of_account();
        (!is_known).then(|| {
            format!("{dir}, which holds keys, belongs to user {uid}; chown it to the gate's user")
        })
    }

    /// Creates the directories that are absent. They belong to the owner of the directory above.
    pub(crate) fn create_directories(&self) -> io::Result<()> {
        for dir in [&self.root, &self.dir] {
            match DirBuilder::new().mode(0o700).create(dir) {
                Ok(()) => {
                    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let created = File::from(open(dir, flags, Mode::empty())?);
                    give_to_owner_of(&created, above(dir))?;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Creates the directories, and takes the lock until the file is dropped. Returns none while
    /// another process has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        self.create_directories()?;
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(open(self.dir.join("lock"), flags, mode)?);
        give_to_owner_of(&file, &self.dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Checks that the directory has room for a certificate. An order whose certificate cannot be
    /// stored would be repeated at each start, up to the limits of the server.
    pub(super) fn reserve(&self) -> io::Result<()> {
        let probe = self.unfinished("room");
        let written = self.write(&probe, &[0; ROOM]);
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    /// Reads a file of at most the size that the gate writes.
    pub(super) fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
        match private_file::read(path, ROOM as u64) {
            Ok(file) => Ok(file.map(|file| file.bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a file of the directory, so that a reader or a crash sees the old or the new one.
    pub(super) fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = self.unfinished(&name);
        let written = self.write(&unfinished, content);
        let replaced = written.and_then(|()| fs::rename(&unfinished, path));
        if replaced.is_err() {
            // It may not exist; the next write replaces it anyway.
            let _ = fs::remove_file(&unfinished);
        }
        replaced?;
        File::open(&self.dir)?.sync_all()
    }

    /// Removes a file of the directory, if it exists.
    pub(super) fn remove(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Writes a new file. One that a killed gate, or another user, has left is neither followed nor
    /// kept.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        Self::remove(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path)?;
        give_to_owner_of(&file, &self.dir)?;
        file.write_all(content)?;
        file.sync_all()
    }

    /// The lock permits one writer, so one name suffices.
    fn unfinished(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".{name}.unfinished"))
    }
}

/// Returns the name of the file for a set of domains: the first one, to be found by people, and a
/// digest of all.
fn file_name(domains: &[Domain]) -> String {
    let first = domains.first().map_or("", Domain::as_str);
    let all: Vec<_> = domains.iter().map(Domain::as_str).collect();
    // A file name has at most 255 bytes; a domain is ASCII.
    let shown = &first[..first.len().min(200)];
    format!("{shown}-{}.{PEM}", short_digest(&all.join(" ")))
}

/// Returns the directory that contains a path.
fn above(path: &Path) -> &Path {
    let parent = path.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
