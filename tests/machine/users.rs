//! Several users of one machine. Only root can run programs as another user.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        net::UnixStream,
        process::CommandExt as _,
    },
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use crate::{
    support::{SECRET, wait_until},
    tool::tool,
};

/// The user of the service.
const SERVICE: u32 = 65_534;

const CONFIG: &str = r#"
[server]
listen = "unix:DIR/gate.sock"
drain_delay = "0s"
[inbox]
store = "sqlite:inbox.db"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "shop"
url = "http://127.0.0.1:1"
"#;

/// A folder of the service, with a copy of the program that the service may run.
pub(crate) fn folder(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    // Another process copies it: a child of another test could inherit a descriptor of this
    // process, and a program that is open for writing does not start.
    let mut copy = tool("cp");
    copy.args([Path::new(env!("CARGO_BIN_EXE_cartgate")), &at("cartgate")]);
    assert!(copy.status().expect("it runs").success());
    let text = config.replace("DIR", &dir.path().display().to_string());
    fs::write(at("cartgate.toml"), text).expect("written");
    fs::write(at("secret"), SECRET).expect("written");
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(at("secret"), mode).expect("set");
    for file in [dir.path(), &at("cartgate.toml"), &at("secret")] {
        chown(file, Some(SERVICE), Some(SERVICE)).expect("this test runs as root");
    }
    dir
}

/// Returns a command that runs the copy as root.
fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(dir.join("cartgate"));
    command.env_clear().current_dir(dir).args(args);
    command
}

/// Returns `cartgate serve` as the service.
pub(crate) fn serve(dir: &Path) -> Command {
    as_service(command(dir, &["serve", "--config", "cartgate.toml"]))
}

pub(crate) fn as_service(mut command: Command) -> Command {
    command.uid(SERVICE).gid(SERVICE).stdin(Stdio::null());
    command
}

/// Whether the service responds.
fn answers(dir: &Path) -> io::Result<bool> {
    let mut stream = UnixStream::connect(dir.join("gate.sock"))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 404"))
}

/// Starts the service and waits until it responds.
fn start(dir: &Path) -> Child {
    let mut command = serve(dir);
    let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
    wait_until("it answers", || {
        assert!(child.try_wait().expect("a child").is_none(), "it has ended");
        answers(dir).unwrap_or(false)
    });
    child
}

fn stop(mut child: Child) {
    let pid = i32::try_from(child.id()).expect("a process id");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    assert!(child.wait().expect("it ends").success());
}

fn stats(dir: &Path) -> Output {
    let mut command = command(dir, &["inbox", "stats", "--config", "cartgate.toml"]);
    command.output().expect("it runs")
}

#[test]
#[ignore = "needs root; make test runs it"]
fn a_look_by_root_leaves_nothing_that_the_service_cannot_open() {
    let dir = folder(CONFIG);
    let lock = dir.path().join("inbox.db.lock");
    stop(start(dir.path()));
    for leave in [true, false] {
        // This is the state after a restore, or with a lock that root left before.
        if leave {
            fs::remove_file(&lock).expect("it was there");
        } else {
            chown(&lock, Some(0), Some(0)).expect("changed");
        }
        let looked = stats(dir.path());
        let said = String::from_utf8_lossy(&looked.stderr);
        assert!(looked.status.success(), "{said}");
        assert!(!said.contains("65534"), "no word about the owner: {said}");
        for file in fs::read_dir(dir.path()).expect("a directory") {
            let file = file.expect("an entry");
            let owner = file.metadata().expect("there").uid();
            let name = file.file_name();
            assert!(
                owner == SERVICE || name == "cartgate",
                "{name:?} is of {owner}"
            );
        }
        stop(start(dir.path()));
    }
}

#[test]
#[ignore = "needs root; make test runs it"]
fn a_secret_of_another_user_is_warned_of() {
    let dir = folder(CONFIG);
    let secret = dir.path().join("secret");
    let check = |uid: u32| {
        let mut command = command(dir.path(), &["check", "cartgate.toml"]);
        let output = command.uid(uid).gid(uid).output().expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.success(), "{said}");
        said
    };
    assert_eq!(check(SERVICE), "");
    // Root cannot know which user the gate will run as.
    assert!(check(0).contains("belongs to user 65534"));
    chown(&secret, Some(12_345), Some(SERVICE)).expect("changed");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).expect("set");
    let said = check(SERVICE);
    assert!(
        said.contains("belongs to user 12345, who can change it"),
        "{said}"
    );
    chown(&secret, Some(0), Some(SERVICE)).expect("changed");
    assert!(!check(SERVICE).contains("belongs to"));
}

/// Connects to the health sockets of all gates in a loop, and prints each response.
const FLOOD: &str = r#"
use Socket;
$| = 1;
while (1) {
    open(my $table, '<', '/proc/net/unix') or die;
    my @names = map { /@(cartgate-health-\w+)/ ? $1 : () } <$table>;
    for my $name (@names) {
        socket(my $client, AF_UNIX, SOCK_STREAM, 0) or die;
        connect($client, pack_sockaddr_un("\0$name")) or next;
        recv($client, my $response, 100, 0);
        print $response;
    }
}
"#;

#[test]
#[ignore = "needs root; make test runs it"]
fn a_flood_of_another_user_does_not_make_the_gate_unhealthy() {
    let dir = folder(CONFIG);
    let gate = start(dir.path());
    let process = gate.id().to_string();
    let strangers: Vec<_> = (0..3)
        .map(|_| {
            let mut stranger = tool("perl");
            stranger.args(["-e", FLOOD]).uid(12_345).gid(12_345);
            stranger.stdout(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    let checks: Vec<_> = (0..10)
        .map(|_| as_service(command(dir.path(), &["healthcheck", "--pid", &process])).output())
        .collect();
    for mut stranger in strangers {
        stranger.kill().expect("it runs");
        let output = stranger.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }
    stop(gate);
    for check in checks {
        let check = check.expect("it runs");
        let said = String::from_utf8_lossy(&check.stdout);
        assert!(check.status.success(), "{said}");
    }
}
