//! The running program in its sandbox: every thread is bound, reloads within it work, and others are
//! rejected with the reason.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    program::{Program, write_secret},
    support::{App, BODY, SECRET, genuine, wait_until},
};

const FAILED: &str = "reload failed; the old configuration stays in force";

/// Returns a file with an inbox, saved rejections and an admin listener, so that every kind of thread
/// runs.
fn file(url: &str, secret: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "127.0.0.1:0"
[rejected]
dir = "DIR/rejected"
[inbox]
store = "sqlite:DIR/inbox.db"
[log]
explain = true
[secret.current]
file = "{secret}"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
url = "{url}"
"#
    )
}

fn command(program: &Program, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let ran = command
        .env_clear()
        .env("CARTGATE_ADMIN_TOKEN", program.token())
        .args(args)
        .output()
        .expect("it runs");
    String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
}

/// Returns the report of the gate on its sandbox.
fn reported(program: &Program) -> Value {
    let url = format!("http://{}", program.admin());
    let all: Value =
        serde_json::from_str(&command(program, &["status", &url, "--json"])).expect("JSON");
    all[0]["report"]["sandbox"].clone()
}

/// Returns the name and the status of each thread.
fn threads(program: &Program) -> Vec<(String, String)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.id())).expect("it runs");
    let read = |task: &Path, name: &str| fs::read_to_string(task.join(name)).ok();
    let threads = tasks.filter_map(|task| {
        let task = task.ok()?.path();
        Some((read(&task, "comm")?, read(&task, "status")?))
    });
    threads.collect()
}

#[test]
fn every_thread_of_a_running_gate_is_bound() {
    let app = App::content();
    let program = Program::serve_file(&file(&app.url, "secret"), &[("secret", SECRET)]);
    program.client().send(genuine(BODY));
    wait_until("the delivery", || !app.requests().is_empty());
    let threads = threads(&program);
    assert!(threads.len() > 6, "{threads:?}");
    for (name, status) in &threads {
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
            assert!(status.lines().any(|one| one == line), "{name}: {status}");
        }
    }
    assert!(threads.iter().any(|(name, _)| name.contains("jemalloc")));
    // A thread that was started before the sandbox would be named.
    let state = reported(&program);
    let enforced = state["state"] == "enforced";
    let missing = state["missing"].to_string();
    assert!(
        enforced || missing.contains("Linux") || missing.contains("Landlock"),
        "{state}"
    );
    assert!(!missing.contains("threads"), "{state}");
    program.line(&[if enforced {
        "sandbox enforced"
    } else {
        "sandbox partly enforced"
    }]);
}

#[test]
fn a_gate_without_a_sandbox_says_so() {
    let app = App::content();
    for (args, variables) in [
        (&["--no-sandbox", "--admin", "127.0.0.1:0"][..], &[][..]),
        (
            &["--admin", "127.0.0.1:0"],
            &[("CARTGATE_NO_SANDBOX", "true")],
        ),
    ] {
        let program = Program::serve_with(&app, args, variables);
        program.line(&["sandbox off"]);
        assert_eq!(reported(&program)["state"], "off");
        for (name, status) in threads(&program) {
            assert!(status.contains("Seccomp:\t0"), "{name}");
        }
    }
}

#[test]
fn a_reload_may_need_nothing_beyond_the_sandbox() {
    let app = App::content();
    let program = Program::serve_file(&file(&app.url, "secret"), &[("secret", SECRET)]);
    if reported(&program)["state"] != "enforced" {
        return;
    }
    let failures = || {
        let lines = program.lines();
        lines.iter().filter(|line| line.contains(FAILED)).count()
    };
    let here = format!("{}/", program.file("").display());
    let text = |url: &str, secret: &str| file(url, secret).replace("DIR/", &here);

    // Another program replaces the secret and adds a file in the same directory.
    write_secret(
        &program.file("another"),
        b"another planted secret of the tests",
    );
    program.write_config(&text(&app.url, "another"));
    program.signal("HUP");
    program.line(&["configuration in force"]);
    assert_eq!(failures(), 0);

    let outside = tempfile::tempdir().expect("a directory");
    let secret = outside.path().join("secret");
    write_secret(&secret, SECRET);
    let secret = secret.display().to_string();
    program.write_config(&text(&app.url, &secret));
    program.signal("HUP");
    program.line(&[
        FAILED,
        &secret,
        "the sandbox permits reading only in",
        "restart the gate",
    ]);

    let other = App::content();
    program.write_config(&text(&other.url, "secret"));
    let url = format!("http://{}", program.admin());
    let said = command(&program, &["reload", &url]);
    let port = other
        .url
        .rsplit(':')
        .next()
        .expect("a port")
        .split('/')
        .next()
        .expect("a port");
    for part in ["destination orders", port, "restart the gate"] {
        assert!(said.contains(part), "{part}: {said}");
    }

    // A link that leads out of the directory is no way out.
    std::os::unix::fs::symlink(&secret, program.file("link")).expect("linked");
    program.write_config(&text(&app.url, "link"));
    let said = command(&program, &["reload", &url]);
    assert!(
        said.contains("link: the sandbox permits reading only in"),
        "{said}"
    );
    assert_eq!(failures(), 3);
}

#[test]
fn a_backup_reaches_a_directory_in_which_the_gate_may_not_write() {
    let app = App::content();
    let program = Program::serve_file(&file(&app.url, "secret"), &[("secret", SECRET)]);
    let outside = tempfile::tempdir().expect("a directory");
    let store = format!("sqlite:{}", program.file("inbox.db").display());
    let to = outside.path().join("copy.db").display().to_string();
    let back_up = || command(&program, &["inbox", "backup", "--inbox", &store, &to]);
    let said = back_up();
    assert!(said.contains("backup written to"), "{said}");
    let copy = fs::read(&to).expect("written");
    assert!(copy.starts_with(b"SQLite format 3"));
    assert!(back_up().contains("exists"));
    assert_eq!(fs::read(&to).expect("still there"), copy);
    let left = fs::read_dir(program.file("")).expect("listed");
    let left = left.filter_map(Result::ok).map(|entry| entry.file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().contains("backup"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
