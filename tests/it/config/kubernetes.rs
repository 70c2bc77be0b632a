//! The Kustomize base for Kubernetes, and what a container brings along.

use std::process::Command;

use crate::{
    program::Program,
    support::{App, wait_until},
};

/// The configuration file that the ConfigMap holds.
const CONFIGURATION: &str = include_str!("../../../packaging/kubernetes/base/cartgate.toml");

const DEPLOYMENT: &str = include_str!("../../../packaging/kubernetes/base/deployment.yaml");

#[test]
fn the_configuration_of_the_base_can_be_used() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("cartgate.toml");
    std::fs::write(&file, CONFIGURATION).expect("written");
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
fn the_drain_of_the_base_ends_before_kubernetes_kills() {
    let seconds = |text: &str, key: &str| -> u64 {
        let rest = text.split_once(key).unwrap_or_else(|| panic!("no {key}")).1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("seconds")
    };
    let drain = seconds(CONFIGURATION, "drain_delay = \"")
        + seconds(CONFIGURATION, "drain_limit = \"")
        + seconds(DEPLOYMENT, "preStop: { sleep: { seconds: ");
    assert!(drain < seconds(DEPLOYMENT, "terminationGracePeriodSeconds: "));
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
