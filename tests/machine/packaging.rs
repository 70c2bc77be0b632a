//! The units for systemd, checked by systemd itself.

use std::{
    fs,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    process::{Child, Command, Output},
    time::Duration,
};

use cartgate::proxy::config::timeouts::Timeouts;
use tempfile::TempDir;

use crate::{
    nginx::nginx,
    program::{inheriting, write_secret},
    support::{App, BODY, Client, SECRET, request, signature_line, wait_until},
    tool::{of_the_project, replaced},
};

fn unit(name: &str) -> PathBuf {
    of_the_project("packaging/systemd").join(name)
}

fn analyze(arguments: &[&str], units: &[PathBuf]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).args(units);
    command.output().expect("systemd-analyze is there")
}

#[test]
#[ignore = "needs systemd-analyze; make test runs it"]
fn the_service_is_hardened() {
    let judge = |threshold: &str| {
        let arguments = ["security", "--offline=true", "--no-pager", threshold];
        analyze(&arguments, &[unit("cartgate.service")])
    };
    let judged = judge("--threshold=15");
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(said.contains("Overall exposure level"), "{said}");
    assert!(judged.status.success(), "more than 1.5: {said}");
    // No unit meets a threshold of zero, so the status is meaningful.
    assert!(!judge("--threshold=0").status.success());
}

#[test]
#[ignore = "needs systemd-analyze; make test runs it"]
fn the_units_say_nothing_that_systemd_does_not_know() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    let service = fs::read_to_string(unit("cartgate.service")).expect("a unit");
    let here = service.replace("/usr/bin/cartgate", env!("CARGO_BIN_EXE_cartgate"));
    fs::write(path("cartgate.service"), here).expect("written");
    fs::create_dir(path("cartgate.socket.d")).expect("a directory");
    for with_nginx in [false, true] {
        fs::copy(unit("cartgate.socket"), path("cartgate.socket")).expect("copied");
        if with_nginx {
            let drop_in = "cartgate.socket.d/nginx.conf";
            fs::copy(unit(drop_in), path(drop_in)).expect("copied");
        }
        let units = [path("cartgate.service"), path("cartgate.socket")];
        let judged = analyze(&["verify", "--man=no"], &units);
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success() && said.is_empty(), "{said}");
    }
}

/// Returns the last value of a key, as systemd reads it: an empty value resets the earlier ones.
fn last(text: &str, key: &str) -> String {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let mut values = lines.filter(|(name, value)| *name == key && !value.is_empty());
    let (_, value) = values.next_back().unwrap_or_else(|| panic!("no {key}"));
    value.to_owned()
}

#[test]
fn units_configuration_and_examples_name_the_same_places() {
    let read = |path: &str| fs::read_to_string(of_the_project(path)).expect("a file");
    let service = read("packaging/systemd/cartgate.service");
    let socket = read("packaging/systemd/cartgate.socket")
        + &read("packaging/systemd/cartgate.socket.d/nginx.conf");
    let toml = read("packaging/systemd/cartgate.toml");
    let nginx = read("examples/nginx/cartgate.conf");

    let front = last(&socket, "ListenStream");
    assert!(nginx.contains(&format!("server unix:{front};")), "{front}");
    // The runtime directory is removed with the service, but systemd's socket must stay.
    let runtime = format!("/run/{}/", last(&service, "RuntimeDirectory"));
    assert!(!front.starts_with(&runtime), "{front}");
    assert_eq!(last(&socket, "SocketGroup"), "www-data");
    assert_eq!(last(&socket, "SocketMode"), "0660");
    let name = last(&socket, "FileDescriptorName");
    let listen = format!("listen = \"systemd:{name}\"");
    assert!(socket.contains(&listen), "{name}");
    assert!(toml.contains("listen = \"127.0.0.1:8080\""));
    assert!(service.contains(&format!("unix:{runtime}admin.sock")));
    let state = format!("/var/lib/{}/", last(&service, "StateDirectory"));
    for key in ["store = \"sqlite:", "dir = \""] {
        assert!(toml.contains(&format!("{key}{state}")), "{key}{state}");
    }
    // Neither unit starts without the secret that the configuration names.
    let secret = last(&service, "ConditionPathExists");
    assert!(toml.contains(&format!("file = \"{secret}\"")), "{secret}");
    assert_eq!(last(&socket, "ConditionPathExists"), secret);
    let account = format!("u {} ", last(&service, "User"));
    let sysusers = read("packaging/systemd/cartgate.sysusers");
    let line = sysusers.lines().find(|line| line.starts_with(&account));
    // RPM creates the account before the file is there, so its script repeats the line.
    let line = line.unwrap_or_else(|| panic!("no {account}"));
    assert!(read("packaging/rpm/pre").lines().any(|same| same == line));
    assert!(last(&service, "ExecStart").ends_with("--config /etc/cartgate/cartgate.toml"));

    // The service restarts forever, but not so often that it becomes a load.
    assert_eq!(last(&service, "StartLimitIntervalSec"), "0");
    let pause: u64 = last(&service, "RestartSec").parse().expect("seconds");
    assert!(pause >= 5);
}

#[test]
fn the_socket_is_only_enabled_with_the_service() {
    let steps = "systemctl enable --now cartgate.socket cartgate.service";
    let read = |path: &str| fs::read_to_string(of_the_project(path)).expect("a file");
    for path in [
        "docs/deploy.md",
        "packaging/systemd/cartgate.socket",
        "packaging/systemd/cartgate.socket.d/nginx.conf",
    ] {
        let text = read(path);
        let lines = text.lines();
        let enabling: Vec<_> = lines
            .filter(|line| line.contains("systemctl enable") && line.contains(".socket"))
            .collect();
        assert!(
            !enabling.is_empty() && enabling.iter().all(|line| line.ends_with(steps)),
            "{path}: {enabling:?}"
        );
        // The packaged configuration has another address.
        assert!(text.contains("\"systemd:cartgate\""), "{path}");
    }
    // Both start at boot, the service without waiting for a connection.
    let unit = |name: &str| read(&format!("packaging/systemd/cartgate.{name}"));
    assert_eq!(last(&unit("service"), "WantedBy"), "multi-user.target");
    assert_eq!(last(&unit("socket"), "WantedBy"), "sockets.target");
}

/// A gate as the units start it behind nginx. systemd's socket, the folders and the secret are in `dir`.
struct Packaged {
    _gate: Killed,
    dir: TempDir,
    log: PathBuf,
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Packaged {
    fn start(app: &App) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let text = fs::read_to_string(unit("cartgate.toml")).expect("a file");
        let state = format!("{}/", dir.path().display());
        let text = replaced(&text, "/var/lib/cartgate/", &state);
        let text = replaced(&text, "/etc/cartgate/", &state);
        let listen = "listen = \"systemd:cartgate\"\ntrusted_proxies = [\"unix\"]";
        let text = replaced(&text, "listen = \"127.0.0.1:8080\"", listen);
        let admin = format!("listen = \"unix:{}\"", path("admin.sock").display());
        let text = replaced(&text, "listen = \"127.0.0.1:9180\"", &admin);
        let text = replaced(&text, "http://127.0.0.1:3000", &app.url);
        fs::write(path("cartgate.toml"), text).expect("written");
        write_secret(&path("cartfunnel.secret"), SECRET);
        let front = UnixListener::bind(path("front.sock")).expect("bound");
        let log = path("log");
        let mut gate = inheriting("cartgate");
        let gate = gate
            .args(["serve", "--config", "cartgate.toml"])
            .current_dir(dir.path())
            .stdin(OwnedFd::from(front))
            .stderr(fs::File::create(&log).expect("a file"))
            .spawn();
        let packaged = Self {
            _gate: Killed(gate.expect("it starts")),
            dir,
            log,
        };
        wait_until("the gate serves", || {
            packaged.log().contains("admin listener ready")
        });
        packaged
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command of an operator.
    fn ask(&self, words: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
        let command = command.env_clear().current_dir(self.dir.path()).args(words);
        let output = command.output().expect("it runs");
        assert!(
            output.status.success(),
            "{words:?}: {output:?}\n{}",
            self.log()
        );
    }
}

#[test]
#[ignore = "needs nginx; make test runs it"]
fn the_packaged_configuration_runs_behind_the_example_of_nginx() {
    let app = App::content();
    let gate = Packaged::start(&app);
    let (_nginx, front) = nginx(&gate.file("front.sock"));
    wait_until("nginx listens", || UnixStream::connect(&front).is_ok());
    let whole = request(
        "POST /webhooks/orders HTTP/1.1",
        &signature_line(BODY),
        BODY,
    );
    assert_eq!(Client::unix(&front).ask(whole).status, 200);
    app.wait_for(1);
    let admin = format!("unix:{}", gate.file("admin.sock").display());
    gate.ask(&["status", &admin]);
    gate.ask(&["reload", &admin]);
    gate.ask(&["inbox", "stats", "--config", "cartgate.toml"]);
    gate.ask(&["inbox", "list", "--config", "cartgate.toml"]);
}

#[test]
fn the_service_has_more_time_to_end_than_a_drain_takes() {
    let text = fs::read_to_string(unit("cartgate.service")).expect("a unit");
    let seconds = text
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .expect("a limit");
    let limit = Duration::from_secs(seconds.parse().expect("seconds"));
    let timeouts = Timeouts::default();
    assert!(limit > timeouts.drain_delay + timeouts.drain_limit);
}
