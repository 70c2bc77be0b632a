//! `check` finds every mistake that prevents a start of `serve`, in the same words, and changes
//! nothing.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use super::{
    check::{Said, Site},
    two_shops,
};
use crate::{
    program::{Program, write_secret},
    support::{App, SECRET, request, signature_line},
};

/// Returns a durable endpoint with its inbox in `store`.
fn durable(store: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"

[inbox]
store = "{store}"

[secret.current]
file = "secret"

[[endpoint]]
name = "orders"
path = "/*"
secrets = ["current"]
durable = true
[[endpoint.destination]]
url = "http://127.0.0.1:1/"
"#
    )
}

fn shared(url: &str, more: &str) -> String {
    let key = "key = { file = \"another\" }\n";
    durable(url).replace("\n[secret", &format!("{key}{more}\n[secret"))
}

/// Returns all files in a directory, with their bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let entries = fs::read_dir(dir).expect("a list").flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .map(|path| (path.clone(), fs::read(path).ok()))
        .collect()
}

/// Checks that `check` and `serve` reject a file.
#[track_caller]
fn both_find(site: &Site, expected: &str) {
    let before = contents(site.path());
    let checked = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(contents(site.path()), before, "{expected}");
    let served = site.run(&["serve", "--config", "gate.toml"], &[]);
    for said in [&checked, &served] {
        assert_eq!(said.status, Some(2), "{expected}: {}{}", said.out, said.err);
        assert!(said.err.contains(expected), "{expected}: {}", said.err);
    }
    assert_eq!(checked.err, served.err);
}

#[test]
fn an_inbox_that_cannot_be_opened_is_found_by_both() {
    for (store, expected) in [
        ("postgres://u@localhost:port/db", "gate.toml:6:9: "),
        (
            "postgres://u@localhost/db?pooling=1",
            "unknown option `pooling`",
        ),
        ("postgres://u@db/db?sslrootcert=ca.pem", "`ca_file`"),
        ("postgres://u@db/db?sslmode=perhaps", "sslmode must be"),
        ("postgres://u@db/db?sslmode=disable", "clear text"),
        ("postgres:///db", "names no host"),
        ("postgres://u@a,b/db?hostaddr=10.0.0.1", "2 hosts"),
        ("mysql://u@db/db", "expected sqlite:FILE"),
        ("sqlite://inbox.db", "the file's name alone"),
        ("sqlite:///tmp/inbox.db", "the file's name alone"),
        ("sqlite:inbox.db?mode=rwc", "the file's name alone"),
        ("sqlite:file:inbox.db", "the file's name alone"),
        ("sqlite::memory:", "in memory"),
        ("sqlite:nowhere/inbox.db", "its directory is not there"),
        ("sqlite:secret/inbox.db", "secret/inbox.db"),
        ("sqlite:.", "not a folder"),
        ("sqlite:./secret", "another program's file"),
    ] {
        both_find(&Site::with(&shared(store, "")), expected);
    }
    let deep = format!("sqlite:{}", "d".repeat(110));
    both_find(&Site::with(&durable(&deep)), ".sock cannot be made");
}

#[test]
fn the_authorities_of_postgresql_are_read() {
    let url = "postgres://u@db.example/db";
    let ca_file = "ca_file = \"ca.pem\"\n";
    let site = Site::with(&shared(url, ca_file));
    both_find(&site, "ca.pem");
    fs::write(site.path().join("ca.pem"), "no certificate").expect("written");
    both_find(&site, "ca.pem");
    let plain = "postgres://u@localhost/db?sslmode=disable";
    both_find(&Site::with(&shared(plain, ca_file)), "gate.toml:8:11: ");
}

#[test]
fn a_key_that_does_not_belong_to_the_inbox_is_found_by_both() {
    let site = Site::with(&durable("sqlite:inbox.db"));
    let file = fs::read_to_string(site.path().join("gate.toml")).expect("text");
    // Created by a gate that has ended in order.
    let inbox = site.path().join("inbox.db");
    let text = file.replace("sqlite:inbox.db", &format!("sqlite:{}", inbox.display()));
    let gate = Program::serve_file(&text, &[("secret", SECRET)]);
    let in_use = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(in_use.status, Some(0), "{}", in_use.err);
    gate.signal("TERM");
    assert!(gate.end().0.success());
    let unused = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(unused.status, Some(0), "{}", unused.err);

    let other = file.replace("\n[secret", "key = { file = \"another\" }\n[secret");
    fs::write(site.path().join("gate.toml"), &other).expect("written");
    both_find(&site, "was begun with another key");
    fs::write(site.path().join("gate.toml"), &file).expect("written");
    let key = site.path().join("inbox.db.key");
    let kept = fs::read(&key).expect("a key");
    write_secret(&key, b"planted");
    both_find(&site, "no key that Cartgate made");
    fs::remove_file(&key).expect("removed");
    both_find(&site, "it is missing");
    write_secret(&key, &kept);
    let again = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(again.status, Some(0), "{}", again.err);
}

#[test]
fn an_address_that_cannot_be_listened_on_is_found_by_both() {
    let text = two_shops(&App::content());
    let long = format!("unix:/tmp/{}", "s".repeat(120));
    for (listen, admin, expected) in [
        (
            "127.0.0.1:port",
            "",
            "gate.toml:3:10: expected ADDRESS:PORT",
        ),
        ("203.0.113.9:0", "", "cannot listen on 203.0.113.9:0"),
        ("unix:/nowhere/at/all", "", "its directory does not exist"),
        (&long, "", "cannot listen on unix:/tmp/"),
        ("127.0.0.1:9", "127.0.0.1:9", "public address 127.0.0.1:9"),
        ("0.0.0.0:9", "127.0.0.1:9", "public address 0.0.0.0:9"),
        (":9", "[::1]:9", "public address"),
        ("unix:/tmp/a", "unix:/tmp/a", "public address unix:/tmp/a"),
        (
            "127.0.0.1:0",
            "unix:/nowhere/at/all",
            "cannot listen on unix:",
        ),
    ] {
        let mut text = text.replace("127.0.0.1:0", listen);
        if !admin.is_empty() {
            text = format!("{text}[admin]\nlisten = \"{admin}\"\n");
        }
        both_find(&Site::with(&text), expected);
    }
    for (other, expected) in [
        ("127.0.0.1:9", "127.0.0.1:9 is named twice"),
        ("0.0.0.0:9", "are the same address"),
    ] {
        let both = format!("[\"127.0.0.1:9\", \"{other}\"]");
        let text = text.replace("\"127.0.0.1:0\"", &both);
        both_find(&Site::with(&text), expected);
    }
}

#[test]
fn folders_and_sockets_are_looked_at() {
    let text = two_shops(&App::content());
    for (dir, expected) in [
        ("nowhere/rejected", "nowhere/rejected"),
        ("secret", "secret"),
    ] {
        let table = format!("[rejected]\ndir = \"{dir}\"\n{text}");
        let expected = format!("gate.toml:2:7: rejections cannot be saved in {expected}");
        both_find(&Site::with(&table), &expected);
    }
    let site = Site::with("");
    let at = |name: &str| format!("unix:{}", site.path().join(name).display());
    let file = site.path().join("gate.toml");
    fs::write(&file, text.replace("127.0.0.1:0", &at("secret"))).expect("written");
    both_find(&site, "not a socket is in the way");
    // A socket with a listener may belong to the gate that is to be restarted.
    let _other = UnixListener::bind(site.path().join("gate.sock")).expect("bound");
    fs::write(&file, text.replace("127.0.0.1:0", &at("gate.sock"))).expect("written");
    let said = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(said.status, Some(0), "{}", said.err);
}

#[test]
fn what_the_running_gate_has_is_no_mistake() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let site = Site::with(&two_shops(&App::content()).replace("127.0.0.1:0", &address));
    let said = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    let said = site.run(&["serve", "--config", "gate.toml"], &[]);
    assert_eq!(said.status, Some(2), "{}", said.err);
    assert!(said.err.contains("in use"), "{}", said.err);
}

#[test]
fn the_second_slot_of_a_secret_may_stand_ready() {
    let app = App::content();
    let text = two_shops(&app).replace("[\"current\"]", "[\"current\", \"other-shop\"]");
    let site = Site::with(&text);
    let other = std::str::from_utf8(SECRET).expect("text").to_owned() + "\n";
    write_secret(&site.path().join("another"), other.as_bytes());
    let expected = "current and other-shop are the same secret";
    let Said { status, err, .. } = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(status, Some(0), "{err}");
    assert!(
        err.contains("warning: gate.toml:16:23: ") && err.contains(expected),
        "{err}"
    );

    let files = [("secret", SECRET), ("another", SECRET)];
    let gate = Program::serve_file(&text, &files);
    gate.line(&["WARN", expected]);
    let order = || {
        request(
            "POST /carts HTTP/1.1",
            &signature_line(b"a cart"),
            b"a cart",
        )
    };
    assert_eq!(gate.client().ask(order()).status, 200);
    // Cartfunnel issues the new secret; its slot is ready.
    write_secret(&gate.file("secret"), b"the new planted secret of the tests");
    gate.signal("HUP");
    gate.line(&["configuration in force"]);
    assert_eq!(gate.client().ask(order()).status, 200);
    let last = app.requests().pop().expect("a request");
    let name = ("x-cartgate-secret-name".to_owned(), "other-shop".to_owned());
    assert!(last.headers.contains(&name), "{last:?}");
}
