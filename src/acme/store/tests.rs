//! Tests of the files of certificates.

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
