//! `cartgate alarm test`, and `check` of `[[alarm]]`.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::receiver::Receiver;
use crate::program::write_secret;

const REST: &str = "[server]\nlisten = \"127.0.0.1:0\"\n[secret.current]\nfile = \"missing\"\n\
    [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\n\
    [[endpoint.destination]]\nurl = \"http://127.0.0.1:9\"\n";

/// A directory with a configuration file whose alarms are these tables.
fn site(alarms: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("cartgate.toml"), format!("{REST}{alarms}")).expect("written");
    dir
}

fn run(dir: &TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let command = command.env_clear().current_dir(dir.path()).args(args);
    command.output().expect("it runs")
}

fn test(dir: &TempDir) -> (Option<i32>, String) {
    let output = run(dir, &["alarm", "test", "--config", "cartgate.toml"]);
    (output.status.code(), said(&output))
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn each_receiver_gets_one_message_and_has_its_result() {
    let good = Receiver::responding("204 x");
    let [bad, elsewhere] = ["503 x", "302 x"].map(Receiver::responding);
    let table = |name: &str, url: &str| format!("[[alarm]]\nname = \"{name}\"\nurl = {url}\n");
    let alarms = [
        table("kept", "{ file = \"url\" }"),
        table("bad", &format!("\"{}\"", bad.url)),
        table("elsewhere", &format!("\"{}\"", elsewhere.url)),
        table("gone", "\"http://127.0.0.1:9/planted\""),
    ];
    let dir = site(&alarms.concat());
    write_secret(
        &dir.path().join("url"),
        format!("{}\n", good.url).as_bytes(),
    );
    let (code, text) = test(&dir);
    assert_eq!(code, Some(1), "{text}");
    let host = |receiver: &Receiver| {
        let (host, _) = receiver.url.split_once("/planted").expect("a path");
        host.to_owned()
    };
    for line in [
        format!("kept ({}): sent", host(&good)),
        format!("bad ({}): status 503 Service Unavailable", host(&bad)),
        format!(
            "elsewhere ({}): status 302 Found: redirects are not followed",
            host(&elsewhere)
        ),
        "gone (http://127.0.0.1:9): no listener: ".to_owned(),
    ] {
        assert!(text.contains(&line), "no {line:?} in {text}");
    }
    assert!(!text.contains("planted"), "{text}");
    for receiver in [&good, &bad, &elsewhere] {
        let messages = receiver.messages();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["test"], true);
    }

    let alone = site(&alarms[0]);
    write_secret(&alone.path().join("url"), good.url.as_bytes());
    let args = ["alarm", "test", "--config", "cartgate.toml", "--json"];
    let output = run(&alone, &args);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let results: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected = json!([{
        "alarm": "kept", "address": host(&good), "sent": true, "error": null,
    }]);
    assert_eq!(results, expected);
}

#[test]
fn mistakes_in_the_tables_are_found_and_no_url_is_repeated() {
    for (alarms, message) in [
        ("", "cartgate.toml has no [[alarm]]"),
        ("[[alarm]]\nformat = \"slack\"\n", "`url` is missing"),
        (
            "[[alarm]]\nurl = \"https://user:planted@a.example/\"\n",
            "a user name or password in a URL",
        ),
        (
            "[[alarm]]\nurl = \"ftp://a.example/planted\"\n",
            "expected http://",
        ),
        ("[[alarm]]\nurl = { file = \"absent\" }\n", "absent"),
        (
            "[[alarm]]\nurl = { file = \"nonsense\" }\n",
            "nonsense: expected http://",
        ),
        (
            "[[alarm]]\nurl = \"http://a.example/planted\"\n[[alarm]]\nurl = \"http://a.example/\"\n",
            "another alarm has the same name, or the same host without a name",
        ),
        (
            "[[alarm]]\nurl = \"http://a.example/planted\"\nstandard_webhooks = { file = \"nonsense\" }\n",
            "expected a Standard Webhooks secret",
        ),
        (
            "[[alarm]]\nurl = \"http://a.example/planted\"\nformat = \"slak\"\n",
            "did you mean `slack`?",
        ),
        (
            "[[alarm]]\nurl = \"http://a.example/planted\"\nca_file = \"ca.pem\"\n",
            "a CA file needs an https URL",
        ),
    ] {
        let dir = site(alarms);
        write_secret(&dir.path().join("nonsense"), b"planted nonsense");
        let (code, said) = test(&dir);
        assert_eq!(code, Some(2), "{alarms}: {said}");
        assert!(said.contains(message), "{alarms}: {said}");
        assert!(!said.contains("planted"), "{said}");
    }
}

#[test]
fn the_shown_configuration_hides_the_path_of_a_url() {
    let dir = site(
        "[[alarm]]\nname = \"a\"\nurl = \"https://a.example/planted?key=planted\"\n\
         [[alarm]]\nname = \"b\"\nurl = { env = \"ALARM_URL\" }\ncool_down = \"1h\"\n",
    );
    let args = ["check", "--show", "--without-files", "cartgate.toml"];
    let output = run(&dir, &args);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "url = \"https://a.example/...\"",
        "env = \"ALARM_URL\"",
        "format = \"json\"",
        "severity = \"info\"",
        "cool_down = \"1h\"",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert!(!said.contains("planted"), "{said}");
}
