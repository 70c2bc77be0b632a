//! A directory in which the commands of a document run: with an app behind the gate, and with stubs
//! for programs that would change the machine. Fixed ports and paths become those of the sandbox.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::{
    program::write_secret,
    support::{App, wait_until},
};

/// Programs that would install something or change services.
const STUBS: [&str; 9] = [
    "cargo",
    "docker",
    "journalctl",
    "kubectl",
    "make",
    "podman",
    "sudo",
    "systemctl",
    ".ci/run",
];

/// `init` has no terminal for its questions. It writes a fixed port for `status` and `reload`, which
/// these commands use unless they are told another address.
const CARTGATE: &str = r#"#!/bin/sh
case "$*" in
init)
    "PROGRAM" init --yes --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/webhooks/orders || exit
    exec sed -i 's/127[.]0.0.1:9180/127.0.0.1:9180/' cartgate.toml
    ;;
*http:* | *unix:*) ;;
status* | reload* | console*) set -- "$@" http://127.0.0.1:9180 ;;
esac
exec "PROGRAM" "$@"
"#;

/// The id of a stored event, and that of a saved rejection.
const IDS: [(&str, &str); 2] = [
    ("event-id", "inbox list --config cartgate.toml --json"),
    (
        "rejection-id",
        "rejected list --config cartgate.toml --json",
    ),
];

const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:8080"

[rejected]
dir = "/var/lib/cartgate/rejected"

[admin]
listen = "127.0.0.1:9180"

[inbox]
store = "sqlite:inbox.db"

[secret.shop]
file = "secret.txt"

[[endpoint]]
name = "orders"
path = "/webhooks/orders"
secrets = ["shop"]
durable = true

[[endpoint.destination]]
name = "crm"
url = "http://127.0.0.1:3000/webhooks/orders"
"#;

pub(super) struct Sandbox {
    dir: TempDir,
    substitutions: Vec<(&'static str, String)>,
    gate: Option<Child>,
    _app: App,
    _ports: [Socket; 3],
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let app = App::content();
        let ports = [(); 3].map(|()| reserved());
        let mut sandbox = Self {
            substitutions: substitutions(dir.path(), &app, ports.each_ref().map(port)),
            dir,
            gate: None,
            _app: app,
            _ports: ports,
        };
        sandbox.fill();
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn fill(&mut self) {
        for folder in [
            "bin/.ci",
            ".ci",
            "etc",
            "run",
            "var",
            "examples/nginx",
            "examples/caddy",
            "examples/compose",
        ] {
            fs::create_dir_all(self.path(folder)).expect("a directory");
        }
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(self.path("var"), mode).expect("mode set");
        for name in [
            "secret.txt",
            "shop.secret",
            "admin.token",
            "etc/cartfunnel.secret",
        ] {
            write_secret(&self.path(name), b"a secret of the documents");
        }
        for name in ["cartgate.toml", "etc/cartgate.toml"] {
            fs::write(self.path(name), self.substituted(CONFIG)).expect("written");
        }
        for name in STUBS {
            self.script(&format!("bin/{name}"), "#!/bin/sh\n");
        }
        self.script(".ci/run", "#!/bin/sh\n");
        for name in ["examples/nginx/try.sh", "examples/caddy/try.sh"] {
            self.script(name, "#!/bin/sh\n");
        }
        let program = env!("CARGO_BIN_EXE_cartgate");
        let cartgate = self.substituted(&CARTGATE.replace("PROGRAM", program));
        self.script("bin/cartgate", &cartgate);
        self.script("cartgate-new", &cartgate);
        for (name, list) in IDS {
            let first = r#"sed -n '1s/.*"\(id\|delivery\)":"\([^"]*\)".*/\2/p'"#;
            self.script(
                &format!("bin/{name}"),
                &format!("#!/bin/sh\ncartgate {list} | {first}\n"),
            );
        }
    }

    /// Writes a script with a process of its own. A process that another thread starts meanwhile
    /// would inherit a file that is open here, and the system starts no script that is open for
    /// writing.
    fn script(&self, name: &str, text: &str) {
        let mut writer = Command::new("sh")
            .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
            .arg(self.path(name))
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut input = writer.stdin.take().expect("piped");
        input.write_all(text.as_bytes()).expect("written");
        drop(input);
        assert!(writer.wait().expect("ended").success(), "{name}");
    }

    /// Returns a text with the ports and paths of this sandbox.
    pub(super) fn substituted(&self, text: &str) -> String {
        let replace = |text: String, (old, new): &(&str, String)| text.replace(old, new);
        self.substitutions.iter().fold(text.to_owned(), replace)
    }

    /// Runs commands one after the other in one shell. Returns the exit status and the output of each.
    pub(super) fn run(&self, commands: &[String]) -> Vec<(i32, String)> {
        let mut script = String::from("root=$PWD\n");
        for (number, command) in commands.iter().enumerate() {
            script.push_str(&format!(
                "{{ {command}\n}} >\"$root/output{number}\" 2>&1\n"
            ));
            script.push_str(&format!("echo $? >\"$root/status{number}\"\n"));
        }
        let shell = self.command("sh").args(["-c", &script]).output();
        let shell = shell.expect("a shell");
        let result = |number| {
            let read = |name| fs::read_to_string(self.path(&format!("{name}{number}")));
            let status = read("status").unwrap_or_else(|_| panic!("{script}\n{shell:?}"));
            let output = read("output").expect("text");
            (status.trim().parse().expect("a number"), output)
        };
        (0..commands.len()).map(result).collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("RUNTIME_DIRECTORY", self.path("run"))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `cartgate serve …` in place of the gate that ran before, and waits until it serves.
    pub(super) fn serve(&mut self, command: &str) {
        self.stop();
        let log = fs::File::create(self.path("log")).expect("a file");
        let same = log.try_clone().expect("a file");
        let exec = format!("exec {command}");
        let mut shell = self.command("sh");
        let child = shell.args(["-c", &exec]).stdout(log).stderr(same).spawn();
        let gate = self.gate.insert(child.expect("a shell"));
        let log = self.dir.path().join("log");
        let address = address(command).unwrap_or_else(|| self.substitutions[0].1.clone());
        wait_until("the gate serves", || {
            let ended = gate.try_wait().expect("a child");
            let log = || fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none(), "{command}\n{}", log());
            accepts(&address)
        });
    }

    fn stop(&mut self) {
        if let Some(mut gate) = self.gate.take() {
            // It may have ended before.
            let _ = gate.kill();
            let _ = gate.wait();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns pairs of a text in the documents and its counterpart here. The order matters.
fn substitutions(dir: &Path, app: &App, ports: [u16; 3]) -> Vec<(&'static str, String)> {
    let [gate, tls, admin] = ports;
    let local = |port: u16| format!("127.0.0.1:{port}");
    let inside = |name: &str| dir.join(name).display().to_string();
    let app = app.url.strip_prefix("http://").expect("an app over TCP");
    vec![
        ("127.0.0.1:8080", local(gate)),
        ("127.0.0.1:8443", local(tls)),
        ("localhost:8443", format!("localhost:{tls}")),
        ("127.0.0.1:9180", local(admin)),
        ("127.0.0.1:3000", app.to_owned()),
        ("https://shop.example", format!("http://{}", local(gate))),
        (
            "/var/lib/cartgate/rejected/FILE.http",
            "$(ls var/rejected/*.http | head -n 1)".to_owned(),
        ),
        ("/etc/cartgate", inside("etc")),
        ("/var/lib/cartgate", inside("var")),
        ("/run/cartgate", inside("run")),
        ("/run/app", inside("run")),
        (
            "inbox show   --config cartgate.toml ID",
            "inbox show --config cartgate.toml $(event-id)".to_owned(),
        ),
        (
            "rejected show --config cartgate.toml ID",
            "rejected show --config cartgate.toml $(rejection-id)".to_owned(),
        ),
    ]
}

/// Reserves a port: a listener with `SO_REUSEADDR` can use it, and the system gives it to no other
/// test, because this socket is bound and does not listen.
fn reserved() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("a port");
    socket
}

fn port(socket: &Socket) -> u16 {
    let address = socket.local_addr().expect("an address").as_socket();
    address.expect("an address of IP").port()
}

/// Returns the value of `--listen`.
fn address(command: &str) -> Option<String> {
    let value = command.split_once("--listen ")?.1;
    Some(value.split(' ').next()?.to_owned())
}

fn accepts(address: &str) -> bool {
    match address.strip_prefix("unix:") {
        Some(path) => UnixStream::connect(path).is_ok(),
        None => TcpStream::connect(address).is_ok(),
    }
}
