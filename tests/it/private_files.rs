//! Files and directories that other users of the machine can access.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Instant,
};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::{
    program::{Program, write_secret},
    support::{PATIENCE, ms},
};

const SECRET: &[u8] = b"planted-secret-of-the-private-files";

/// A gate with an inbox and with a directory for saved rejections.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
[rejected]
dir = "DIR/refused"
[inbox]
store = "sqlite:DIR/inbox.db"
[secret.current]
file = "DIR/secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "shop"
url = "http://127.0.0.1:1"
"#;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

/// Returns a directory with a configuration and its secret.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let here = format!("{}/", dir.path().display());
    fs::write(dir.path().join("gate.toml"), CONFIG.replace("DIR/", &here)).expect("written");
    write_secret(&dir.path().join("secret"), SECRET);
    dir
}

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().current_dir(dir).args(args);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it runs");
    // A gate that starts by mistake would run forever.
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() && begun.elapsed() < PATIENCE {
        thread::sleep(ms(2));
    }
    let _ = child.kill();
    child.wait_with_output().expect("it ends")
}

/// Starts a gate that must not start. Returns its message.
#[track_caller]
fn refusal(dir: &Path) -> String {
    let output = run(dir, &["serve", "--config", "gate.toml"]);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn a_secret_that_others_can_change_is_warned_of_by_check_and_at_the_start() {
    let dir = folder();
    let secret = dir.path().join("secret");
    for (mode, can) in [
        (0o600, None),
        // The group is one of the gate's own.
        (0o440, None),
        (0o640, None),
        (0o620, Some("can change the file")),
        (0o602, Some("can change the file")),
        (0o644, Some("can read the file")),
        (0o666, Some("can read and change the file")),
    ] {
        set_mode(&secret, mode);
        let checked = run(dir.path(), &["check", "gate.toml"]);
        let said = String::from_utf8(checked.stderr).expect("text");
        assert_eq!(checked.status.code(), Some(0), "{said}");
        match can {
            Some(can) => assert!(said.contains(can) && said.contains("chmod 600"), "{said}"),
            None => assert_eq!(said, ""),
        }
    }
    if rustix::process::geteuid().is_root() {
        // A file of another group. Only root can create one.
        chown(&secret, None, Some(12_345)).expect("changed");
        set_mode(&secret, 0o440);
        let checked = run(dir.path(), &["check", "gate.toml"]);
        let said = String::from_utf8(checked.stderr).expect("text");
        assert!(said.contains("can read the file"), "{said}");

        // A file of another user, in a directory of anyone, and as in `/etc/cartgate`.
        chown(&secret, Some(12_345), Some(12_345)).expect("changed");
        set_mode(&secret, 0o400);
        for (group, mode, warns) in [
            (0, 0o750, true),
            (12_345, 0o750, false),
            // Each member of the group could replace it.
            (12_345, 0o770, true),
            (12_345, 0o2775, true),
        ] {
            chown(dir.path(), Some(0), Some(group)).expect("changed");
            set_mode(dir.path(), mode);
            let checked = run(dir.path(), &["check", "gate.toml"]);
            let said = String::from_utf8(checked.stderr).expect("text");
            assert_eq!(said.contains("belongs to user 12345"), warns, "{said}");
        }
        chown(&secret, Some(0), Some(0)).expect("changed");
        chown(dir.path(), Some(0), Some(0)).expect("changed");
    }
    set_mode(&secret, 0o600);
    set_mode(dir.path(), 0o777);
    let checked = run(dir.path(), &["check", "gate.toml"]);
    let said = String::from_utf8(checked.stderr).expect("text");
    assert!(said.contains("can replace the file"), "{said}");

    set_mode(dir.path(), 0o700);
    set_mode(&secret, 0o620);
    let text = CONFIG.replace("DIR/secret", &secret.display().to_string());
    let gate = Program::serve_file(&text, &[]);
    gate.line(&["WARN", "can change the file", "chmod 600"]);
}

#[test]
fn a_key_of_the_inbox_that_others_can_change_is_refused() {
    let dir = folder();
    // The key is 32 bytes in Base64.
    let key = dir.path().join("inbox.db.key");
    fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").expect("written");
    set_mode(&key, 0o622);
    let said = refusal(dir.path());
    assert!(said.contains("can change the file; chmod 600"), "{said}");
}

#[test]
fn a_lock_that_is_a_link_or_a_pipe_is_neither_followed_nor_waited_for() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let victim = elsewhere.path().join("victim");
    type Make = fn(&Path, &Path);
    let cases: [(&str, Make); 4] = [
        ("symbolic link", |victim, lock| {
            symlink(victim, lock).expect("made");
        }),
        ("link to nothing", |_, lock| {
            symlink("nothing", lock).expect("made");
        }),
        ("hard link", |victim, lock| {
            fs::hard_link(victim, lock).expect("made");
        }),
        ("pipe", |_, lock| {
            mkfifoat(CWD, lock, Mode::RUSR | Mode::WUSR).expect("made");
        }),
    ];
    for (what, make) in cases {
        let dir = folder();
        fs::write(&victim, "precious").expect("written");
        make(&victim, &dir.path().join("inbox.db.lock"));
        let checked = run(dir.path(), &["check", "gate.toml"]);
        let checked = String::from_utf8(checked.stderr).expect("text");
        for said in [checked, refusal(dir.path())] {
            assert!(
                said.contains("inbox.db.lock is a link or not a regular file"),
                "{what}: {said}"
            );
        }
        assert_eq!(fs::read(&victim).expect("there"), b"precious", "{what}");
        assert!(!dir.path().join("nothing").exists());
    }
}

#[test]
fn rejections_are_not_saved_where_others_can_write() {
    let dir = folder();
    let refused = dir.path().join("refused");
    fs::create_dir(&refused).expect("made");
    for mode in [0o777, 0o1777, 0o703] {
        set_mode(&refused, mode);
        let said = refusal(dir.path());
        assert!(
            said.contains("other users of this machine can write into the directory"),
            "{said}"
        );
        assert!(said.contains("chmod o-w"), "{said}");
        let checked = run(dir.path(), &["check", "gate.toml"]);
        assert_eq!(checked.status.code(), Some(2));
    }
    assert_eq!(fs::read_dir(&refused).expect("there").count(), 0);
}
