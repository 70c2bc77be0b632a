//! The `CARTGATE_*` variables: which ones are used, what they override, and what overrides them.

use super::{check::Site, two_shops};
use crate::{
    program::{Program, write_secret},
    support::{App, SECRET, genuine},
};

const SECRET_TEXT: &str = "planted-secret-in-a-variable";

fn secret() -> &'static str {
    std::str::from_utf8(SECRET).expect("text")
}

/// Returns the variables of a whole gate in front of `url`, and these.
fn whole<'v>(url: &'v str, more: &[(&'v str, &'v str)]) -> Vec<(&'v str, &'v str)> {
    let own = [
        ("CARTGATE_LISTEN", "127.0.0.1:0"),
        ("CARTGATE_UPSTREAM", url),
        ("CARTGATE_SECRET", secret()),
    ];
    own.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn a_gate_is_configured_by_variables_alone() {
    let app = App::content();
    let more = [
        ("CARTGATE_NAME", "orders"),
        ("CARTGATE_LOG_FORMAT", "json"),
        ("CARTGATE_EXPLAIN", "off"),
        // An empty variable counts as unset.
        ("CARTGATE_CONFIG", ""),
        ("CARTGATE_MAX_BODY", ""),
        ("CARTGATE_SECRET_FILE", ""),
    ];
    let program = Program::serve_by_variables(&[], &whole(&app.url, &more));
    program.line(&["{", "protecting", "\"orders\""]);
    assert_eq!(program.client().ask(genuine(b"an order")).status, 200);
}

#[test]
fn the_token_of_the_admin_listener_may_be_in_a_variable() {
    let app = App::content();
    let site = Site::with("");
    write_secret(&site.path().join("token"), SECRET_TEXT.as_bytes());
    let itself = [
        ("CARTGATE_ADMIN", "127.0.0.1:0"),
        ("CARTGATE_ADMIN_TOKEN", SECRET_TEXT),
    ];
    let gate = Program::serve_by_variables(&[], &whole(&app.url, &itself));
    assert_eq!(gate.client().ask(genuine(b"an order")).status, 200);
    let admin = format!("http://{}", gate.admin());
    for (variable, status) in [
        (("CARTGATE_ADMIN_TOKEN", SECRET_TEXT), 0),
        (("CARTGATE_ADMIN_TOKEN_FILE", "token"), 0),
        (("CARTGATE_ADMIN_TOKEN", "another-token-of-the-tests"), 1),
        (("CARTGATE_ADMIN_TOKEN", ""), 1),
    ] {
        for command in ["reload", "status"] {
            let said = site.run(&[command, &admin], &[variable]);
            assert_eq!(
                said.status,
                Some(status),
                "{command}: {}{}",
                said.out,
                said.err
            );
        }
    }
}

#[test]
fn a_flag_overrides_its_variable_and_those_that_it_excludes() {
    let app = App::content();
    let more = [
        ("CARTGATE_NAME", "by-variable"),
        ("CARTGATE_PATH", "not even a path"),
        ("CARTGATE_EVENT_POINTER", "/event"),
        ("CARTGATE_EVENT_ORDER", "order.paid"),
        ("CARTGATE_CONFIG", "nowhere.toml"),
    ];
    let args = ["--name", "by-flag", "--path", "/*", "--event", "order"];
    let program = Program::serve_with(&app, &args, &more);
    program.line(&["protecting", "by-flag"]);
    assert_eq!(program.client().ask(genuine(b"no JSON")).status, 200);
    let kind = ("x-cartgate-event".to_owned(), "order".to_owned());
    let headers = app.only().headers;
    assert!(headers.contains(&kind), "{headers:?}");
}

#[test]
fn a_few_variables_override_the_file_and_a_flag_overrides_them() {
    let app = App::content();
    let text = two_shops(&app).replace("127.0.0.1:0", "127.0.0.1:1");
    let others = [("secret", SECRET), ("another", SECRET_TEXT.as_bytes())];
    let variables = [
        ("CARTGATE_LISTEN", "127.0.0.1:0"),
        ("CARTGATE_ADMIN", "127.0.0.1:0"),
        ("CARTGATE_WORKERS", "1"),
        ("CARTGATE_LOG_FORMAT", "json"),
        ("CARTGATE_ACCESS_LOG", ""),
        ("CARTGATE_SERVICE_HOST", "10.0.0.1"),
        ("CARTGATE_PORT", "tcp://10.0.0.1:8080"),
        ("CARTGATE_MAX_BDOY", "1KiB"),
    ];
    let program = Program::serve_file_with(&text, &others, &variables);
    program.line(&["{", "protecting", "\"orders\"", "\"workers\":1"]);
    program.line(&["\"WARN\"", "CARTGATE_MAX_BDOY"]);
    let lines = program.lines();
    let warnings = lines.iter().filter(|line| line.contains("\"WARN\""));
    assert_eq!(warnings.count(), 1, "{lines:#?}");

    let by_flag = ["serve", "--config", "gate.toml", "--workers", "0"];
    let said = Site::with(&text).run(&by_flag, &[("CARTGATE_WORKERS", "1")]);
    assert!(said.err.contains("'0' for '--workers"), "{}", said.err);
}

#[test]
fn a_variable_without_effect_beside_a_file_is_named() {
    let site = Site::with(&two_shops(&App::content()));
    for (name, value) in [
        ("CARTGATE_MAX_BODY", "1KiB"),
        ("CARTGATE_UPSTREAM", "http://127.0.0.1:1"),
        ("CARTGATE_SECRET_FILE", "secret"),
        ("CARTGATE_INBOX", "sqlite:inbox.db"),
    ] {
        let by_flag = site.run(&["serve", "--config", "gate.toml"], &[(name, value)]);
        let variables = [(name, value), ("CARTGATE_CONFIG", "gate.toml")];
        let by_variable = site.run(&["serve"], &variables);
        let checked = site.run(&["check", "gate.toml"], &[(name, value)]);
        for (said, file) in [
            (by_flag, "--config"),
            (by_variable, "CARTGATE_CONFIG"),
            (checked, "--config"),
        ] {
            assert_eq!(said.status, Some(2), "{}", said.err);
            let both = said.err.contains(name) && said.err.contains(file);
            assert!(both, "{}", said.err);
        }
    }
    let flag = ["serve", "--max-body", "1KiB"];
    let said = site.run(&flag, &[("CARTGATE_CONFIG", "gate.toml")]);
    let both = said.err.contains("--max-body") && said.err.contains("CARTGATE_CONFIG");
    assert!(said.status == Some(2) && both, "{}", said.err);
}

#[test]
fn an_error_names_the_variable_and_shows_a_value_that_is_no_secret() {
    let site = Site::with(&two_shops(&App::content()));
    let url = "http://127.0.0.1:1/";
    for (name, value, shown) in [
        ("CARTGATE_LISTEN", "nonsense", true),
        ("CARTGATE_MAX_BODY", "1Kx", true),
        ("CARTGATE_EXPLAIN", "perhaps", true),
        ("CARTGATE_LOG_LEVEL", "loud", true),
        ("CARTGATE_INBOX", "mysql:nonsense", true),
        ("CARTGATE_INBOX", "postgres://u:planted@db/inbox", false),
        ("CARTGATE_UPSTREAM", "http://u:planted@127.0.0.1/", false),
        ("CARTGATE_SECRET_FILE", "Planted=planted", false),
    ] {
        let more = [(name, value)];
        let mut variables = whole(url, &more);
        variables.retain(|(one, other)| *one != name || *other == value);
        variables.retain(|(one, _)| name != "CARTGATE_SECRET_FILE" || *one != "CARTGATE_SECRET");
        let said = site.run(&["serve"], &variables);
        assert_eq!(said.status, Some(2), "{name}: {}", said.err);
        assert!(said.err.contains(name), "{}", said.err);
        assert_eq!(said.err.contains(value), shown, "{}", said.err);
    }
    // A mistake that is found later is at the variable as well.
    let more = [("CARTGATE_ADMIN", "0.0.0.0:0")];
    let said = site.run(&["serve"], &whole(url, &more));
    assert!(said.err.contains("CARTGATE_ADMIN: "), "{}", said.err);
    let said = site.run(&["check", "--json", "gate.toml"], &more);
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json["mistakes"][0]["variable"], "CARTGATE_ADMIN");
    // Two variables for one secret.
    let more = [("CARTGATE_SECRET_FILE", "secret")];
    let said = site.run(&["serve"], &whole(url, &more));
    let both = "CARTGATE_SECRET_FILE and CARTGATE_SECRET ";
    assert!(
        said.status == Some(2) && said.err.contains(both),
        "{}",
        said.err
    );
}

#[test]
fn other_commands_obey_only_the_variables_of_secrets_and_of_the_inbox() {
    let app = App::content();
    let site = Site::with(&two_shops(&app));
    let store = format!("sqlite:{}", site.path().join("inbox.db").display());
    let gate = Program::serve(&app, &["--inbox", &store]);
    gate.client().ask(genuine(b"an order"));
    app.wait_for(1);
    let here = ("CARTGATE_INBOX", store.as_str());
    let variables = [
        here,
        ("CARTGATE_YES", "true"),
        ("CARTGATE_STATE", "pending"),
        ("CARTGATE_DESTINATION", "nowhere"),
        ("CARTGATE_JSON", "true"),
    ];
    let purge = ["inbox", "purge", "--state", "delivered"];
    let said = site.run(&purge, &variables);
    assert_eq!(said.status, Some(2), "{}", said.err);
    assert!(said.err.contains("--yes"), "{}", said.err);
    let listed = site.run(&["inbox", "list", "--state", "delivered"], &variables);
    assert!(
        listed.out.contains("default") && !listed.out.contains('{'),
        "{}",
        listed.out
    );
    // The place on the command line overrides the variable.
    let elsewhere = ["inbox", "stats", "--inbox", "sqlite:elsewhere.db"];
    let said = site.run(&elsewhere, &[here, ("CARTGATE_CONFIG", "gate.toml")]);
    assert!(said.err.contains("elsewhere.db"), "{}", said.err);

    let send = ["send", &app.url];
    let variables = [
        ("CARTGATE_SECRET", secret()),
        ("CARTGATE_FORGE", "all"),
        ("CARTGATE_METHOD", "PUT"),
        ("CARTGATE_COUNT", "3"),
    ];
    let said = site.run(&send, &variables);
    assert_eq!(said.status, Some(0), "{}", said.err);
    let received = app.requests();
    assert_eq!((received.len(), received[1].method.as_str()), (2, "POST"));
}

#[test]
fn a_secret_in_the_variable_of_its_file_is_not_shown() {
    let site = Site::with("");
    let url = "http://127.0.0.1:9";
    let serve: &[&str] = &["serve"];
    let too_long = "planted".repeat(60);
    for planted in [
        "whsec_planted",
        "planted/in/base64",
        "/planted",
        "planted,planted",
        &too_long,
    ] {
        for (variable, command) in [
            ("CARTGATE_SECRET", serve),
            ("CARTGATE_SECRET", &["sign", "/dev/null"]),
            ("CARTGATE_INBOX_KEY", serve),
            ("CARTGATE_INBOX_ENCRYPTION_KEY", serve),
            ("CARTGATE_INBOX_PASSWORD", &["inbox", "list"]),
            ("CARTGATE_ADMIN_TOKEN", serve),
            ("CARTGATE_ADMIN_TOKEN", &["status", "http://127.0.0.1:9"]),
        ] {
            let of_file = format!("{variable}_FILE");
            let mut variables = match command[0] {
                "serve" => whole(url, &[("CARTGATE_ADMIN", "127.0.0.1:0")]),
                _ => Vec::new(),
            };
            variables.retain(|(name, _)| *name != variable);
            let store = match variable {
                "CARTGATE_INBOX_PASSWORD" => "postgres://gate@127.0.0.1:9/inbox",
                _ => "sqlite:inbox.db",
            };
            if variable.starts_with("CARTGATE_INBOX") {
                variables.push(("CARTGATE_INBOX", store));
            }
            variables.push((&of_file, planted));
            let said = site.run(command, &variables);
            let at = format!("{of_file}={planted} {command:?}: {}{}", said.out, said.err);
            assert_ne!(said.status, Some(0), "{at}");
            assert!(said.err.contains(&of_file), "{at}");
            assert!(
                said.err.contains(&format!("put it into {variable})")),
                "{at}"
            );
            assert!(!(said.out + &said.err).contains("planted"), "{at}");
        }
    }
    // The error shows a path; otherwise the typo could not be found.
    let missing = site.path().join("secrte").display().to_string();
    let said = site.run(
        &["sign", "/dev/null"],
        &[("CARTGATE_SECRET_FILE", &missing)],
    );
    assert!(said.err.contains(&missing), "{}", said.err);
}
