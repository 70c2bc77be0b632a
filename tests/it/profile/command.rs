//! `cartgate inbox profile`, through a running gate and from its store.

use std::{path::Path, process::Command};

use cartgate::config::Plan;

use super::{
    restart::{learn_and_end, serve},
    *,
};

/// The exit status of the command and its output.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

fn profile(file: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().args(["inbox", "profile"]).args(args);
    let store = format!("sqlite:{}", file.display());
    let output = command.args(["--inbox", &store]).output();
    let output = output.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let ran = Ran {
        status: output.status.code().expect("no signal ended it"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    has_no_value(&ran.stdout);
    has_no_value(&ran.stderr);
    ran
}

/// Asserts that the command shows a learned profile, and returns its JSON.
#[track_caller]
fn is_shown(file: &Path) -> Value {
    let text = profile(file, &[]);
    assert_eq!((text.status, text.stderr.as_str()), (0, ""));
    for part in [
        "orders: ",
        "application/json",
        "x-shop",
        "/order/items/*/sku",
        "event name, 2 values",
        "unique so far",
        "time (rfc3339)",
        "unique = \"/order/id\"",
    ] {
        assert!(text.stdout.contains(part), "no {part:?} in {}", text.stdout);
    }
    let toml = profile(file, &["--toml"]);
    assert_eq!(toml.status, 0);
    is_usable(&toml.stdout);
    let json = profile(file, &["--json"]);
    assert_eq!(json.status, 0);
    serde_json::from_str(&json.stdout).expect("JSON")
}

/// Asserts that a configuration with these lines is usable.
#[track_caller]
fn is_usable(toml: &str) {
    let file = format!(
        r#"
[server]
listen = "127.0.0.1:0"
[inbox]
store = "sqlite:inbox.db"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
{toml}
[[endpoint.destination]]
name = "shop"
url = "http://127.0.0.1:1"
"#
    );
    assert!(toml.contains("event = {"), "{toml}");
    Plan::from_text(&file).expect("usable");
}

#[test]
fn it_shows_the_same_beside_a_gate_and_without_one() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let file = dir.path().join("inbox.db");
    let gate = serve(&file, &app);
    let watched = Watched::program(&gate);
    let empty = profile(&file, &["--toml"]);
    assert_eq!((empty.status, empty.stdout.as_str()), (0, ""));
    assert!(
        empty.stderr.contains("no suggestion yet"),
        "{}",
        empty.stderr
    );
    watched.learn((0..52).map(order));
    let beside = is_shown(&file);
    assert_eq!(beside["endpoints"][0], watched.profile());
    drop(watched);
    gate.signal("TERM");
    assert!(gate.end().0.success());
    assert_eq!(is_shown(&file), beside);
}

#[test]
fn it_accepts_a_new_payload_beside_a_gate_and_without_one() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let file = dir.path().join("inbox.db");
    let gate = serve(&file, &app);
    let watched = Watched::program(&gate);
    watched.learn((0..50).map(order));
    watched.learn((0..3).map(broken));
    let changed = profile(&file, &[]).stdout;
    assert!(
        changed.contains("CHANGED       /order/id occurred in 50 bodies"),
        "{changed}"
    );

    let unknown = profile(&file, &["--accept", "nobody"]);
    assert_eq!(unknown.status, 1);
    let malformed = profile(&file, &["--accept", "../status"]);
    assert_eq!(malformed.status, 2);
    assert_eq!(profile(&file, &["--accept", "orders"]).status, 0);
    assert!(!profile(&file, &[]).stdout.contains("CHANGED"));
    gate.signal("TERM");
    assert!(gate.end().0.success());

    let gate = serve(&file, &app);
    let log = learn_and_end(gate, (0..45).map(broken));
    assert!(!log.join("\n").contains("payload changed"));
    assert_eq!(profile(&file, &["--accept", "nobody"]).status, 1);
    assert_eq!(profile(&file, &["--accept", "orders"]).status, 0);
    let gate = serve(&file, &app);
    assert_eq!(Watched::program(&gate).profile()["changes"], json!([]));
}
