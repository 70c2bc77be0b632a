//! `examples/compose`: the gate, a sample app and a sender.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    podman::{Podman, succeeded},
    support::wait_until,
    tool::{of_the_project, run, tool},
};

const SECRET: &str = "planted-secret-of-the-compose-test";

/// Returns a copy of the example, with the variables that its introduction tells to set.
fn project(podman: &Podman) -> PathBuf {
    let project = podman.path("examples/compose");
    fs::create_dir_all(&project).expect("made");
    fs::create_dir_all(podman.path("examples/node")).expect("made");
    for file in ["compose/compose.yaml", "node/receiver.mjs"] {
        let from = of_the_project(&format!("examples/{file}"));
        fs::copy(from, podman.path("examples").join(file)).expect("copied");
    }
    let ports = [free_port(), free_port()];
    let settings = format!(
        "CARTFUNNEL_SECRET={SECRET}\nCARTGATE_ADMIN_TOKEN=planted-token-of-the-compose-test\n\
         GATE_PORT={}\nADMIN_PORT={}\n",
        ports[0], ports[1]
    );
    fs::write(project.join(".env"), settings).expect("written");
    project
}

/// Returns a port that nothing uses. The programs accept no 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn in_project(program: &str, project: &Path) -> Command {
    let mut command = tool(program);
    command.current_dir(project);
    command
}

/// Builds a stand-in for the public image of Node.js from this machine's Node.js, which the tests
/// cannot download.
fn build_node(podman: &Podman) {
    let node = tool("node").get_program().to_owned();
    let root = podman.path("node");
    let copy = "set -e; mkdir -p \"$1/usr/bin\"; cp \"$0\" \"$1/usr/bin/node\"; \
                ldd \"$0\" | grep -o '/[^ ]*' | while read -r file; do \
                    mkdir -p \"$1$(dirname \"$file\")\"; cp -L \"$file\" \"$1$file\"; \
                done";
    let copied = Command::new("/bin/sh")
        .args(["-c", copy])
        .arg(node)
        .arg(&root)
        .output();
    succeeded("cp", copied.expect("it runs"));
    let file = "FROM scratch\nCOPY . /\nENV PATH=/usr/bin\n";
    fs::write(podman.path("Nodefile"), file).expect("written");
    let (file, root) = (podman.path("Nodefile"), root.display().to_string());
    let file = file.display().to_string();
    podman.run(&[
        "build",
        "-q",
        "-t",
        "docker.io/library/node:22-alpine",
        "-f",
        &file,
        &root,
    ]);
}

#[test]
#[ignore = "needs docker-compose; make test-deploy runs it"]
fn the_compose_file_is_valid_and_publishes_loopback_alone() {
    let podman = Podman::new();
    let project = project(&podman);
    let config = |mut compose: Command| compose.arg("config").output().expect("it runs");
    let shown = succeeded(
        "docker-compose config",
        config(in_project("docker-compose", &project)),
    );
    let to_json = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
    let json = run(tool("python3").args(["-c", to_json]), &shown);
    let all: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let services = all["services"].as_object().expect("services");
    for (name, service) in services {
        let ports = service["ports"].as_array().cloned().unwrap_or_default();
        assert_eq!(ports.len(), if name == "gate" { 2 } else { 0 }, "{name}");
        for port in ports {
            assert!(
                port.as_str().expect("text").starts_with("127.0.0.1:"),
                "{port}"
            );
        }
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
    }
    let networks = |name: &str| {
        let networks = services[name]["networks"].as_object().expect("networks");
        networks.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(networks("app"), ["inside"]);
    assert_eq!(networks("sender"), ["outside"]);
    assert_eq!(all["networks"]["inside"]["internal"], true);
    // Without a secret of one's own, nothing starts.
    fs::write(project.join(".env"), "").expect("written");
    let refused = config(in_project("docker-compose", &project));
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && why.contains(".env"), "{why}");
}

#[test]
#[ignore = "needs podman-compose, node and a static binary; make test-deploy runs it"]
fn an_order_reaches_the_app_of_the_compose_file_and_a_forgery_does_not() {
    let podman = Podman::new();
    podman.build_image();
    if !podman.can_run() {
        return;
    }
    build_node(&podman);
    let project = project(&podman);
    let compose = |args: &[&str]| {
        let mut command = in_project("podman-compose", &project);
        let output = podman
            .on(&mut command)
            .args(args)
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    // This version of podman-compose does not know profiles.
    let (is_up, said) = compose(&["up", "--detach", "gate", "app"]);
    let _down = Down(&compose);
    assert!(is_up, "{said}");
    wait_until("the gate is ready", || {
        let check = podman.output(&["healthcheck", "run", "compose_gate_1"]);
        check.status.success()
    });
    let (_, said) = compose(&["run", "--rm", "sender"]);
    assert!(said.contains("200 OK"), "{said}");
    let log = || {
        let log = podman.output(&["logs", "compose_app_1"]);
        String::from_utf8_lossy(&[log.stdout, log.stderr].concat()).into_owned()
    };
    wait_until("the app has the order", || log().contains("order "));
    let secret = format!("CARTGATE_SECRET={SECRET}");
    let send = |args: &[&str]| {
        let start = ["run", "--rm", "--network=compose_outside", "--env", &secret];
        podman.output(&[&start[..], &["cartgate", "send"], args].concat())
    };
    let gate = "http://gate:8080/webhooks/orders";
    let forged = succeeded("cartgate send", send(&[gate, "--forge", "all", "--yes"]));
    assert!(forged.contains("rejected"), "{forged}");
    let orders = log().matches("delivery").count();
    assert_eq!(orders, 1, "{}", log());
    // The app is reachable through the gate alone.
    let past = send(&["http://app:3000/webhooks/orders"]);
    let why = String::from_utf8_lossy(&past.stderr);
    assert!(why.contains("no connection"), "{why}");
    let ports = podman.run(&["port", "compose_gate_1"]);
    assert_eq!(ports.matches("-> 127.0.0.1:").count(), 2, "{ports}");
    assert_eq!(ports.lines().count(), 2, "{ports}");
}

/// Removes containers and networks at the end of the test.
struct Down<F: Fn(&[&str]) -> (bool, String)>(F);

impl<F: Fn(&[&str]) -> (bool, String)> Drop for Down<F> {
    fn drop(&mut self) {
        (self.0)(&["down", "--timeout", "0"]);
    }
}
