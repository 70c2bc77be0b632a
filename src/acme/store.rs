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

    /// Creates the directories, and takes the lock until the file is dropped. Returns none while
    /// another process has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
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
mod tests {
    use super::*;

    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use rcgen::{CertificateParams, KeyPair};

    use crate::{acme::server::AcmeServer, net::connect::Trust};

    fn settings(dir: &Path, domains: &[&str]) -> AcmeSettings {
        let domains = domains
            .iter()
            .map(|domain| domain.parse().expect("a domain"));
        AcmeSettings {
            domains: domains.collect(),
            contact: None,
            dir: dir.to_owned(),
            server: AcmeServer::Production,
            trust: Trust::Platform,
        }
    }

    fn store(dir: &Path, domains: &[&str]) -> CertificateStore {
        CertificateStore::new(&settings(dir, domains))
    }

    fn pem(domains: &[&str]) -> String {
        let names: Vec<_> = domains.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        key.serialize_pem() + &params.self_signed(&key).expect("a certificate").pem()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").mode() & 0o777
    }

    #[test]
    fn nobody_else_can_read_anything_and_a_second_gate_waits() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("acme");
        let store = store(&root, &["a.example"]);
        assert_eq!(store.probe().expect("it can be created"), None);
        let lock = store.lock().expect("usable").expect("free");
        assert!(store.lock().expect("usable").is_none(), "it is taken");
        store.reserve().expect("room");
        store.replace(store.file(), b"one").expect("written");
        store.replace(store.file(), b"two").expect("written");
        let content = CertificateStore::read_private(store.file()).expect("readable");
        assert_eq!(content.as_deref(), Some(&b"two"[..]));
        let folder = root.join("production");
        assert_eq!([mode(&root), mode(&folder)], [0o700; 2]);
        let mut files: Vec<_> = fs::read_dir(&folder).expect("a folder").flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        assert_eq!(files.len(), 2, "no unfinished file is left: {files:?}");
        assert!(files.iter().all(|file| mode(&file.path()) == 0o600));
        drop(lock);
        assert!(store.lock().expect("usable").is_some());
    }

    #[test]
    fn a_directory_that_others_can_enter_or_that_is_none_is_found() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).expect("mode set");
        let warning = store(dir.path(), &["a.example"]).probe().expect("usable");
        assert!(warning.expect("a warning").contains("chmod 700"));
        let file = dir.path().join("file");
        fs::write(&file, "").expect("written");
        assert!(store(&file, &["a.example"]).probe().is_err());
        let nowhere = dir.path().join("not").join("there");
        assert!(store(&nowhere, &["a.example"]).probe().is_err());
    }

    #[test]
    fn a_planted_file_is_neither_followed_nor_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("acme");
        let store = store(&root, &["a.example"]);
        drop(store.lock().expect("usable"));
        let target = dir.path().join("target");
        fs::write(&target, "theirs").expect("written");
        let planted = store.unfinished("account.json");
        symlink(&target, &planted).expect("planted");
        store.replace(&store.account(), b"key").expect("written");
        assert_eq!(fs::read(&target).expect("it exists"), b"theirs");
        fs::write(&planted, "").expect("planted");
        fs::set_permissions(&planted, fs::Permissions::from_mode(0o666)).expect("mode set");
        store.replace(&store.account(), b"key").expect("written");
        assert_eq!(mode(&store.account()), 0o600);
        let lock = store.dir.join("lock");
        fs::remove_file(&lock).expect("removed");
        symlink(&target, &lock).expect("planted");
        assert!(store.lock().is_err());
    }

    /// Only root can give files away, so this does nothing for another user.
    #[test]
    fn root_leaves_its_files_to_the_owner_of_the_directory_and_tells_of_a_stranger() {
        if !geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let state = dir.path().join("state");
        fs::create_dir(&state).expect("created");
        chown(&state, Some(12345), Some(12345)).expect("given");
        let root = state.join("acme");
        let own = store(&root, &["a.example"]);
        let _lock = own.lock().expect("usable").expect("free");
        own.replace(own.file(), b"one").expect("written");
        for path in [&root, &own.dir, &own.dir.join("lock"), own.file()] {
            let found = fs::metadata(path).expect("it exists");
            assert_eq!((found.uid(), found.gid()), (12345, 12345), "{path:?}");
        }
        assert_eq!(own.probe().expect("usable"), None);
        chown(&state, Some(54321), None).expect("given");
        let warning = own.probe().expect("usable").expect("a stranger");
        assert!(warning.contains("belongs to user 12345"), "{warning}");
    }

    #[test]
    fn each_set_of_domains_has_a_file_and_another_one_stands_in() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, two) = (
            store(dir.path(), &["a.example"]),
            store(dir.path(), &["b.example", "a.example"]),
        );
        assert_ne!(one.file(), two.file());
        assert_eq!(
            two.file(),
            store(dir.path(), &["a.example", "b.example"]).file()
        );
        let other = store(dir.path(), &["c.example"]);
        let _lock = one.lock().expect("usable");
        assert!(two.read().expect("readable").is_none());
        one.replace(one.file(), pem(&["a.example"]).as_bytes())
            .expect("written");
        let (stand_in, _) = two.read().expect("readable").expect("one of its domains");
        assert!(!two.is_right(&stand_in) && one.is_right(&stand_in));
        assert!(
            other.read().expect("readable").is_none(),
            "not for its domain"
        );
        two.replace(two.file(), pem(&["a.example", "b.example"]).as_bytes())
            .expect("written");
        let (own, _) = two.read().expect("readable").expect("its own");
        assert!(two.is_right(&own));
        two.replace(two.file(), b"damaged").expect("written");
        assert!(two.read().is_err());
    }

    #[test]
    fn long_names_make_no_long_file_names() {
        let long = [&"a".repeat(63), "."].concat().repeat(3) + &"b".repeat(60);
        let name = file_name(&[long.parse().expect("a domain")]);
        assert!(name.len() < 220, "{}", name.len());
    }
}
