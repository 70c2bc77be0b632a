//! A temporary PostgreSQL in its own directory, with its default durability. The tests query it
//! only with `psql`, so that they share no client with the gate.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{port::Port, wait::wait_until};

/// The directory of Debian's programs, by version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The superuser, and its password over TCP. The socket requires none.
const USER: &str = "postgres";
pub(crate) const PASSWORD: &str = "planted-password-of-a-test";

/// The database that exists from the start.
pub(crate) const DATABASE: &str = "postgres";

/// Access over TCP only under TLS and with the password.
const ACCESS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// A running server. When it is dropped, it is killed and leaves no files, however the test ended.
pub(crate) struct Postgres {
    programs: PathBuf,
    owner: Option<Owner>,
    dir: TempDir,
    /// The port for TCP as well.
    port: Option<Port>,
    server: Option<Child>,
}

/// The user of the server if the test runs as root, which PostgreSQL rejects.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Starts a server on a Unix socket.
    pub(crate) fn start() -> Self {
        Self::make(None)
    }

    /// Starts a server that also listens on a TCP port, under TLS.
    pub(crate) fn start_with_tls() -> Self {
        Self::make(Some(Port::reserve()))
    }

    /// Returns one server for all tests that run at the same time and use their own databases.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        // A failed start poisons the lock, which then holds no server.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    /// Creates an empty database; returns its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql(&format!("CREATE DATABASE \"{name}\""));
        self.url(name)
    }

    /// Returns the URL of a database by the socket.
    pub(crate) fn url(&self, database: &str) -> String {
        let dir = self.dir.path().display();
        let port = self
            .port
            .as_ref()
            .map_or(5432, |port| port.address().port());
        format!("postgresql:///{database}?host={dir}&port={port}&user={USER}")
    }

    /// Returns the TCP address, for a certificate that names `localhost`.
    #[track_caller]
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.as_ref().expect("started with TLS").address()
    }

    /// Returns the URL of a database by TCP and TLS at `address`, which is its own or leads there.
    /// The password is [`PASSWORD`].
    pub(crate) fn url_at(&self, address: SocketAddr, database: &str) -> String {
        let port = address.port();
        format!("postgresql://{USER}@localhost:{port}/{database}?sslmode=require")
    }

    /// Returns the authority of its certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.file("authority.pem")
    }

    /// Returns the result of the statements, one line per row, without decoration.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) -> String {
        Self::ask(&self.url(DATABASE), statements)
            .unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// The same for the database at `url`; returns an error in the words of psql.
    pub(crate) fn ask(url: &str, statements: &str) -> Result<String, String> {
        let plain = ["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1"];
        let mut psql = Command::new(programs().join("psql"));
        let psql = psql.args(plain).args(["-c", statements, url]);
        let psql = psql.env("PGPASSWORD", PASSWORD);
        let output = psql.stdin(Stdio::null()).output().expect("psql runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let rows = String::from_utf8(output.stdout).expect("psql prints UTF-8");
        Ok(rows.trim_end().to_owned())
    }

    /// Stops it without a checkpoint ("immediate"), like a machine that goes down, and starts it
    /// again.
    pub(crate) fn restart(&mut self) {
        if let Some(mut server) = self.server.take() {
            let told = kill_process(Pid::from_child(&server), Signal::QUIT);
            told.expect("it runs");
            server.wait().expect("a child");
        }
        self.resume();
    }

    /// Kills it and each process that serves a client with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let own = Pid::from_child(&server);
        // A stopped process starts none that the list would miss. It may have ended before.
        let _ = kill_process(own, Signal::STOP);
        wait_until("the server stops", || {
            process(own).is_none_or(|(state, _)| state != 'R' && state != 'S' && state != 'D')
        });
        let children = children(own);
        for child in &children {
            let _ = kill_process(*child, Signal::KILL);
        }
        let _ = server.kill();
        let _ = server.wait();
        // A process that survives would keep the new server from the directory; one that only waits
        // for its parent would not.
        let gone = |child: &Pid| process(*child).is_none_or(|(state, _)| state == 'Z');
        wait_until("its processes end", || children.iter().all(gone));
    }

    /// Starts it at the same place after [`Self::kill`]; it recovers its committed data.
    pub(crate) fn resume(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let log = self.file("log");
        let log = File::options().create(true).append(true).open(log);
        let log = log.expect("a file");
        let mut server = self.own("postgres");
        server
            .arg("-D")
            .arg(self.file("data"))
            .arg("-k")
            .arg(self.dir.path())
            .args(["-p", "5432", "-c", "listen_addresses="])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        if let Some(port) = &self.port {
            let number = port.address().port().to_string();
            server.args(["-c", "listen_addresses=127.0.0.1", "-p", &number]);
            for (name, file) in [("cert", "server.pem"), ("key", "server.key")] {
                let file = self.file(file);
                let file = format!("ssl_{name}_file={}", file.display());
                server.args(["-c", "ssl=on", "-c", &file]);
            }
        }
        self.server = Some(server.spawn().expect("it starts"));
        wait_until("PostgreSQL is ready", || self.is_ready());
    }

    fn make(port: Option<Port>) -> Self {
        let owner = rustix::process::geteuid().is_root().then(Owner::find);
        let mut made = Self {
            programs: programs(),
            owner,
            dir: tempfile::tempdir().expect("a directory"),
            port,
            server: None,
        };
        made.give(made.dir.path());
        made.initialise();
        made.resume();
        made
    }

    fn initialise(&self) {
        let password = self.file("password");
        fs::write(&password, PASSWORD).expect("written");
        self.give(&password);
        let mut initdb = self.own("initdb");
        // Without the sync, a power failure of the test machine loses the new directory.
        initdb
            .args(["--no-sync", "--encoding=UTF8", "--no-locale", "-U", USER])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("-D")
            .arg(self.file("data"));
        let output = initdb.output().expect("initdb runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb: {errors}");
        fs::write(self.file("data/pg_hba.conf"), ACCESS).expect("written");
        if self.port.is_some() {
            self.certify().expect("a certificate");
        }
    }

    /// Creates a certificate for `localhost` by its own authority.
    fn certify(&self) -> Result<(), rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // With the name of the certificate that it signs, OpenSSL would look for the authority
        // there.
        let name = "authority of a test";
        params.distinguished_name.push(DnType::CommonName, name);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
        fs::write(self.authority(), authority.pem()).expect("written");
        fs::write(self.file("server.pem"), certificate.pem()).expect("written");
        let file = self.file("server.key");
        fs::write(&file, key.serialize_pem()).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("mode set");
        self.give(&file);
        Ok(())
    }

    /// Returns a program of PostgreSQL that runs as its user.
    fn own(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.dir.path()).env("LC_ALL", "C");
        if let Some(Owner { user, group }) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some(Owner { user, group }) = self.owner {
            chown(path, Some(user), Some(group)).expect("root gives it away");
        }
    }

    fn is_ready(&mut self) -> bool {
        let server = self.server.as_mut().expect("it was started");
        let ended = server.try_wait().expect("a child");
        let said = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        assert!(ended.is_none(), "PostgreSQL ended: {}", said());
        let mut ask = Command::new(self.programs.join("pg_isready"));
        let ask = ask.arg("-q").args(["-d", &self.url(DATABASE)]);
        ask.status().expect("pg_isready runs").success()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Owner {
    /// Returns Debian's `postgres`, or `nobody`, which every system has.
    fn find() -> Self {
        let users = fs::read_to_string("/etc/passwd").expect("a list of users");
        let find = |name: &str| {
            let mut lines = users
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>());
            let line = lines.find(|fields| fields[0] == name)?;
            Some(Self {
                user: line.get(2)?.parse().ok()?,
                group: line.get(3)?.parse().ok()?,
            })
        };
        find(USER).or_else(|| find("nobody")).expect("a user")
    }
}

/// Returns the directory of the newest version's programs. Only some of them are in PATH.
fn programs() -> PathBuf {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let debian = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    let has_all = |folder: &Path| folder.join("initdb").is_file();
    let newest = debian.filter(|(_, folder)| has_all(folder)).max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest
        .map(|(_, folder)| folder)
        .or_else(|| std::env::split_paths(&path).find(|folder| has_all(folder)))
        .expect("PostgreSQL is not installed; make test installs it")
}

/// Returns the state of a process and its parent; none if it has ended.
fn process(pid: Pid) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_name, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

fn children(parent: Pid) -> Vec<Pid> {
    let all = fs::read_dir("/proc")
        .expect("a list of processes")
        .flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = numbers.filter_map(Pid::from_raw);
    let own = |pid: &Pid| process(*pid).is_some_and(|(_, of)| of == parent.as_raw_nonzero().get());
    pids.filter(own).collect()
}
