//! A gate whose user may have no more threads. Root is exempt from that limit, so the gate runs as
//! another user. A memory limit is no substitute: a new thread reuses the stack of one that has
//! ended, and a thread that starts may fail later, in the standard library.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
};

use rustix::process::{Resource, Signal, getrlimit, kill_process};

use crate::{
    support::{App, BODY, Client, PATIENCE, genuine, wait_until},
    tool::{Server, tool},
    users::{as_service, folder, serve},
};

/// The name of the app's host needs a look-up.
const CONFIG: &str = r#"
[server]
listen = "unix:DIR/gate.sock"
workers = 2
[admin]
listen = "unix:DIR/admin.sock"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
[[endpoint.destination]]
url = "URL"
"#;

struct Gate {
    server: Server,
    dir: PathBuf,
}

impl Gate {
    fn start(app: &App) -> Self {
        let url = app.url.replace("127.0.0.1", "localhost");
        let folder = folder(&CONFIG.replace("URL", &url));
        let dir = folder.path().to_owned();
        let gate = Self {
            server: Server::start(&mut serve(&dir), folder),
            dir,
        };
        wait_until("it serves", || gate.lines(&["app reachable"]) == 1);
        wait_until("all threads have started", || gate.page("/readyz") == 200);
        gate
    }

    /// Lets the gate start threads while its user has fewer than so many. The user itself sets the
    /// limit, because root in a container may lack the right.
    fn limit(&self, most: &str) {
        let mut prlimit = as_service(tool("prlimit"));
        prlimit.arg(format!("--nproc={most}:"));
        prlimit.arg(format!("--pid={}", self.server.pid()));
        assert!(prlimit.status().expect("it runs").success());
    }

    /// Returns the lines of the log that contain all of `parts`.
    fn lines(&self, parts: &[&str]) -> usize {
        let said = self.server.said();
        let holds = |line: &&str| parts.iter().all(|part| line.contains(part));
        said.lines().filter(holds).count()
    }

    /// Reloads the gate until it logs this once more.
    #[track_caller]
    fn reload(&self, parts: &[&str]) {
        let before = self.lines(parts);
        kill_process(self.server.pid(), Signal::HUP).expect("it runs");
        wait_until("the end of a reload", || self.lines(parts) > before);
    }

    fn page(&self, path: &str) -> u16 {
        let mut stream = UnixStream::connect(self.dir.join("admin.sock")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let request = format!("GET {path} HTTP/1.1\r\nHost: cartgate\r\n\r\n");
        let written = stream.write_all(request.as_bytes());
        written.expect("it takes it");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("a response");
        let status = std::str::from_utf8(&status[9..]).expect("digits");
        status.parse().expect("a number")
    }

    fn deliver(&self) -> u16 {
        let mut client = Client::unix(&self.dir.join("gate.sock"));
        client.ask(genuine(BODY)).status
    }
}

#[test]
#[ignore = "needs root; make test runs it"]
fn without_a_free_thread_everything_is_answered_and_nothing_ends() {
    let app = App::content();
    let mut gate = Gate::start(&app);
    gate.limit("1");
    for _ in 0..2 {
        gate.reload(&["stays in force", "no thread can be started"]);
        for path in ["/metrics", "/api/v1/status", "/readyz"] {
            assert_eq!(gate.page(path), 200, "{path}");
        }
        assert_eq!(gate.deliver(), 502);
    }
    let reason = ["destination-unresolved", "no thread can be started"];
    wait_until("both are in the log", || gate.lines(&reason) == 2);
    assert!(gate.server.runs());
    let before = getrlimit(Resource::Nproc).current;
    gate.limit(&before.map_or("unlimited".to_owned(), |most| most.to_string()));
    gate.reload(&["configuration in force"]);
    assert_eq!(gate.deliver(), 200);
}

/// The threads of a thousand workers start one after the other.
#[test]
#[ignore = "needs root; make test runs it"]
fn a_start_without_enough_threads_is_an_error() {
    let config = CONFIG.replace("workers = 2", "workers = 1000");
    let dir = folder(&config.replace("URL", "http://127.0.0.1:9"));
    let dir = dir.path();
    let gate = serve(dir);
    let mut limited = as_service(tool("prlimit"));
    limited.arg("--nproc=100").arg(gate.get_program());
    limited.args(gate.get_args()).current_dir(dir).env_clear();
    let output = limited.output().expect("it runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.contains("Resource temporarily unavailable"), "{log}");
}
