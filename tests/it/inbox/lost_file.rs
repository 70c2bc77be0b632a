//! A gate whose open file is removed, moved, replaced or hidden while events arrive, and a start
//! beside the log of another file.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::{
    program::Program,
    support::{App, SECRET, Then, app::answer, genuine, stop::Stop, wait_until},
};

/// A directory for the store, and the configuration of a gate. Events wait, unless there is an app.
struct Scene {
    dir: TempDir,
    text: String,
}

impl Scene {
    fn new() -> Self {
        Self::before("http://127.0.0.1:1")
    }

    fn before(url: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("store")).expect("a directory");
        let text = format!(
            r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "unix:DIR/admin"
[inbox]
store = "sqlite:{}"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "shop"
url = "{url}"
"#,
            dir.path().join("store/inbox.db").display()
        );
        Self { dir, text }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("store").join(name)
    }

    fn start(&self) -> Program {
        Program::serve_file(&self.text, &[("secret", SECRET)])
    }

    /// Starts a gate that must not start; returns the log line with the reason.
    #[track_caller]
    fn refused(&self) -> String {
        let (status, lines) = Program::start_file(&self.text, &[("secret", SECRET)], &[]).end();
        assert_eq!(status.code(), Some(2), "{lines:?}");
        lines.join("\n")
    }

    fn inbox(&self, args: &[&str]) -> (bool, String) {
        let at = format!("sqlite:{}", self.file("inbox.db").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
        command.env_clear().arg("inbox").args(args);
        let output = command.args(["--inbox", &at]).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }
}

fn deliver(gate: &Program, number: usize) -> u16 {
    let body = format!("order {number}");
    gate.client().ask(genuine(body.as_bytes())).status
}

fn readiness(gate: &Program) -> u16 {
    let mut admin = UnixStream::connect(gate.file("admin")).expect("a connection");
    let asked = b"GET /readyz HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n";
    admin.write_all(asked).expect("it takes it");
    let mut said = String::new();
    admin.read_to_string(&mut said).expect("an answer");
    let status = said.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}

fn kill(gate: Program) {
    gate.signal("KILL");
    gate.end();
}

/// Returns the number of events in a file and its log.
fn events(file: &Path) -> usize {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let count = "SELECT count(*) FROM event";
    let db = db.expect("a database");
    let count = db.query_row(count, [], |row| row.get::<_, u32>(0));
    count.expect("a count") as usize
}

/// Does `harm` while senders send. A delivery that begins after it must never get 200. Returns the
/// number of those that got it before.
#[track_caller]
fn harmed(gate: &Program, harm: impl FnOnce()) -> usize {
    let (acknowledged, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (is_done, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for sender in 0..4 {
            let (acknowledged, refused, is_done, stop) = (&acknowledged, &refused, &is_done, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    let after = is_done.load(SeqCst);
                    match deliver(gate, sender * 1_000_000 + number) {
                        200 => {
                            assert!(!after, "acknowledged, and not stored");
                            acknowledged.fetch_add(1, SeqCst);
                        }
                        status => {
                            assert_eq!(status, 503);
                            refused.fetch_add(1, SeqCst);
                        }
                    }
                    if stop.load(SeqCst) {
                        break;
                    }
                }
            });
        }
        // Stops the senders also if this fails.
        let _stopping = Stop(&stop);
        wait_until("events are kept", || acknowledged.load(SeqCst) >= 40);
        assert_eq!(readiness(gate), 200);
        harm();
        is_done.store(true, SeqCst);
        assert_eq!(readiness(gate), 503);
        wait_until("all are refused", || refused.load(SeqCst) >= 20);
    });
    for number in 0..20 {
        assert_eq!(deliver(gate, number + 9_000_000), 503);
    }
    gate.line(&["ERROR", "inbox file lost", "restart the gate"]);
    acknowledged.into_inner()
}

/// Changes the files of a store.
type Harm = fn(&Scene);

fn rename(from: PathBuf, to: PathBuf) {
    fs::rename(from, to).expect("renamed");
}

#[test]
fn nothing_is_acknowledged_once_the_file_is_not_in_its_place() {
    let harms: [(&str, Harm); 6] = [
        ("removed", |scene| {
            fs::remove_file(scene.file("inbox.db")).expect("removed");
        }),
        ("moved", |scene| {
            rename(scene.file("inbox.db"), scene.file("moved.db"));
        }),
        ("another renamed over it", |scene| {
            drop(Connection::open(scene.file("other.db")).map(|db| db.execute_batch("VACUUM")));
            rename(scene.file("other.db"), scene.file("inbox.db"));
        }),
        ("a new directory", |scene| {
            let (store, old) = (scene.dir.path().join("store"), scene.dir.path().join("old"));
            rename(store.clone(), old);
            fs::create_dir(store).expect("a directory");
        }),
        ("the log removed", |scene| {
            fs::remove_file(scene.file("inbox.db-wal")).expect("removed");
        }),
        ("the index of the log removed", |scene| {
            fs::remove_file(scene.file("inbox.db-shm")).expect("removed");
        }),
    ];
    for (what, harm) in harms {
        println!("{what}");
        let scene = Scene::new();
        let gate = scene.start();
        harmed(&gate, || harm(&scene));
        gate.signal("TERM");
        assert!(gate.end().0.success(), "{what}");
    }
}

#[test]
fn a_link_that_leads_elsewhere_is_another_file() {
    let scene = Scene::new();
    let store = scene.dir.path().join("store");
    rename(store.clone(), scene.dir.path().join("first"));
    std::os::unix::fs::symlink("first", &store).expect("a link");
    let gate = scene.start();
    harmed(&gate, || {
        fs::create_dir(scene.dir.path().join("second")).expect("a directory");
        std::os::unix::fs::symlink("second", scene.dir.path().join("new")).expect("a link");
        rename(scene.dir.path().join("new"), store.clone());
    });
}

#[test]
fn a_file_that_is_put_back_has_all_that_was_acknowledged() {
    let scene = Scene::new();
    let gate = scene.start();
    let kept = harmed(&gate, || {
        rename(scene.file("inbox.db"), scene.file("moved.db"));
    });
    rename(scene.file("moved.db"), scene.file("inbox.db"));
    assert_eq!(deliver(&gate, 1), 503, "only a restart looks it over");
    kill(gate);
    let gate = scene.start();
    assert_eq!(deliver(&gate, 1), 200);
    assert_eq!(readiness(&gate), 200);
    gate.signal("TERM");
    gate.end();
    assert!(events(&scene.file("inbox.db")) > kept);
}

#[test]
fn a_file_that_lost_its_log_was_made_whole_at_once() {
    let scene = Scene::new();
    let gate = scene.start();
    let kept = harmed(&gate, || {
        fs::remove_file(scene.file("inbox.db-wal")).expect("removed");
    });
    kill(gate);
    assert!(events(&scene.file("inbox.db")) >= kept);
    scene.start();
}

#[test]
fn what_a_removed_file_holds_is_delivered_and_can_be_saved() {
    static IS_DOWN: AtomicBool = AtomicBool::new(true);
    let app = App::tcp(|_, wire| {
        let status = if IS_DOWN.load(SeqCst) {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        wire.write_all(&answer(status, "", b""))?;
        Ok(Then::Keep)
    });
    let scene = Scene::before(&app.url);
    let gate = scene.start();
    let kept = harmed(&gate, || {
        fs::remove_file(scene.file("inbox.db")).expect("removed");
    });
    let saved = scene.dir.path().join("saved.db");
    let (is_saved, said) = scene.inbox(&["backup", saved.to_str().expect("text")]);
    assert!(is_saved, "{said}");
    assert!(events(&saved) >= kept);
    IS_DOWN.store(false, SeqCst);
    wait_until("all of it is delivered", || {
        let (_, said) = scene.inbox(&["list", "--state", "pending", "--json"]);
        !said.contains("\"event\"") && !said.contains("pending")
    });
    drop(gate);
    rename(saved, scene.file("inbox.db"));
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(scene.file(&format!("inbox.db{suffix}"))).expect("removed");
    }
    scene.start();
}

/// Returns a scene whose gate was killed after a backup to `backup.db`, and the number of events in
/// the backup.
fn killed_after_a_backup() -> (Scene, usize) {
    let scene = Scene::new();
    let gate = scene.start();
    assert_eq!(deliver(&gate, 1), 200);
    let backup = scene.file("backup.db");
    let (is_saved, said) = scene.inbox(&["backup", backup.to_str().expect("text")]);
    assert!(is_saved, "{said}");
    for number in 2..=9 {
        assert_eq!(deliver(&gate, number), 200);
    }
    kill(gate);
    (scene, 1)
}

#[test]
fn the_log_of_another_file_is_not_replayed_into_a_backup() {
    let restores: [Harm; 3] = [
        |scene| rename(scene.file("backup.db"), scene.file("inbox.db")),
        // For the system, the file stays the same.
        |scene| {
            fs::copy(scene.file("backup.db"), scene.file("inbox.db")).expect("copied");
        },
        |scene| {
            fs::remove_file(scene.file("inbox.db")).expect("removed");
            fs::remove_file(scene.file("inbox.db-shm")).expect("removed");
            fs::copy(scene.file("backup.db"), scene.file("inbox.db")).expect("copied");
        },
    ];
    for restore in restores {
        let (scene, saved) = killed_after_a_backup();
        restore(&scene);
        for _ in 0..2 {
            let why = scene.refused();
            assert!(why.contains("belongs to another file"), "{why}");
            assert!(why.contains("move the log away"), "{why}");
        }
        let (is_listed, why) = scene.inbox(&["list"]);
        assert!(
            !is_listed && why.contains("belongs to another file"),
            "{why}"
        );
        rename(scene.file("inbox.db-wal"), scene.file("old-wal"));
        let gate = scene.start();
        gate.signal("TERM");
        gate.end();
        assert_eq!(events(&scene.file("inbox.db")), saved);
    }
}

#[test]
fn a_log_without_its_file_is_not_thrown_away() {
    let (scene, _) = killed_after_a_backup();
    rename(scene.file("inbox.db"), scene.file("moved.db"));
    for _ in 0..2 {
        let why = scene.refused();
        assert!(why.contains("belongs to another file"), "{why}");
    }
    rename(scene.file("moved.db"), scene.file("inbox.db"));
    let gate = scene.start();
    gate.signal("TERM");
    gate.end();
    assert_eq!(events(&scene.file("inbox.db")), 9);
}

#[test]
fn a_store_that_was_copied_with_its_log_opens_elsewhere() {
    let (scene, _) = killed_after_a_backup();
    let other = Scene::new();
    for name in ["inbox.db", "inbox.db-wal", "inbox.db.key"] {
        fs::copy(scene.file(name), other.file(name)).expect("copied");
    }
    let gate = other.start();
    gate.signal("TERM");
    gate.end();
    assert_eq!(events(&other.file("inbox.db")), 9);
}
