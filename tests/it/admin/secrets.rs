//! The matches of each secret, which tell an operator when an old secret can be removed.

use super::{metrics, openmetrics::Page, setup};
use crate::{
    program::{Program, write_secret},
    support::{App, BODY, Gate, SECRET, genuine, request, sign_with, wait_until},
};

const ANOTHER: &[u8] = b"another planted secret of the tests";

fn genuine_by_another() -> Vec<u8> {
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(ANOTHER, BODY));
    request("POST /hooks HTTP/1.1", &lines, BODY)
}

/// Puts these secrets in force.
fn reload(gate: &Gate, app: &App, secrets: &[(&str, &[u8])]) -> Page {
    let reloads = r#"cartgate_reloads_total{result="success"}"#;
    let before = metrics(gate).value(reloads);
    gate.config.send_replace(setup(app).config(secrets));
    wait_until("it is in force", || metrics(gate).value(reloads) > before);
    metrics(gate)
}

fn series(metric: &str, secret: &str) -> String {
    format!(r#"cartgate_{metric}{{endpoint="hooks",secret="{secret}"}}"#)
}

#[test]
fn a_secret_keeps_its_matches_over_a_reload_and_loses_them_with_its_bytes() {
    let app = App::content();
    let gate = setup(&app).start();
    let before = metrics(&gate);
    let last = series("secret_last_matched_timestamp_seconds", "current");
    let since = series("secret_counted_since_timestamp_seconds", "current");
    assert!(!before.has(&last), "it has not matched yet");
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    let matched = metrics(&gate);
    assert!(matched.value(&last) >= matched.value(&since));

    let same = reload(&gate, &app, &[("current", SECRET)]);
    assert_eq!(same.value(&last), matched.value(&last));
    assert_eq!(same.value(&since), before.value(&since));
    assert_eq!(same.value(&series("matched_total", "current")), 1.0);

    let rewritten = reload(&gate, &app, &[("current", ANOTHER)]);
    assert!(!rewritten.has(&last));
    assert!(rewritten.value(&since) > before.value(&since));
    assert_eq!(rewritten.value(&series("matched_total", "current")), 0.0);
    // The endpoint's own counters never decrease.
    let verified = r#"cartgate_requests_total{endpoint="hooks",verdict="verified",reason=""}"#;
    assert_eq!(rewritten.value(verified), 1.0);
}

#[test]
fn the_newest_is_told_from_older_ones_and_what_was_removed_is_gone() {
    let app = App::content();
    let gate = setup(&app).start();
    let both = reload(&gate, &app, &[("new", ANOTHER), ("current", SECRET)]);
    assert_eq!(both.value(&series("secret_rank", "new")), 0.0);
    assert_eq!(both.value(&series("secret_rank", "current")), 1.0);
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(gate.client().ask(genuine_by_another()).status, 200);
    assert_eq!(gate.client().ask(genuine_by_another()).status, 200);
    let both = metrics(&gate);
    assert_eq!(both.value(&series("matched_total", "new")), 2.0);
    assert_eq!(both.value(&series("matched_total", "current")), 1.0);

    let one = reload(&gate, &app, &[("new", ANOTHER)]);
    assert!(
        one.names()
            .iter()
            .all(|series| !series.contains(r#"secret="current""#))
    );
    assert_eq!(one.value(&series("matched_total", "new")), 2.0);
}

#[test]
fn a_warning_says_once_that_an_older_secret_is_in_use() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let old = dir.path().join("old");
    write_secret(&old, ANOTHER);
    let program = Program::serve(&app, &["--secret-file", &format!("old={}", old.display())]);
    let mut client = program.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    for _ in 0..3 {
        assert_eq!(client.ask(genuine_by_another()).status, 200);
    }
    program.signal("TERM");
    let (_, log) = program.end();
    let said: Vec<_> = log
        .iter()
        .filter(|line| line.contains("older secret still in use"))
        .collect();
    assert_eq!(said.len(), 1, "{log:#?}");
    assert!(
        said[0].contains("WARN") && said[0].contains("secret=old"),
        "{said:?}"
    );
    assert!(said[0].contains("counted_for"), "{said:?}");
}
