//! The servers. Each has an app in `apps/` that responds with the request as its server reads it,
//! and otherwise the settings of its package.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::{fs::symlink, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::{
    comparison::Repeats,
    delivered::Delivered,
    permitted::{self, Permits},
    servers::port::Port,
    support::{
        wait_until,
        wire::{Wire, patient, patient_unix},
    },
    tool::{Server, of_the_project, tool},
};

/// A running server.
pub(crate) struct WebServer {
    /// The name and the version.
    pub(crate) version: String,
    pub(crate) repeats: Repeats,
    permits: Permits,
    address: Address,
    /// The processes, the first one in front.
    processes: Vec<Server>,
    _sockets: TempDir,
}

enum Address {
    Unix(PathBuf),
    Tcp(Port),
}

impl WebServer {
    /// Starts all servers.
    pub(crate) fn all() -> Vec<Self> {
        let servers = vec![
            node(),
            puma(),
            webrick(),
            gunicorn(),
            uvicorn(),
            php(),
            nginx_and_fpm(),
            tomcat(),
            go(),
        ];
        for server in &servers {
            wait_until(&format!("{} listens", server.version), || {
                server.try_connect().is_ok()
            });
        }
        servers
    }

    /// Starts a server that listens on `socket` in a folder of its own.
    fn on_socket(name: &str, repeats: Repeats, permits: Permits, command: &mut Command) -> Self {
        let sockets = folder();
        let socket = sockets.path().join("socket");
        let server = Server::start(command.env("SOCKET", &socket), folder());
        Self {
            version: name.to_owned(),
            repeats,
            permits,
            address: Address::Unix(socket),
            processes: vec![server],
            _sockets: sockets,
        }
    }

    pub(crate) fn connect(&self) -> ServerStream {
        let stream = self.try_connect();
        stream.unwrap_or_else(|error| panic!("{}: {error}", self.version))
    }

    fn try_connect(&self) -> io::Result<ServerStream> {
        Ok(match &self.address {
            Address::Unix(path) => ServerStream::Unix(patient_unix(UnixStream::connect(path)?)),
            Address::Tcp(port) => {
                let address: SocketAddr = port.address();
                ServerStream::Tcp(patient(TcpStream::connect(address)?))
            }
        })
    }

    /// Returns the reason for which a difference is permitted.
    pub(crate) fn reason(
        &self,
        delivered: &Delivered,
        kind: &str,
        detail: &str,
    ) -> Option<&'static str> {
        (self.permits)(delivered, kind, detail)
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Some have children, which end only with an orderly parent.
            let _ = kill_process(process.pid(), Signal::TERM);
            wait_until("the server ends", || !process.runs());
        }
    }
}

/// A connection to a server.
pub(crate) enum ServerStream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl ServerStream {
    /// Sets whether a read waits for bytes.
    pub(crate) fn set_waiting(&self, waits: bool) {
        let set = match self {
            Self::Unix(stream) => stream.set_nonblocking(!waits),
            Self::Tcp(stream) => stream.set_nonblocking(!waits),
        };
        set.expect("a mode");
    }
}

impl Read for ServerStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for ServerStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire for ServerStream {
    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn app(name: &str) -> PathBuf {
    of_the_project("tests/parsers/apps").join(name)
}

/// Returns a name with the first version number that a command prints.
fn version(name: &str, command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut words = text.split(|c| !is_part(c));
    let number =
        words.find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
    format!(
        "{name} {}",
        number.unwrap_or_else(|| panic!("{name}: {text}"))
    )
}

fn node() -> WebServer {
    let name = version("Node", tool("node").arg("--version"));
    let mut command = tool("node");
    WebServer::on_socket(
        &name,
        Repeats::Separate,
        permitted::none,
        command.arg(app("node.mjs")),
    )
}

fn puma() -> WebServer {
    let name = version("Puma", tool("puma").arg("--version"));
    let mut command = tool("puma");
    let command = command.arg("--config").arg(app("puma.rb"));
    WebServer::on_socket(&name, Repeats::Joined(", "), permitted::by_puma, command)
}

fn webrick() -> WebServer {
    let print = "puts WEBrick::VERSION";
    let name = version("WEBrick", tool("ruby").args(["-rwebrick", "-e", print]));
    let mut command = tool("ruby");
    WebServer::on_socket(
        &name,
        Repeats::Separate,
        permitted::by_webrick,
        command.arg(app("webrick.rb")),
    )
}

fn gunicorn() -> WebServer {
    let name = version("gunicorn", tool("gunicorn").arg("--version"));
    let sockets = folder();
    let socket = sockets.path().join("socket");
    let mut command = tool("gunicorn");
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(format!("--bind=unix:{}", socket.display()))
        .args(["--worker-class=gthread", "--threads=8", "--keep-alive=60"])
        .arg("--chdir")
        .arg(app(""))
        .arg("echo:wsgi");
    on(
        name,
        Repeats::Joined(","),
        permitted::by_gunicorn,
        socket,
        command,
        sockets,
    )
}

fn uvicorn() -> WebServer {
    let name = version("uvicorn", tool("uvicorn").arg("--version"));
    let sockets = folder();
    let socket = sockets.path().join("socket");
    let mut command = tool("uvicorn");
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--uds")
        .arg(&socket)
        .args([
            "--timeout-keep-alive=60",
            "--log-level=critical",
            "--app-dir",
        ])
        .arg(app(""))
        .arg("echo:asgi");
    on(
        name,
        Repeats::Separate,
        permitted::by_uvicorn,
        socket,
        command,
        sockets,
    )
}

/// Returns a server on a socket that its command names.
fn on(
    version: String,
    repeats: Repeats,
    permits: Permits,
    socket: PathBuf,
    mut command: Command,
    sockets: TempDir,
) -> WebServer {
    WebServer {
        version,
        repeats,
        permits,
        address: Address::Unix(socket),
        processes: vec![Server::start(&mut command, folder())],
        _sockets: sockets,
    }
}

/// Lets an app read the body of a form. Otherwise PHP parses it, and an app cannot verify it.
const PHP_SETTING: &str = "enable_post_data_reading=0";

/// PHP's own server, which closes each connection after its response.
fn php() -> WebServer {
    let port = Port::reserve();
    let mut command = tool("php");
    command
        .args(["-d", PHP_SETTING, "-S", &port.address().to_string()])
        .arg(app("echo.php"));
    WebServer {
        version: version("PHP, own server", tool("php").arg("--version")),
        repeats: Repeats::Joined(", "),
        permits: permitted::by_php,
        address: Address::Tcp(port),
        processes: vec![Server::start(&mut command, folder())],
        _sockets: folder(),
    }
}

fn nginx_and_fpm() -> WebServer {
    let name = version("nginx", tool("nginx").arg("-v"));
    let fpm = fpm_program();
    let name = version(&format!("{name}, PHP-FPM"), Command::new(&fpm).arg("-v"));
    let sockets = folder();
    let (socket, inner) = (sockets.path().join("socket"), sockets.path().join("fpm"));
    let file = |name: &str, text: String| {
        let path = sockets.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let pool = format!(
        "[global]\nerror_log = /dev/stderr\n[www]\nuser = root\nlisten = {}\npm = static\n\
         pm.max_children = 8\n",
        inner.display()
    );
    let pool = file("fpm.conf", pool);
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {kind}; "))
        .concat();
    let main = format!(
        "daemon off; master_process off; pid pid; error_log stderr crit; events {{}}\n\
         http {{ access_log off; {temp}\n\
         server {{ listen unix:{}; location / {{ include /etc/nginx/fastcgi_params;\n\
         fastcgi_param SCRIPT_FILENAME {}; fastcgi_pass unix:{}; }} }} }}\n",
        socket.display(),
        app("echo.php").display(),
        inner.display()
    );
    let main = file("nginx.conf", main);
    let mut php = Command::new(fpm);
    // With the user of the test, also if it is root.
    php.args(["-R", "-F", "-d", PHP_SETTING, "-y"]).arg(pool);
    let php = Server::start(&mut php, folder());
    wait_until("PHP-FPM listens", || UnixStream::connect(&inner).is_ok());
    let work = folder();
    let mut nginx = tool("nginx");
    nginx
        .arg("-p")
        .arg(work.path())
        .args(["-e", "stderr", "-c"])
        .arg(main);
    WebServer {
        version: name,
        repeats: Repeats::Last,
        permits: permitted::by_nginx,
        address: Address::Unix(socket),
        processes: vec![Server::start(&mut nginx, work), php],
        _sockets: sockets,
    }
}

/// Finds PHP-FPM, whose name contains its version.
fn fpm_program() -> PathBuf {
    let entries = fs::read_dir("/usr/sbin").expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_fpm = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("php-fpm")
    };
    let found = paths.into_iter().filter(is_fpm).max();
    found.expect("PHP-FPM is not installed")
}

fn tomcat() -> WebServer {
    const HOME: &str = "/usr/share/tomcat10";
    let jars = |names: [&str; 2]| names.map(|name| format!("{HOME}/{name}")).join(":");
    let server_info = "org.apache.catalina.util.ServerInfo";
    let class_path = jars(["lib/catalina.jar", "lib/tomcat-util.jar"]);
    let name = version(
        "Tomcat",
        tool("java").args(["-cp", &class_path, server_info]),
    );
    let sockets = folder();
    let socket = sockets.path().join("socket");
    let base = folder();
    for name in ["conf", "lib", "webapps", "temp"] {
        fs::create_dir(base.path().join(name)).expect("a directory");
    }
    let configuration = base.path().join("conf/server.xml");
    fs::copy(app("tomcat/conf/server.xml"), configuration).expect("copied");
    // Debian's package has the compiler of pages elsewhere.
    let compiler = base.path().join("lib/compiler.jar");
    symlink("/usr/share/java/eclipse-jdt-core.jar", compiler).expect("a link");
    let property = |name: &str, path: &Path| format!("-D{name}={}", path.display());
    let mut command = tool("java");
    command
        .args(["-cp", &jars(["bin/bootstrap.jar", "bin/tomcat-juli.jar"])])
        .arg(property("catalina.home", Path::new(HOME)))
        .arg(property("catalina.base", base.path()))
        .arg(property("java.io.tmpdir", &base.path().join("temp")))
        .arg(property("socket", &socket))
        .arg(property("app", &app("tomcat/app")))
        .args(["org.apache.catalina.startup.Bootstrap", "start"]);
    WebServer {
        version: name,
        repeats: Repeats::Separate,
        permits: permitted::by_tomcat,
        address: Address::Unix(socket),
        processes: vec![Server::start(&mut command, base)],
        _sockets: sockets,
    }
}

fn go() -> WebServer {
    let name = version("Go", tool("go").arg("version"));
    let build = folder();
    let program = build.path().join("echo");
    let built = tool("go")
        .env("GOCACHE", build.path().join("cache"))
        .env("GO111MODULE", "off")
        .args(["build", "-o"])
        .arg(&program)
        .arg(app("echo.go"))
        .status();
    assert!(built.expect("it starts").success(), "go build");
    let sockets = folder();
    let socket = sockets.path().join("socket");
    let mut command = Command::new(program);
    command.env("SOCKET", &socket);
    WebServer {
        version: name,
        repeats: Repeats::Separate,
        permits: permitted::by_go,
        address: Address::Unix(socket),
        processes: vec![Server::start(&mut command, build)],
        _sockets: sockets,
    }
}
