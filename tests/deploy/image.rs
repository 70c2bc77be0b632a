//! The container image: its files, and a gate that runs in it.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use crate::{
    podman::{Podman, succeeded},
    support::{
        App, BODY, Client, SECRET, Then, app::answer, authority::Authority, forged, genuine,
        wait_until,
    },
    tool::tool,
};

/// A running container with the settings that the documents recommend.
struct Container<'a> {
    podman: &'a Podman,
    name: &'static str,
}

impl<'a> Container<'a> {
    fn start(podman: &'a Podman, name: &'static str, upstream: &str, more: &[&str]) -> Self {
        let upstream = format!("CARTGATE_UPSTREAM={upstream}");
        let secret = format!("CARTGATE_SECRET={}", String::from_utf8_lossy(SECRET));
        let mut args = vec!["run", "--detach", "--name", name, "--network=host"];
        args.extend([
            "--read-only",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
        ]);
        args.extend(["--env", "CARTGATE_LISTEN=127.0.0.1:0", "--env", &upstream]);
        args.extend(["--env", &secret]);
        args.extend(more);
        args.push("cartgate");
        podman.run(&args);
        let container = Self { podman, name };
        wait_until("the gate is ready", || container.is_healthy());
        container
    }

    /// Runs the health check of the image.
    fn is_healthy(&self) -> bool {
        let check = self.podman.output(&["healthcheck", "run", self.name]);
        check.status.success()
    }

    fn log(&self) -> String {
        let output = self.podman.output(&["logs", self.name]);
        String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
    }

    /// Returns the value of a field in the log.
    #[track_caller]
    fn logged(&self, field: &str) -> String {
        let log = self.log();
        let (_, after) = log.rsplit_once(&format!(" {field}=")).expect("a field");
        after.split_whitespace().next().expect("a value").to_owned()
    }

    fn client(&self) -> Client {
        let address: SocketAddr = self.logged("listen").parse().expect("an address");
        Client::tcp(address)
    }

    /// Stops the gate as `podman stop` does; returns its exit status.
    fn stop(&self) -> String {
        self.podman.run(&["stop", "--time", "45", self.name]);
        let format = "{{.State.ExitCode}}";
        let code = self.podman.run(&["inspect", "--format", format, self.name]);
        code.trim().to_owned()
    }
}

/// Returns mode, owner and path of every file of the image, sorted by path.
fn files(podman: &Podman) -> Vec<String> {
    let archive = podman.path("image.tar").display().to_string();
    let unpacked = podman.path("unpacked");
    fs::create_dir(&unpacked).expect("made");
    podman.run(&[
        "save",
        "--format",
        "docker-archive",
        "--output",
        &archive,
        "cartgate",
    ]);
    let mut tar = tool("tar");
    let extract = tar.args(["-xf", &archive, "-C"]).arg(&unpacked).output();
    succeeded("tar", extract.expect("it runs"));
    let manifest = fs::read(unpacked.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let layers = manifest[0]["Layers"].as_array().expect("layers");
    let mut found: Vec<_> = layers
        .iter()
        .flat_map(|layer| listed(&unpacked.join(layer.as_str().expect("a name"))))
        .collect();
    found.sort_by_key(|line| line.rsplit(' ').next().map(ToOwned::to_owned));
    found.dedup();
    found
}

fn listed(layer: &Path) -> Vec<String> {
    let mut tar = tool("tar");
    let list = tar.args(["--numeric-owner", "-tvf"]).arg(layer).output();
    let list = succeeded("tar", list.expect("it runs"));
    let line = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        format!("{} {} {}", fields[0], fields[1], fields[5])
    };
    list.lines().map(line).collect()
}

#[test]
#[ignore = "needs podman and a static binary; make test-deploy runs it"]
fn the_image_contains_the_program_and_the_authorities_alone() {
    let podman = Podman::new();
    podman.build_image();
    let expected = [
        "drwxr-xr-x 0/0 etc/",
        "drwxr-xr-x 0/0 etc/cartgate/",
        "drwxr-xr-x 0/0 etc/ssl/",
        "drwxr-xr-x 0/0 etc/ssl/certs/",
        "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
        "drwxr-xr-x 0/0 usr/",
        "drwxr-xr-x 0/0 usr/bin/",
        "-rwxr-xr-x 0/0 usr/bin/cartgate",
        "drwxr-xr-x 0/0 var/",
        "drwxr-xr-x 0/0 var/lib/",
        "drwx------ 65532/65532 var/lib/cartgate/",
    ];
    assert_eq!(files(&podman), expected);
    let inspected = podman.run(&["inspect", "--type", "image", "cartgate"]);
    let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
    let config = &inspected[0]["Config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!(["cartgate"]));
    assert_eq!(config["Cmd"], serde_json::json!(["serve"]));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(
        config["Volumes"],
        serde_json::json!({"/var/lib/cartgate": {}})
    );
    let check = &inspected[0]["Healthcheck"];
    assert_eq!(
        check["Test"],
        serde_json::json!(["CMD", "cartgate", "healthcheck"]),
        "{inspected}"
    );
    let version = &config["Labels"]["org.opencontainers.image.version"];
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

#[test]
#[ignore = "needs podman and a static binary; make test-deploy runs it"]
fn two_builds_of_one_commit_have_identical_layers() {
    let podman = Podman::new();
    podman.build_image();
    // podman adds the id of its working container to the image's configuration.
    let layers = || {
        let format = ["--format", "{{.RootFS.Layers}}", "cartgate"];
        podman.run(&[&["inspect", "--type", "image"][..], &format].concat())
    };
    let first = layers();
    assert!(first.contains("sha256:"), "{first}");
    podman.run(&["rmi", "--all", "--force"]);
    podman.build_image();
    assert_eq!(first, layers());
}

#[test]
#[ignore = "needs podman and a static binary; make test-deploy runs it"]
fn a_container_serves_from_variables_and_drains() {
    let podman = Podman::new();
    podman.build_image();
    if !podman.can_run() {
        return;
    }
    let stored = "CARTGATE_INBOX=sqlite:/var/lib/cartgate/inbox.db";
    let more = ["--volume", "inbox:/var/lib/cartgate", "--env", stored];
    // The first container stores an order while no app listens, and the second delivers it.
    let first = Container::start(&podman, "first", "http://127.0.0.1:1/hooks", &more);
    let taken = first.client().ask(genuine(BODY)).status;
    assert_eq!(taken, 200, "{}", first.log());
    assert_eq!(first.client().ask(forged(BODY)).status, 401);
    let inbox = ["--inbox", "sqlite:/var/lib/cartgate/inbox.db"];
    let stats = ["exec", "first", "cartgate", "inbox", "stats", "--json"];
    let stats = podman.run(&[&stats[..], &inbox].concat());
    assert!(stats.contains("\"events\":1,"), "{stats}");
    assert_eq!(first.stop(), "0");
    assert!(first.log().contains("drained"), "{}", first.log());
    assert!(!first.is_healthy());
    let app = App::content();
    let upstream = format!("{}/hooks", app.url);
    let second = Container::start(&podman, "second", &upstream, &more);
    app.wait_for(1);
    assert_eq!(app.only().body, BODY);
    assert_eq!(second.stop(), "0");
}

#[test]
#[ignore = "needs podman and a static binary; make test-deploy runs it"]
fn an_https_app_is_verified_with_the_authorities_of_the_image() {
    let podman = Podman::new();
    podman.build_image();
    if !podman.can_run() {
        return;
    }
    let authority = Authority::new();
    let app = App::tls(authority.server("localhost"), |_, wire| {
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        Ok(Then::Keep)
    });
    let port = app.url.rsplit(':').next().expect("a port").to_owned();
    let upstream = format!("https://localhost:{port}/hooks");
    // Public authorities are the default, and do not include this one.
    let strict = Container::start(&podman, "strict", &upstream, &[]);
    assert_eq!(strict.client().ask(genuine(BODY)).status, 502);
    assert!(strict.log().contains("UnknownIssuer"), "{}", strict.log());
    authority.file(&podman.path(""));
    let bundle = podman.path("ca.pem");
    fs::set_permissions(&bundle, fs::Permissions::from_mode(0o644)).expect("set");
    let mount = format!("{}:/etc/ssl/certs/ca-certificates.crt:ro", bundle.display());
    let container = Container::start(&podman, "trusting", &upstream, &["--volume", &mount]);
    assert_eq!(
        container.client().ask(genuine(BODY)).status,
        200,
        "{}",
        container.log()
    );
    app.wait_for(1);
}

#[test]
#[ignore = "needs podman and a static binary; make test-deploy runs it"]
fn the_quota_of_the_engine_decides_the_number_of_workers() {
    let podman = Podman::new();
    podman.build_image();
    if !podman.can_run() {
        return;
    }
    let cores = std::thread::available_parallelism()
        .expect("a number")
        .get();
    for (name, quota, workers) in [
        ("half", "0.5", 1),
        ("more", "1.5", 1),
        ("two", "2", 2.min(cores)),
    ] {
        let container = Container::start(
            &podman,
            name,
            "http://127.0.0.1:1/hooks",
            &["--cpus", quota],
        );
        assert_eq!(container.logged("workers"), workers.to_string(), "{quota}");
    }
}
