//! The settings of verdict endpoints: nothing that would have no effect is accepted.

use std::process::Command;

use cartgate::config::Plan;

const FILE: &str = "[server]
listen = \"127.0.0.1:8080\"
[secret.current]
file = \"secret\"
[[endpoint]]
name = \"orders\"
path = \"/hooks\"
secrets = [\"current\"]
verdict = true
";

fn findings(text: &str) -> Vec<String> {
    let findings = Plan::from_text(text).expect_err(text);
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn an_endpoint_forwards_stores_or_only_judges() {
    let plan = Plan::from_text(FILE).expect("a plan");
    assert!(plan.endpoints[0].verdict && plan.endpoints[0].destinations.is_empty());
    let shown = plan.to_string();
    assert!(shown.contains("verdict = true"), "{shown}");
    let again = Plan::from_text(&shown).expect("what is shown can be used");
    assert_eq!(again.to_string(), shown);

    for (change, expected) in [
        (
            "verdict = true\n[[endpoint.destination]]\nurl = \"http://app\"",
            "10:1: `verdict = true` forwards nothing",
        ),
        (
            "verdict = true\nadd_headers = { x-own = \"1\" }",
            "10:15: this has no effect with `verdict = true`",
        ),
        (
            "verdict = true\ndrop_headers = [\"user-agent\"]",
            "10:16: this has no effect with `verdict = true`",
        ),
        (
            "verdict = true\nquery = \"drop\"",
            "10:9: `drop` has no effect with `verdict = true`",
        ),
        (
            "verdict = true\nunique = \"/id\"",
            "10:10: `unique` goes with `durable = true`",
        ),
        (
            "verdict = true\ndurable = true\n[inbox]\nstore = \"sqlite:inbox.db\"",
            "9:11: `verdict` and `durable` exclude each other",
        ),
        ("verdict = 1", "9:11: expected true or false"),
        ("verdict = false", "5:1: `destination` is missing: a table"),
        ("", "5:1: `destination` is missing: a table"),
    ] {
        let found = findings(&FILE.replace("verdict = true", change));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(expected), "{}\n{expected}", found[0]);
    }
    let health = "127.0.0.1:8080\"\nhealth_path = \"/healthz\"";
    let found = findings(&FILE.replace("127.0.0.1:8080\"", health));
    assert!(
        found[0].starts_with("3:15: an endpoint has `verdict = true`"),
        "{found:?}"
    );
    let missing = findings(&FILE.replace("verdict = true", ""));
    assert!(missing[0].contains("or `verdict = true`"), "{missing:?}");
    for kept in ["query = \"refuse\"", "event = { kind = \"order\" }"] {
        Plan::from_text(&format!("{FILE}{kept}\n")).expect(kept);
    }
}

#[test]
fn flags_that_go_with_an_app_do_not_go_with_a_verdict() {
    for (more, expected) in [
        (
            &["--upstream", "http://127.0.0.1:1"][..],
            "cannot be used with",
        ),
        (&["--inbox", "sqlite:inbox.db"], "cannot be used with"),
        (
            &["--connect-timeout", "3s"],
            "--verdict: nothing is forwarded",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_cartgate"))
            .env_clear()
            .env("CARTGATE_SECRET", "planted-secret-of-the-tests")
            .args(["serve", "--verdict", "--listen", "127.0.0.1:0"])
            .args(more)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{said}");
    }
}
