//! A rotation that the gate hears of late: orders under the new secret are rejected and saved, the
//! gate is killed while it delivers them, and senders go on sending and repeat what was rejected.

use std::{collections::BTreeMap, fs, path::Path, thread};

use crate::{
    gate::{Setup, kill, stop},
    order,
    program::{Program, write_secret},
    promise::{Held, Promise},
    recipient::{Recipient, Reply},
    rounds::{random_moment, rounds},
    senders::{Numbers, Rejected, Senders, Until},
    servers::postgres::Postgres,
    stored,
    support::{SECRET, forged, genuine, ms, wait_until},
};

const OLD_SECRET: &[u8] = b"planted-secret-of-yesterday";

/// Orders and forgeries that the gate rejects in one round. The gate saves 50 a second.
const ORDERS: usize = 20;
const FORGERIES: usize = 5;

/// The files of the gate, which outlive its processes.
struct Site<'a> {
    dir: &'a Path,
    setup: Setup,
    numbers: Numbers,
    promise: Promise,
    /// The orders that were rejected, with the id in the response.
    rejected: BTreeMap<u64, String>,
}

impl<'a> Site<'a> {
    fn new(dir: &'a Path, setup: Setup) -> Self {
        let place = dir.display();
        let setup = setup
            .with("file = \"secret\"", &format!("file = \"{place}/secret\""))
            .with(
                "[inbox]",
                &format!(
                    "[rejected]\ndir = \"{place}/rejected\"\ncount = 5000\nshare = 1\n\n[inbox]"
                ),
            );
        Self {
            dir,
            setup,
            numbers: Numbers::default(),
            promise: Promise::default(),
            rejected: BTreeMap::new(),
        }
    }

    fn write_secret(&self, secret: &[u8]) {
        write_secret(&self.dir.join("secret"), secret);
    }

    fn count(&self, ending: &str) -> usize {
        files(self.dir, ending)
    }

    /// Sends orders under a secret that the gate does not know yet, among forgeries.
    fn reject(&mut self, gate: &Program) {
        let before = self.count(".http");
        let mut client = gate.client();
        for place in 0..ORDERS {
            let number = self.numbers.next();
            let answer = client.ask(genuine(&order::body(number)));
            assert_eq!(answer.status, 401);
            let id = answer.header("x-cartgate-delivery").expect("an id");
            self.rejected.insert(number, id.to_owned());
            if place % (ORDERS / FORGERIES) == 0 {
                let number = self.numbers.next();
                assert_eq!(client.ask(forged(&order::body(number))).status, 401);
            }
            // The gate writes at most 50 files a second, and drops what its queue cannot hold.
            thread::sleep(ms(20));
        }
        wait_until("all are saved", || {
            self.count(".http") == before + ORDERS + FORGERIES
        });
    }

    /// Rotates the secret, and tells the gate late. It is killed while it delivers.
    fn rotate(&mut self, recipient: &Recipient) {
        self.write_secret(OLD_SECRET);
        let gate = self.setup.start();
        self.reject(&gate);
        self.write_secret(SECRET);
        gate.signal("HUP");
        gate.line(&["configuration in force"]);
        let senders = Senders::start(gate.address(), 2, &self.numbers, Until::Broken);
        random_moment(1500);
        self.promise.kill(gate, recipient);
        self.promise.add(senders.end());
        let gate = self.setup.start();
        let senders = Senders::start(gate.address(), 2, &self.numbers, Until::Broken);
        random_moment(500);
        self.promise.kill(gate, recipient);
        self.promise.add(senders.end());
    }

    /// Sends everything again that was rejected, as its sender does.
    fn repeat(&self, gate: &Program) {
        let mut client = gate.client();
        for number in self.rejected.keys() {
            assert_eq!(client.ask(genuine(&order::body(*number))).status, 200);
        }
    }
}

/// Counts the files with this ending. A gate that has just begun has no directory yet.
fn files(dir: &Path, ending: &str) -> usize {
    let Ok(files) = fs::read_dir(dir.join("rejected")) else {
        return 0;
    };
    let names = files.map(|file| file.expect("a file").file_name());
    let names = names.filter(|name| name.to_string_lossy().ends_with(ending));
    names.count()
}

fn drill(dir: &Path, setup: Setup, recipient: &Recipient, rounds: u32) -> Held {
    let mut site = Site::new(dir, setup);
    for _ in 0..rounds {
        site.rotate(recipient);
    }
    let gate = site.setup.start();
    // After many rounds, hundreds may wait, each for some syncs of the disk.
    while site.count(".forwarded") < site.rejected.len() {
        let before = site.count(".forwarded");
        wait_until("another is delivered", || site.count(".forwarded") > before);
    }
    assert_eq!(site.count(".forwarded"), site.rejected.len());
    site.repeat(&gate);
    // A late delivery has the id of the rejection.
    let late = site
        .rejected
        .iter()
        .map(|(number, id)| (*number, Some(id.clone())));
    site.promise.ledger.acknowledged.extend(late);
    let held = site.promise.hold(&[recipient]);
    let rejected: Vec<&Rejected> = site.promise.ledger.rejected.values().collect();
    assert!(rejected.is_empty(), "{rejected:?}");
    assert_eq!(site.count(".late"), 0);
    let forgeries = site.count(".http") - site.rejected.len();
    assert_eq!(forgeries, rounds as usize * FORGERIES, "they stay");
    stop(gate);
    held
}

/// Without an inbox, a delivery whose response a killed gate has not seen is sent again, with its id.
#[test]
#[ignore = "of the drills; make test runs it"]
fn a_direct_app_gets_again_what_it_had_when_the_gate_was_killed() {
    let recipient = Recipient::start();
    let dir = tempfile::tempdir().expect("a directory");
    let (place, url) = (dir.path().display(), recipient.url());
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
[rejected]
dir = "{place}/rejected"
[secret.current]
file = "{place}/secret"
[[endpoint]]
name = "hooks"
path = "/hooks"
secrets = ["current"]
[[endpoint.destination]]
url = "{url}"
"#
    );
    let start = || Program::serve_file(&text, &[]);
    write_secret(&dir.path().join("secret"), OLD_SECRET);
    let gate = start();
    let mut client = gate.client();
    let ids = (0..3).map(|number| {
        let answer = client.ask(genuine(&order::body(number)));
        assert_eq!(answer.status, 401);
        answer
            .header("x-cartgate-delivery")
            .expect("an id")
            .to_owned()
    });
    let ids: Vec<_> = ids.collect();
    let count = |ending| files(dir.path(), ending);
    wait_until("all are saved", || count(".http") == 3);
    write_secret(&dir.path().join("secret"), SECRET);
    recipient.reply(Reply::Hang);
    gate.signal("HUP");
    wait_until("the first is on its way", || recipient.count() == 1);
    assert_eq!(count(".late"), 3);
    kill(gate);
    recipient.reply(Reply::Take);
    let gate = start();
    wait_until("each is delivered", || count(".forwarded") == 3);
    let attempts = recipient.attempts().into_iter();
    let got: Vec<_> = attempts.map(|one| (one.id, one.taken)).collect();
    let [first, second, third] = &ids[..] else {
        panic!("three");
    };
    let taken = [first, second, third].map(|id| (id.clone(), true));
    assert_eq!(got, [&[(first.clone(), false)][..], &taken].concat());
    stop(gate);
}

#[test]
#[ignore = "of the drills; make test runs it"]
fn a_rotation_told_late_loses_nothing_over_sqlite() {
    let recipient = Recipient::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("inbox.db");
    let setup = Setup::sqlite(&file, &recipient);
    let held = drill(dir.path(), setup, &recipient, rounds(2, 40));
    println!("rotations over SQLite: {held:?}");
    stored::is_whole(&file);
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn a_rotation_told_late_loses_nothing_over_postgresql() {
    let recipient = Recipient::start();
    let dir = tempfile::tempdir().expect("a directory");
    let postgres = Postgres::shared();
    let url = postgres.database("rotation");
    let setup = Setup::postgres(&url, "", &recipient);
    let held = drill(dir.path(), setup, &recipient, rounds(1, 20));
    println!("rotations over PostgreSQL: {held:?}");
}
