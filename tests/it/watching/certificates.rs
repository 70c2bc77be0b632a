//! Renewals of the gate's certificate as certbot makes them: `live/` holds links into `archive/`,
//! and each link is replaced by itself.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use super::{FAILED, IN_FORCE, count, in_force, link_over};
use crate::{
    program::Program,
    support::{
        App, BODY, Client,
        authority::{Authority, Leaf},
        genuine,
        session::{BOTH, NAME, connect, shown},
        stop::Stop,
        wait_until,
    },
};

/// Puts the certificate with this number into `archive`.
fn archive(dir: &Path, leaf: &Leaf, number: usize) {
    let archive = dir.join("archive/shop");
    let (chain, key) = leaf.files(dir);
    fs::rename(chain, archive.join(format!("fullchain{number}.pem"))).expect("renamed");
    fs::rename(key, archive.join(format!("privkey{number}.pem"))).expect("renamed");
}

fn link(dir: &Path, name: &str, number: usize) {
    let link = dir.join(format!("live/shop/{name}.pem"));
    link_over(&link, &format!("../../archive/shop/{name}{number}.pem"));
}

#[test]
fn links_of_certbot_are_replaced_one_after_the_other_under_load() {
    let app = App::content();
    let authority = Authority::new();
    let files = tempfile::tempdir().expect("a directory");
    let dir = files.path();
    for folder in ["archive/shop", "live/shop"] {
        fs::create_dir_all(dir.join(folder)).expect("created");
    }
    let old = authority.leaf(NAME);
    archive(dir, &old, 1);
    link(dir, "fullchain", 1);
    link(dir, "privkey", 1);
    let path = |name: &str| dir.join("live/shop").join(name).display().to_string();
    let (chain, key) = (path("fullchain.pem"), path("privkey.pem"));
    let flags = ["--watch", "--tls-cert", &chain, "--tls-key", &key];
    let program = Program::serve(&app, &flags);
    let config = || Arc::new(authority.client(&BOTH));
    let (sent, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    let mut client = Client::over(connect(program.address(), &config()));
                    assert_eq!(client.ask(genuine(BODY)).status, 200);
                    sent.fetch_add(1, SeqCst);
                }
            });
        }
        let new = authority.leaf(NAME);
        archive(dir, &new, 2);
        // The certificate alone, so long that the gate tries it with the old key.
        link(dir, "fullchain", 2);
        wait_until("the failure", || count(&program, FAILED) == 1);
        assert_eq!(shown(program.address(), &config()), old.der);
        link(dir, "privkey", 2);
        in_force(&program, 1);
        assert_eq!(shown(program.address(), &config()), new.der);

        // Both in a row, as certbot does.
        let next = authority.leaf(NAME);
        archive(dir, &next, 3);
        link(dir, "privkey", 3);
        link(dir, "fullchain", 3);
        in_force(&program, 2);
        assert_eq!(shown(program.address(), &config()), next.der);
        let before = sent.load(SeqCst);
        wait_until("requests behind it", || sent.load(SeqCst) > before + 2);
    });
    assert_eq!(count(&program, FAILED), 1);
    assert_eq!(count(&program, IN_FORCE), 2);
    assert_eq!(app.count(), sent.load(SeqCst));
}
