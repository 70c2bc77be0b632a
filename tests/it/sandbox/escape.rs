//! Attempts to escape, in a process that has entered the sandbox as a gate does. The test starts its
//! own program again for that, because no process can leave the sandbox.

use std::{
    env,
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    net::{TcpListener, TcpStream, ToSocketAddrs as _},
    os::unix::{fs::symlink, net::UnixListener, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use cartgate::sandbox::{Needs, Permissions, current, enter};
use rustix::process::{Pid, PidfdFlags, Signal, chroot, getppid, kill_process, pidfd_open};
use socket2::{Domain, Protocol, Socket, Type};

/// The variable that names the directory of the process in the sandbox.
const PLACE: &str = "CARTGATE_TEST_PLACE";

/// The port to which it may connect, and another one.
const PORTS: [&str; 2] = ["CARTGATE_TEST_PORT", "CARTGATE_TEST_OTHER_PORT"];

#[test]
fn no_attempt_to_escape_succeeds_and_the_work_of_a_gate_does() {
    let dir = tempfile::tempdir().expect("a directory");
    for made in ["config", "state", "outside"] {
        fs::create_dir(dir.path().join(made)).expect("made");
    }
    for file in ["config/secret", "outside/file"] {
        fs::write(dir.path().join(file), "planted").expect("written");
    }
    let listeners = PORTS.map(|name| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener.local_addr().expect("an address").port();
        (name, port.to_string(), listener)
    });
    let ports = listeners.iter().map(|(name, port, _)| (name, port));
    let ran = Command::new(env::current_exe().expect("a program"))
        .args([
            "--ignored",
            "--exact",
            "sandbox::escape::inside",
            "--nocapture",
        ])
        .env(PLACE, dir.path())
        .envs(ports)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    assert!(dir.path().join("outside/file").exists());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn inside() {
    let place = PathBuf::from(env::var_os(PLACE).expect("a directory"));
    let [permitted, other] = PORTS.map(|name| {
        let port = env::var(name).expect("a port");
        port.parse::<u16>().expect("a number")
    });
    let mut needs = Needs::default();
    needs.read([place.join("config/secret")]);
    needs.write(place.join("state"));
    needs.connect(permitted, "the app");
    let before = File::open(place.join("outside/file")).expect("opened before");
    enter(Permissions::new(&needs));
    let all = move || {
        permitted_work(&place, permitted);
        files(&place);
        ports(other);
        programs();
        other_processes();
        sockets();
    };
    all();
    // A thread that starts later is bound, too.
    thread::spawn(all).join().expect("the same in a thread");
    drop(before);
    refusals(permitted, other);
}

/// The work of a gate must go on.
fn permitted_work(place: &Path, port: u16) {
    let secret = place.join("config/secret");
    assert_eq!(fs::read(&secret).expect("readable"), b"planted");
    let state = place.join("state");
    fs::create_dir(state.join("made")).expect("made");
    let mut file = File::create(state.join("made/file")).expect("created");
    file.write_all(b"events").expect("written");
    file.set_len(0).expect("truncated");
    file.sync_all().expect("synced");
    File::open(&state)
        .and_then(|dir| dir.sync_all())
        .expect("the directory synced");
    fs::rename(state.join("made/file"), state.join("file")).expect("moved");
    drop(UnixListener::bind(state.join("socket")).expect("bound"));
    for left in ["file", "socket"] {
        fs::remove_file(state.join(left)).expect("removed");
    }
    fs::remove_dir(state.join("made")).expect("removed");
    TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let local = ("localhost", port).to_socket_addrs();
    assert!(local.expect("resolved").count() > 0);
    for own in ["/proc/self/status", "/proc/self/cgroup"] {
        fs::read_to_string(own).expect(own);
    }
    fs::read_dir("/etc/ssl/certs").map_or_else(|error| missing(&error), drop);
}

fn files(place: &Path) {
    denied(File::open("/etc/shadow"));
    denied(File::open("/proc/1/environ"));
    denied(File::open(format!("/proc/{}/mem", parent())));
    denied(fs::read_dir("/root"));
    let outside = place.join("outside/file");
    denied(File::open(&outside));
    denied(File::options().write(true).open(&outside));
    denied(fs::remove_file(&outside));
    denied(fs::write(place.join("outside/new"), ""));
    denied(fs::write(place.join("config/new"), ""));
    denied(
        File::options()
            .append(true)
            .open(place.join("config/secret")),
    );
    denied(fs::rename(&outside, place.join("state/file")));
    denied(fs::hard_link(&outside, place.join("state/file")));
    denied(symlink(&outside, place.join("state/link")));
    denied(UnixListener::bind(place.join("outside/socket")));
    denied(File::open("/dev/null"));
}

fn ports(other: u16) {
    denied(TcpStream::connect(("127.0.0.1", other)));
    denied(TcpListener::bind("127.0.0.1:0"));
    denied(TcpListener::bind("[::1]:0"));
}

fn programs() {
    denied(Command::new("/bin/true").spawn());
    denied::<()>(Err(Command::new("/bin/true").exec()));
}

fn other_processes() {
    let parent = Pid::from_raw(parent()).expect("a process");
    denied(kill_process(parent, Signal::CONT).map_err(io::Error::from));
    denied(pidfd_open(parent, PidfdFlags::empty()).map_err(io::Error::from));
    denied(chroot("/").map_err(io::Error::from));
}

fn sockets() {
    let new = |family: i32, kind: Type, protocol: i32| {
        Socket::new(Domain::from(family), kind, Some(Protocol::from(protocol)))
    };
    // Their numbers: netlink, packet, alg, vsock.
    for family in [16, 17, 38, 40] {
        denied(new(family, Type::DGRAM, 0));
    }
    // Their numbers: SCTP, UDP-Lite, MPTCP, ICMP.
    for protocol in [132, 136, 262, 1] {
        denied(new(2, Type::STREAM, protocol));
        denied(new(10, Type::STREAM, protocol));
    }
    denied(new(2, Type::from(3), 6));
    denied(new(10, Type::from(3), 17));
    for family in [1, 2, 10] {
        new(family, Type::STREAM, 0).expect("a socket of a gate");
    }
    new(2, Type::DGRAM, 0).expect("a socket of the resolver");
}

/// A reload that needs more is rejected, and says what to do.
fn refusals(permitted: u16, other: u16) {
    let sandbox = current().expect("entered");
    let denies = |change: &dyn Fn(&mut Needs)| {
        let mut needs = Needs::default();
        change(&mut needs);
        sandbox.denies(&needs).join("\n")
    };
    let place = PathBuf::from(env::var_os(PLACE).expect("a directory"));
    for fine in ["config/secret", "config/missing", "outside/missing"] {
        assert_eq!(denies(&|needs| needs.read([place.join(fine)])), "");
    }
    assert_eq!(denies(&|needs| needs.write(place.join("state/new"))), "");
    assert_eq!(denies(&|needs| needs.connect(permitted, "the app")), "");
    let said = denies(&|needs| needs.read([place.join("outside/file")]));
    assert!(
        said.contains("outside/file") && said.contains("restart the gate"),
        "{said}"
    );
    let said = denies(&|needs| needs.write(place.join("outside/new")));
    assert!(
        said.contains("outside/new") && said.contains("restart the gate"),
        "{said}"
    );
    let said = denies(&|needs| needs.connect(other, "destination shop"));
    assert!(
        said.contains("destination shop") && said.contains(&other.to_string()),
        "{said}"
    );
    assert!(sandbox.denies_writing(&place.join("outside/new")));
    assert!(!sandbox.denies_writing(&place.join("state/new")));
}

fn parent() -> i32 {
    Pid::as_raw(getppid())
}

fn missing(error: &io::Error) {
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[track_caller]
fn denied<T>(attempt: io::Result<T>) {
    let error = attempt.map(drop).expect_err("the sandbox denies it");
    let is_denied = matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::CrossesDevices
    );
    assert!(is_denied, "{error}");
}
