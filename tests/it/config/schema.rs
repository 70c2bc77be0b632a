//! The JSON schema of the file, by an independent validator: it accepts the configurations of the
//! project and rejects mistakes at their places.

use std::{fs, path::Path};

use jsonschema::{Draft, Validator};
use serde_json::Value as Json;

use super::check::Site;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file")
}

fn validator() -> Validator {
    let schema: Json = serde_json::from_str(&read("examples/cartgate.schema.json")).expect("JSON");
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-04/schema#");
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .build(&schema)
        .expect("a schema")
}

fn json(text: &str) -> Json {
    let table: toml::Table = text.parse().expect("TOML");
    serde_json::to_value(table).expect("JSON")
}

/// The places of all mistakes, as JSON pointers.
fn mistakes(validator: &Validator, text: &str) -> Vec<String> {
    let instance = json(text);
    let errors = validator.iter_errors(&instance);
    errors
        .map(|error| error.instance_path().to_string())
        .collect()
}

#[test]
fn the_command_prints_the_schema() {
    let said = Site::with("").run(&["check", "--schema"], &[]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert_eq!(said.out, read("examples/cartgate.schema.json"));
}

#[test]
fn the_configurations_of_the_project_match_the_schema() {
    let validator = validator();
    let example = read("examples/cartgate.toml");
    assert!(example.starts_with("#:schema ./cartgate.schema.json\n"));
    let is_setting = |line: &&str| {
        let setting = line.strip_prefix('#').unwrap_or_default();
        setting.starts_with(|c: char| c.is_ascii_lowercase() || c == '[')
    };
    let whole: Vec<_> = example
        .lines()
        .map(|line| if is_setting(&line) { &line[1..] } else { line })
        .collect();
    let shown = cartgate::config::Plan::from_text(&example).expect("a plan");
    for text in [
        &example,
        &whole.join("\n"),
        &shown.to_string(),
        &read("packaging/systemd/cartgate.toml"),
    ] {
        assert_eq!(mistakes(&validator, text), [""; 0], "{text}");
    }
}

#[test]
fn values_that_the_gate_accepts_match_the_schema() {
    let validator = validator();
    let example = read("examples/cartgate.toml");
    for (key, values) in [
        (
            "#keep_alive = \"75s\"",
            &["\"1h 30m\"", "\"1.5s\"", "\"2 days\"", "\"90min\""][..],
        ),
        (
            "#max_memory = \"256MiB\"",
            &["268435456", "\"1 GB\"", "\"268435456\"", "\"1.5GiB\""],
        ),
        ("#max_connections = 10000", &["1", "\"20\""]),
        (
            "listen = \":8443\"",
            &[
                "[\"unix:/run/gate.sock\", \"[::1]:8080\"]",
                "\"systemd:gate\"",
                "\"systemd\"",
            ],
        ),
        (
            "#trusted_proxies = []",
            &["\"unix\"", "[\"10.0.0.0/8\", \"fd00::/8\", \"127.0.0.1\"]"],
        ),
        ("#query = \"pass\"", &["\"drop\"", "\"refuse\""]),
        (
            "#methods = [\"POST\", \"PUT\"]",
            &["\"post\"", "[\"PATCH\"]"],
        ),
    ] {
        let name = key
            .trim_start_matches('#')
            .split(' ')
            .next()
            .expect("a name");
        for value in values {
            assert!(example.contains(key), "{key}");
            let text = example.replacen(key, &format!("{name} = {value}"), 1);
            cartgate::config::Plan::from_text(&text).expect(value);
            assert_eq!(mistakes(&validator, &text), [""; 0], "{name} = {value}");
        }
    }
}

#[test]
fn ten_mistakes_are_rejected_each_at_its_place() {
    let validator = validator();
    let example = read("examples/cartgate.toml");
    for (from, to, place) in [
        ("listen = \":8443\"", "listen = \"8443\"", "/server/listen"),
        ("listen = \":8443\"", "lisen = \":8443\"", "/server"),
        ("#workers = 2", "workers = 0", "/server/workers"),
        (
            "#keep_alive = \"75s\"",
            "keep_alive = 75",
            "/server/keep_alive",
        ),
        (
            "#max_header = \"16KiB\"",
            "max_header = \"16 kilos\"",
            "/server/max_header",
        ),
        ("#format = \"text\"", "format = \"xml\"", "/log/format"),
        (
            "file = \"/etc/cartgate/cartfunnel.secret\"",
            "file = \"/a\"\nenv = \"A\"",
            "/secret/current",
        ),
        ("name = \"orders\"", "name = \"Orders\"", "/endpoint/0/name"),
        ("durable = true", "durable = \"yes\"", "/endpoint/0/durable"),
        (
            "url = \"http://127.0.0.1:3002/hooks\"\n",
            "",
            "/endpoint/0/destination/1",
        ),
    ] {
        assert!(example.contains(from), "{from}");
        let text = example.replacen(from, to, 1);
        assert!(cartgate::config::Plan::from_text(&text).is_err(), "{to}");
        let mistakes = mistakes(&validator, &text);
        assert!(!mistakes.is_empty(), "{to}");
        for mistake in mistakes {
            assert_eq!(mistake, place, "{to}");
        }
    }
}
