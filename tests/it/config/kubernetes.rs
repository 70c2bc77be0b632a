//! `docs/kubernetes.md`, and what a container brings along.

use std::process::Command;

use crate::{
    program::Program,
    support::{App, wait_until},
};

const PAGE: &str = include_str!("../../../docs/kubernetes.md");

/// The configuration file that the ConfigMap holds.
fn configuration() -> String {
    let block = PAGE.split_once("cartgate.toml: |\n").expect("the file").1;
    let block = block.split("\n---").next().expect("its end");
    let lines = block
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_configuration_on_the_page_can_be_used() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("cartgate.toml");
    std::fs::write(&file, configuration()).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let command = command
        .env_clear()
        .args(["check", "--without-files"])
        .arg(&file);
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_drain_on_the_page_ends_before_kubernetes_kills() {
    let seconds = |key: &str| -> u64 {
        let rest = PAGE.split_once(key).unwrap_or_else(|| panic!("no {key}")).1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("seconds")
    };
    let drain = seconds("drain_delay = \"") + seconds("drain_limit = \"");
    assert!(drain < seconds("terminationGracePeriodSeconds: "));
}

#[test]
fn variables_of_services_are_no_mistakes() {
    let app = App::content();
    let variables = [
        ("CARTGATE_SERVICE_HOST", "10.0.0.1"),
        ("CARTGATE_SERVICE_PORT", "80"),
        ("CARTGATE_SERVICE_PORT_HTTP", "80"),
        ("CARTGATE_PORT", "tcp://10.0.0.1:80"),
        ("CARTGATE_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("CARTGATE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("CARTGATE_PORT_80_TCP_PORT", "80"),
        ("CARTGATE_PORT_80_TCP_PROTO", "tcp"),
        ("CARTGATE_ADMIN_SERVICE_HOST", "10.0.0.1"),
        ("CARTGATE_ADMIN_PORT", "tcp://10.0.0.1:80"),
        ("CARTGATE_A_SLIP", "1"),
    ];
    let program = Program::serve_with(&app, &[], &variables);
    program.line(&["CARTGATE_A_SLIP"]);
    for (name, _) in &variables[..variables.len() - 1] {
        let said = program.lines().iter().any(|line| line.contains(name));
        assert!(!said, "{name}");
    }
    wait_until("the app is reached", || {
        program
            .lines()
            .iter()
            .any(|line| line.contains("app reachable"))
    });
}
