//! `packaging/kubernetes`: rendered by kustomize, validated by the published schemas, and compared
//! with the behaviour of the gate.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{
    podman::succeeded,
    support::{App, BODY, Client, SECRET, Then, app::answer, genuine},
    tool::{of_the_project, replaced, run, tool},
};

/// The resources of a directory.
struct Rendered {
    yaml: String,
    resources: Vec<Value>,
}

impl Rendered {
    fn base() -> Self {
        Self::of(&of_the_project("packaging/kubernetes/base"))
    }

    fn sidecar() -> Self {
        Self::of(&of_the_project("packaging/kubernetes/sidecar"))
    }

    fn of(directory: &Path) -> Self {
        let rendered = tool("kubectl").arg("kustomize").arg(directory).output();
        let yaml = succeeded("kubectl kustomize", rendered.expect("it runs"));
        let to_json =
            "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
        let json = run(tool("python3").args(["-c", to_json]), &yaml);
        let resources = serde_json::from_str(&succeeded("python3", json)).expect("JSON");
        Self { yaml, resources }
    }

    /// Returns the only resource of this kind and name.
    #[track_caller]
    fn get(&self, kind: &str, name: &str) -> &Value {
        let is_it = |one: &&Value| one["kind"] == kind && one["metadata"]["name"] == name;
        let mut found = self.resources.iter().filter(is_it);
        let one = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
        assert!(found.next().is_none(), "two of {kind} {name}");
        one
    }

    /// Returns the specification of the pods of a deployment.
    #[track_caller]
    fn pod(&self, deployment: &str) -> &Value {
        &self.get("Deployment", deployment)["spec"]["template"]["spec"]
    }
}

/// Validates resources against the schemas of the newest known version, without unknown fields.
fn validate(yaml: &str) -> Output {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("all.yaml");
    fs::write(&file, yaml).expect("written");
    let mut validator = tool("kubernetes-validate");
    validator
        .args(["--strict", "--no-warn"])
        .arg(file)
        .output()
        .expect("it runs")
}

/// Returns the container with this name, of either kind.
#[track_caller]
fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let all = containers(pod);
    let found = all.into_iter().find(|container| container["name"] == name);
    found.unwrap_or_else(|| panic!("no container {name}"))
}

fn containers(pod: &Value) -> Vec<&Value> {
    let kinds = ["containers", "initContainers"];
    let all = kinds.iter().filter_map(|kind| pod[kind].as_array());
    all.flatten().collect()
}

/// Returns the value of a variable of a container.
#[track_caller]
fn variable<'a>(container: &'a Value, name: &str) -> &'a Value {
    let variables = container["env"].as_array().expect("variables");
    let found = variables.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no variable {name}"))
}

fn config(toml: &str) -> toml::Table {
    toml.parse().expect("TOML")
}

/// Returns the number of seconds of a setting.
#[track_caller]
fn seconds(server: &toml::Value, key: &str) -> u64 {
    let text = server[key].as_str().expect("text");
    humantime::parse_duration(text)
        .expect("a duration")
        .as_secs()
}

/// Asserts that the pod of a gate has the time to drain, and that no probe ends it earlier.
#[track_caller]
fn may_drain(pod: &Value, toml: &str) {
    let config = config(toml);
    let gate = container(pod, "cartgate");
    let pause = gate["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .expect("a pause");
    let drain =
        seconds(&config["server"], "drain_delay") + seconds(&config["server"], "drain_limit");
    let grace = pod["terminationGracePeriodSeconds"]
        .as_u64()
        .expect("a time");
    assert!(pause + drain < grace, "{pause} + {drain} < {grace}");
    let alive = &gate["livenessProbe"];
    let period = alive["periodSeconds"].as_u64().expect("a time");
    let failures = alive["failureThreshold"].as_u64().expect("a number");
    assert!(drain < period * failures, "{drain} < {period} * {failures}");
    // The load balancer learns within the pause and drain_delay that this pod ends.
    let ready = &gate["readinessProbe"];
    let learns = ready["periodSeconds"].as_u64().expect("a time")
        * ready["failureThreshold"].as_u64().expect("a number");
    assert!(
        learns < seconds(&config["server"], "drain_delay"),
        "{learns}"
    );
    assert_eq!(
        ready["httpGet"]["path"].as_str(),
        config["server"]["health_path"].as_str()
    );
}

/// Asserts that the gate's limits fit into the memory of its container, by the rule of the documents:
/// 64 KiB per connection, `max_memory`, and 32 MiB for the program.
#[track_caller]
fn fits_into_memory(pod: &Value, toml: &str) {
    let server = &config(toml)["server"];
    let mebibytes = |text: &str, unit: &str| {
        let number = text.strip_suffix(unit).expect("a size");
        number.parse::<i64>().expect("a number")
    };
    let limit = &container(pod, "cartgate")["resources"]["limits"]["memory"];
    let limit = mebibytes(limit.as_str().expect("text"), "Mi");
    let bodies = mebibytes(server["max_memory"].as_str().expect("text"), "MiB");
    let connections = server["max_connections"].as_integer().expect("a number");
    let needed = bodies + connections / 16 + 32;
    assert!(needed <= limit, "{needed} MiB in {limit} MiB");
}

/// Asserts the rules of the pod security standard `restricted`.
#[track_caller]
fn is_restricted(pod: &Value) {
    let of_pod = &pod["securityContext"];
    assert_eq!(of_pod["runAsNonRoot"], true);
    assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault");
    assert_ne!(of_pod["runAsUser"], 0);
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(pod[name], Value::Null);
    }
    for container in containers(pod) {
        let own = &container["securityContext"];
        assert_eq!(own["allowPrivilegeEscalation"], false);
        assert_eq!(own["capabilities"], json!({"drop": ["ALL"]}));
        assert_eq!(own["readOnlyRootFilesystem"], true);
        assert_eq!(own["privileged"], Value::Null);
        let ports = container["ports"].as_array().cloned().unwrap_or_default();
        assert!(ports.iter().all(|port| port["hostPort"].is_null()));
    }
    let permitted = ["configMap", "secret", "emptyDir"];
    for volume in pod["volumes"].as_array().expect("volumes") {
        assert!(
            permitted.iter().any(|kind| !volume[kind].is_null()),
            "{volume}"
        );
    }
}

#[test]
#[ignore = "needs kubectl and kubernetes-validate; make test-deploy runs it"]
fn both_variants_are_valid_by_the_published_schemas() {
    for rendered in [Rendered::base(), Rendered::sidecar()] {
        succeeded("kubernetes-validate", validate(&rendered.yaml));
        let unknown = replaced(&rendered.yaml, "readOnlyRootFilesystem:", "readOnlyRoot:");
        assert!(
            !validate(&unknown).status.success(),
            "an unknown field passes"
        );
        is_restricted(
            &rendered
                .resources
                .iter()
                .find(|one| one["kind"] == "Deployment")
                .expect("one")["spec"]["template"]["spec"],
        );
    }
}

#[test]
#[ignore = "needs kubectl; make test-deploy runs it"]
fn the_base_lets_deliveries_reach_the_app_through_a_gate_alone_which_may_drain() {
    let base = Rendered::base();
    let text = base.get("ConfigMap", "cartgate")["data"]["cartgate.toml"]
        .as_str()
        .expect("a file");
    let config = config(text);
    let deployment = base.get("Deployment", "cartgate");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let gate = container(base.pod("cartgate"), "cartgate");
    assert_eq!(
        gate["args"],
        json!(["serve", "--config", "/etc/cartgate/cartgate.toml"])
    );
    assert_eq!(deployment["spec"]["replicas"], 2);

    let app = base.get("NetworkPolicy", "shop-only-from-cartgate");
    assert_eq!(app["spec"]["policyTypes"], json!(["Ingress"]));
    let rules = json!([{ "from": [{ "podSelector": { "matchLabels": labels } }], "ports": [{ "port": 3000 }] }]);
    assert_eq!(app["spec"]["ingress"], rules);
    let url = config["endpoint"][0]["destination"][0]["url"]
        .as_str()
        .expect("a URL");
    assert!(url.starts_with("http://shop:3000/"), "{url}");

    let policy = &base.get("NetworkPolicy", "cartgate")["spec"];
    assert_eq!(&policy["podSelector"]["matchLabels"], labels);
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["ingress"], json!([{ "ports": [{ "port": 8080 }] }]));
    let out: Vec<_> = policy["egress"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| rule["ports"][0]["port"].clone())
        .collect();
    assert_eq!(out, [53, 3000, 5432]);
    assert_eq!(config["server"]["listen"].as_str(), Some(":8080"));
    assert_eq!(
        gate["ports"],
        json!([{ "name": "http", "containerPort": 8080 }])
    );
    let service = &base.get("Service", "cartgate")["spec"];
    assert_eq!(&service["selector"], labels);
    assert_eq!(service["ports"][0]["targetPort"], "http");

    let budget = &base.get("PodDisruptionBudget", "cartgate")["spec"];
    assert_eq!(&budget["selector"]["matchLabels"], labels);
    assert_eq!(budget["minAvailable"], 1);
    may_drain(base.pod("cartgate"), text);
    fits_into_memory(base.pod("cartgate"), text);
    let sidecar = Rendered::sidecar();
    may_drain(sidecar.pod("shop"), sidecar_config(&sidecar));
    fits_into_memory(sidecar.pod("shop"), sidecar_config(&sidecar));
}

#[test]
#[ignore = "needs kubectl; make test-deploy runs it"]
fn the_configuration_of_the_base_is_correct_and_an_empty_secret_is_not() {
    let base = Rendered::base();
    let text = base.get("ConfigMap", "cartgate")["data"]["cartgate.toml"]
        .as_str()
        .expect("a file");
    assert_eq!(config(text)["server"]["watch"].as_bool(), Some(true));
    let dir = tempfile::tempdir().expect("a directory");
    let text = replaced(
        text,
        "/run/secrets/cartgate/",
        &format!("{}/", dir.path().display()),
    );
    fs::write(dir.path().join("cartgate.toml"), text).expect("written");
    let check = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
        command.current_dir(dir.path()).env_clear();
        command
            .arg("check")
            .args(more)
            .arg("cartgate.toml")
            .output()
            .expect("it runs")
    };
    succeeded("cartgate check", check(&["--without-files"]));
    let secret = base.get("Secret", "cartgate")["data"]
        .as_object()
        .expect("values");
    for (name, value) in secret {
        assert_eq!(value, "", "{name} has a value that everybody knows");
        crate::program::write_secret(&dir.path().join(name), b"");
    }
    let refused = check(&[]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    let (authorities, secrets): (Vec<_>, Vec<_>) =
        secret.keys().partition(|name| name.ends_with(".pem"));
    for name in &secrets {
        assert!(said.contains(name.as_str()), "nothing about {name}: {said}");
        // 32 bytes, as the key needs.
        let value = b"cGxhbnRlZCBwbGFudGVkIHBsYW50ZWQgcGxhbnRlZCA=";
        crate::program::write_secret(&dir.path().join(name), value);
    }
    let refused = check(&[]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(said.contains(authorities[0].as_str()), "{said}");
}

/// Returns the whole configuration of the sidecar, which is in a variable.
fn sidecar_config(sidecar: &Rendered) -> &str {
    let gate = container(sidecar.pod("shop"), "cartgate");
    variable(gate, "CARTGATE_CONFIG_TOML")["value"]
        .as_str()
        .expect("text")
}

#[test]
#[ignore = "needs kubectl; make test-deploy runs it"]
fn the_sidecar_serves_an_app_on_a_socket_from_variables_alone() {
    let sidecar = Rendered::sidecar();
    let pod = sidecar.pod("shop");
    let (app, gate) = (container(pod, "shop"), container(pod, "cartgate"));
    assert_eq!(app["ports"], Value::Null);
    assert_eq!(
        app["restartPolicy"], "Always",
        "it would end before the gate has drained"
    );
    assert_eq!(app["volumeMounts"], gate["volumeMounts"]);
    let path = variable(app, "SOCKET")["value"].as_str().expect("a path");
    assert!(
        path.starts_with(
            gate["volumeMounts"][0]["mountPath"]
                .as_str()
                .expect("a path")
        )
    );
    let secret = &variable(gate, "CARTFUNNEL_SECRET")["valueFrom"]["secretKeyRef"];
    assert_eq!(secret, &json!({ "name": "cartfunnel", "key": "secret" }));
    assert_eq!(sidecar.get("Secret", "cartfunnel")["data"]["secret"], "");
    let policy = &sidecar.get("NetworkPolicy", "shop-only-through-cartgate")["spec"];
    assert_eq!(policy["ingress"], json!([{ "ports": [{ "port": 8080 }] }]));

    // The same variables, with the paths and ports of this machine.
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("app.sock");
    let app = App::unix(&socket, |_, wire| {
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        Ok(Then::Keep)
    });
    let text = replaced(
        sidecar_config(&sidecar),
        path,
        &socket.display().to_string(),
    );
    let text = replaced(&text, ":8080", "127.0.0.1:0");
    let text = replaced(&text, "/webhooks/orders", "/hooks");
    let secret = String::from_utf8_lossy(SECRET).into_owned();
    let variables = [
        ("CARTGATE_CONFIG_TOML", text.as_str()),
        ("CARTFUNNEL_SECRET", &secret),
    ];
    let program =
        crate::program::Program::serve_by_variables(&["--log-format", "text"], &variables);
    let mut client: Client = program.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    app.wait_for(1);
}

#[test]
#[ignore = "needs kubectl and kubernetes-validate; make test-deploy runs it"]
fn the_overlay_of_the_documents_fills_the_base() {
    let page = fs::read_to_string(of_the_project("docs/kubernetes.md")).expect("a page");
    let (_, overlay) = page.split_once("```yaml\n").expect("an overlay");
    let (overlay, _) = overlay.split_once("```").expect("an end");
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    fs::write(at("kustomization.yaml"), overlay).expect("written");
    let base = at("cartgate/packaging/kubernetes");
    fs::create_dir_all(&base).expect("made");
    let mut copy = tool("cp");
    let copied = copy
        .arg("-r")
        .arg(of_the_project("packaging/kubernetes/base"))
        .arg(&base);
    succeeded("cp", copied.output().expect("it runs"));
    fs::write(at("cartgate.toml"), "[server]\n").expect("written");
    for secret in [
        "cartfunnel.secret",
        "inbox.password",
        "inbox.key",
        "postgres-ca.pem",
    ] {
        fs::write(at(secret), "filled").expect("written");
    }
    let filled = Rendered::of(dir.path());
    succeeded("kubernetes-validate", validate(&filled.yaml));
    let secret = &filled.get("Secret", "cartgate")["data"];
    let values: Vec<_> = secret.as_object().expect("values").values().collect();
    assert_eq!(values, ["ZmlsbGVk"; 4]);
    assert_eq!(
        filled.get("ConfigMap", "cartgate")["data"],
        json!({ "cartgate.toml": "[server]\n" })
    );
    let gate = container(filled.pod("cartgate"), "cartgate");
    assert_eq!(gate["image"], "registry.example/cartgate:0.1.0");
    assert!(
        filled
            .resources
            .iter()
            .all(|one| one["metadata"]["namespace"] == "shop")
    );
}
