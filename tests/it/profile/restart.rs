//! The profile of a gate with an inbox: it survives a restart, and the log and the store hold no
//! value.

use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::support::SECRET;

fn config(file: &Path, app: &App) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
drain_delay = "0s"
[admin]
listen = "127.0.0.1:0"
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
url = "{}"
"#,
        file.display(),
        app.url
    )
}

pub(super) fn serve(file: &Path, app: &App) -> Program {
    Program::serve_file(&config(file, app), &[("secret", SECRET)])
}

/// Lets a gate learn payloads, and ends it with its drain. Returns its log.
pub(super) fn learn_and_end(
    gate: Program,
    payloads: impl IntoIterator<Item = Value>,
) -> Vec<String> {
    Watched::program(&gate).learn(payloads);
    gate.signal("TERM");
    let (status, log) = gate.end();
    assert!(status.success());
    log
}

/// Returns the stored profile.
fn stored(file: &Path) -> Vec<u8> {
    let db = Connection::open(file).expect("a store");
    let sql = "SELECT value FROM meta WHERE name = 'profile:orders'";
    db.query_row(sql, [], |row| row.get(0)).expect("a profile")
}

fn replace(file: &Path, value: &[u8]) {
    let db = Connection::open(file).expect("a store");
    let sql = "UPDATE meta SET value = ? WHERE name = 'profile:orders'";
    assert_eq!(db.execute(sql, [value]).expect("changed"), 1);
}

/// Returns the number of deliveries in a stored profile.
fn deliveries(stored: &[u8]) -> u64 {
    let json = &stored[b"cartgate profile 1\n".len() + 32..];
    let learned: Value = serde_json::from_slice(json).expect("JSON");
    learned["deliveries"].as_u64().expect("a number")
}

#[test]
fn it_survives_a_restart_and_its_alarm_too() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let file = dir.path().join("inbox.db");
    learn_and_end(serve(&file, &app), (0..50).map(order));
    let first = stored(&file);
    assert_eq!(deliveries(&first), 51);
    has_no_value(&String::from_utf8_lossy(&first));

    let log = learn_and_end(serve(&file, &app), (0..5).map(broken));
    let line = log.iter().find(|line| line.contains("payload changed"));
    let line = line.unwrap_or_else(|| panic!("no line in {log:#?}"));
    for part in [
        "WARN",
        "target=cartgate::profile",
        "endpoint=orders",
        "/order/id",
        "missing=2",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    has_no_value(&log.join("\n"));
    assert_eq!(deliveries(&stored(&file)), 57);

    let gate = serve(&file, &app);
    let changes = &Watched::program(&gate).profile()["changes"];
    assert_eq!(changes[0]["pointer"], "/order/id", "{changes}");
}

#[test]
fn a_broken_profile_is_ignored_with_a_warning_and_replaced() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let file = dir.path().join("inbox.db");
    learn_and_end(serve(&file, &app), (0..5).map(order));
    let mut broken = stored(&file);
    *broken.last_mut().expect("a byte") ^= 1;
    for value in [&broken[..], b"", b"cartgate profile 9\n"] {
        replace(&file, value);
        let log = learn_and_end(serve(&file, &app), (0..2).map(order));
        let warnings = log
            .iter()
            .filter(|line| line.contains("stored profile ignored"));
        assert_eq!(warnings.count(), 1, "{log:#?}");
        assert_eq!(deliveries(&stored(&file)), 3);
    }
}
