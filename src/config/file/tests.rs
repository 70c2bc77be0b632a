//! Tests of files, and of the findings about their mistakes.

use super::*;

use crate::endpoint::PathRule;

const WHOLE: &str = r#"
[server]
listen = "127.0.0.1:8080"

[secret.current]
file = "/run/secrets/cartfunnel"

[secret.previous]
env = "CARTFUNNEL_PREVIOUS"

[[endpoint]]
name = "orders"
path = "/webhooks/orders"
secrets = ["current", "previous"]
event = { pointer = "/event", order = ["order.paid"], abandoned-cart = ["cart.left"], only = ["order"] }

[[endpoint.destination]]
name = "fulfilment"
url = "http://127.0.0.1:3000/hooks"
timeout = "10s"
"#;

fn said(text: &str) -> Vec<String> {
    let findings = Plan::from_text(text).expect_err("mistakes");
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_file_is_read_as_it_is_meant() {
    let plan = Plan::from_text(WHOLE).expect("a plan");
    let endpoint = &plan.endpoints[0];
    assert_eq!(endpoint.path, PathRule::Exact("/webhooks/orders".into()));
    let names: Vec<_> = endpoint.secrets.iter().map(|(_, name)| name).collect();
    assert_eq!(
        names,
        [
            &"current".parse().expect("a name"),
            &"previous".parse().expect("a name")
        ]
    );
    assert_eq!(endpoint.event.only.len(), 1);
    assert!(!endpoint.durable);
    assert_eq!(
        endpoint.destinations[0].settings.response_timeout.as_secs(),
        10
    );
    assert!(plan.warnings.is_empty());
    assert_eq!(plan.variables(), ["CARTFUNNEL_PREVIOUS"]);
}

#[test]
fn ten_different_mistakes_are_ten_findings_each_at_its_line() {
    let text = r#"[server]
listen = "8080"
max_memroy = "1MiB"
workers = 0
keep_alive = 75
[log]
format = "xml"
[secret.current]
file = "/run/a"
env = "A"
[[endpoint]]
name = "Orders"
path = "webhooks"
methods = ["POST", "TRACE"]
secrets = ["curent"]
[[endpoint.destination]]
url = "http://user:pass@127.0.0.1/"
"#;
    let said = said(text);
    let expected = [
        "2:10: expected ADDRESS:PORT",
        "3:1: this key is unknown; did you mean `max_memory`?",
        "4:11: expected a number of at least 1",
        "5:14: expected a text in quotes, found a number",
        "7:10: expected one of \"text\", \"json\"",
        "8:1: expected exactly one of `file`, `env` and `credential`",
        "12:8: expected 1 to 64 of a-z",
        "13:8: expected a path such as",
        "14:20: CONNECT, TRACE and HEAD are never accepted",
        "15:12: there is no [secret] of this name; did you mean `current`?",
        "17:7: a user name or password in a URL",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}\n  should be {expected}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
}

#[test]
fn what_is_missing_is_said_where_it_should_be() {
    for (text, expected) in [
        ("", "1:1: `server` is missing"),
        ("[server]\nworkers = 1", "1:1: `listen` is missing"),
        (
            "[server]\nlisten = []",
            "2:10: expected at least one address",
        ),
        (
            "[server]\nlisten = ':1'\n[[endpoint]]\nname = 'a'",
            "3:1: `path` is missing",
        ),
        (
            "[server]\nlisten = ':1'\n[[endpoint]]\nname = 'a'\npath = '/a'\nsecrets = []",
            "6:11: expected at least one secret",
        ),
        (
            "endpoint = []\n[server]\nlisten = ':1'",
            "1:12: expected at least one",
        ),
    ] {
        let said = said(text);
        let found = said.iter().any(|said| said.starts_with(expected));
        assert!(found, "{expected} in {said:#?}");
    }
}

#[test]
fn what_does_not_go_together_is_found() {
    let twice = WHOLE.to_owned() + &WHOLE[WHOLE.find("[[endpoint]]").expect("one")..];
    let said_twice = said(&twice);
    assert!(
        said_twice
            .iter()
            .any(|said| said.contains("has the same name")),
        "{said_twice:?}"
    );
    assert!(
        said_twice
            .iter()
            .any(|said| said.contains("same path and host")),
        "{said_twice:?}"
    );
    for (from, to, expected) in [
        ("order = [\"order.paid\"], ", "", "`only` accepts `order`"),
        (
            "pointer = \"/event\", ",
            "kind = \"order\", ",
            "go with `pointer`",
        ),
        (
            "pointer = \"/event\"",
            "pointer = \"/event\", kind = \"order\"",
            "exclude each other",
        ),
        (
            "pointer = \"/event\"",
            "pointer = \"event\"",
            "begins with a slash",
        ),
        (
            "listen = ",
            "max_memory = \"1KiB\"\nlisten = ",
            "too little memory",
        ),
        (
            "[[endpoint.destination]]",
            "[[endpoint.destination]]\nurl = 'http://h'\n[[endpoint.destination]]",
            "exactly one destination, unless it is `durable`",
        ),
        (
            "[[endpoint.destination]]",
            "[endpoint.destination]",
            "expected [[endpoint.destination]]",
        ),
        (
            "[\"current\", \"previous\"]",
            "[\"current\", \"current\"]",
            "named twice",
        ),
    ] {
        assert!(WHOLE.contains(from), "{from}");
        let said = said(&WHOLE.replace(from, to));
        assert!(
            said.iter().any(|said| said.contains(expected)),
            "{expected}: {said:#?}"
        );
    }
}

#[test]
fn a_mistake_in_one_endpoint_does_not_hide_what_is_wrong_between_others() {
    let endpoint = &WHOLE[WHOLE.find("[[endpoint]]").expect("one")..];
    let broken = endpoint
        .replace("path = \"/webhooks/orders\"", "path = \"x\"")
        .replace("\"orders\"", "\"x\"");
    let said = said(&(WHOLE.to_owned() + endpoint + &broken));
    assert!(
        said.iter().any(|said| said.contains("same name")),
        "{said:#?}"
    );
    assert!(
        said.iter().any(|said| said.contains("expected a path")),
        "{said:#?}"
    );
}

#[test]
fn a_secret_that_nobody_names_is_warned_of() {
    let text = WHOLE.to_owned() + "[secret.spare]\ncredential = 'x'\n";
    let plan = Plan::from_text(&text).expect("a plan");
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].to_string().contains("no endpoint names"));
}

#[test]
fn a_list_of_nothing_is_not_taken_for_everything() {
    for (from, to) in [
        ("only = [\"order\"]", "only = []"),
        ("path = ", "methods = []\npath = "),
    ] {
        assert!(WHOLE.contains(from), "{from}");
        let said = said(&WHOLE.replace(from, to));
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("expected at least one"), "{}", said[0]);
    }
}

#[test]
fn a_number_of_another_kind_is_told_what_kind_is_wanted() {
    for wrong in ["0x10", "1.5", "true"] {
        let said = said(&WHOLE.replace("listen = ", &format!("workers = {wrong}\nlisten = ")));
        assert!(
            said[0].contains("expected a whole number in digits"),
            "{}",
            said[0]
        );
    }
}

#[test]
fn an_endless_file_and_one_that_is_no_text_are_refused() {
    let said = |path: &Path| match Plan::from_file(path, |plan| plan) {
        Err(FileError::Unreadable(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(said(Path::new("/dev/zero")).contains("1 MiB"));
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), b"listen = \"\xff\"").expect("written");
    assert!(said(file.path()).contains("UTF-8"));
}

/// A secret in the wrong place must not appear in a log.
#[test]
fn no_finding_repeats_a_text_of_the_file() {
    const PLANTED: &str = "pl4nted-s3cret";
    let mut findings = 0;
    let lines: Vec<&str> = WHOLE.lines().collect();
    for place in 0..lines.len() {
        for broken in [
            format!("{PLANTED} = 1"),
            format!("x = {PLANTED}"),
            format!("x = \"{PLANTED}"),
            format!("[{PLANTED}"),
            format!("\"{PLANTED}\" = \"{PLANTED}\""),
            lines[place]
                .replace(['"', '\''], "")
                .replace("= ", &format!("= '{PLANTED}' ")),
            lines[place]
                .split(" = ")
                .next()
                .map_or_else(String::new, |key| format!("{key} = '{PLANTED}!'")),
            format!(
                "{}\n{}",
                lines[place],
                lines[place].replace('=', &format!("= '{PLANTED}' #"))
            ),
        ] {
            let mut text = lines.clone();
            text[place] = &broken;
            let Err(said) = Plan::from_text(&text.join("\n")) else {
                continue;
            };
            for said in said {
                findings += 1;
                assert!(!said.to_string().contains(PLANTED), "{said}");
            }
        }
    }
    assert!(findings > 100, "only {findings}");
}

#[test]
fn a_certificate_comes_from_both_files_or_from_an_acme_server() {
    let with = |listen: &str, tls: &str| {
        let server = format!("listen = {listen:?}\ntls = {tls}");
        WHOLE.replace("listen = \"127.0.0.1:8080\"", &server)
    };
    let acme = "{ acme = { domains = [\"a.example\"] } }";
    for (listen, tls, expected) in [
        (":443", "{ }", "expected the files"),
        (":443", "{ cert = \"a\" }", "`key` is missing"),
        (":443", "{ key = \"a\" }", "`cert` is missing"),
        (
            ":443",
            "{ cert = \"a\", key = \"b\", acme = { domains = [\"a.example\"] } }",
            "`acme` replaces",
        ),
        (":443", "{ acme = { } }", "the domains of the gate"),
        (":443", "{ acme = { domains = [] } }", "at least one domain"),
        (
            ":443",
            "{ acme = { domains = [\"*.a.example\"] } }",
            "wildcard",
        ),
        (
            ":443",
            "{ acme = { domains = [\"a.example\"], directory = \"http://ca/x\" } }",
            "https URL",
        ),
        ("unix:/run/gate.sock", acme, "need a TCP address"),
    ] {
        let said = said(&with(listen, tls));
        assert_eq!(said.len(), 1, "{tls}: {said:?}");
        assert!(said[0].contains(expected), "{tls}: {said:?}");
    }
    let warnings = |listen, tls: &str| {
        let plan = Plan::from_text(&with(listen, tls)).expect("a plan");
        plan.warnings.len()
    };
    let private = "{ acme = { domains = [\"a.example\"], directory = \"https://ca.internal/x\" } }";
    for (listen, tls, expected) in [
        (":443", acme, 0),
        ("systemd", acme, 0),
        (":8443", acme, 1),
        (":8443", private, 0),
        (":8443", "{ cert = \"a\", key = \"b\" }", 0),
    ] {
        assert_eq!(warnings(listen, tls), expected, "{listen} {tls}");
    }
}
