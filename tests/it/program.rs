//! The built program as a child process: its signals, its log, its memory, its end.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tempfile::TempDir;

use crate::support::{App, Client, SECRET, wait_until};

/// The name of the configuration file.
const FILE: &str = "cartgate.toml";

/// A running `cartgate serve`.
pub(crate) struct Program {
    child: Child,
    dir: TempDir,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    /// Another directory that the program needs.
    held: Option<TempDir>,
    /// The address, once the program serves.
    address: Option<SocketAddr>,
}

impl Program {
    /// Starts a gate in front of `app` with these arguments.
    pub(crate) fn serve(app: &App, args: &[&str]) -> Self {
        Self::serve_with(app, args, &[])
    }

    /// Starts a gate in front of `upstream`.
    pub(crate) fn serve_at(upstream: &str, args: &[&str]) -> Self {
        Self::serve_at_with(upstream, args, &[])
    }

    /// Starts a gate in front of `upstream` with environment variables.
    pub(crate) fn serve_at_with(upstream: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start(binary(), upstream, args, variables)
    }

    /// Starts a gate in front of `app` with environment variables.
    pub(crate) fn serve_with(app: &App, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start(binary(), &app.url, args, variables)
    }

    /// Starts a gate with these variables and arguments.
    pub(crate) fn serve_by_variables(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut command = binary();
        command
            .env_clear()
            .envs(variables.iter().copied())
            .arg("serve")
            .args(args)
            .stdin(Stdio::null());
        Self::spawn(command, dir).serving()
    }

    /// Starts a gate with this limit of open files.
    pub(crate) fn serve_with_files(app: &App, files: usize, args: &[&str]) -> Self {
        let mut shell = Command::new("/bin/sh");
        let limited = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limited]);
        Self::serve_by(shell, &app.url, args)
    }

    /// Starts a gate with this configuration file and these other files in its directory.
    pub(crate) fn serve_file(text: &str, others: &[(&str, &[u8])]) -> Self {
        Self::serve_file_with(text, others, &[])
    }

    /// The same with environment variables. `DIR/` in the text is the working directory.
    pub(crate) fn serve_file_with(
        text: &str,
        others: &[(&str, &[u8])],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_file(text, others, variables).serving()
    }

    /// The same, without waiting until the gate serves.
    pub(crate) fn start_file(
        text: &str,
        others: &[(&str, &[u8])],
        variables: &[(&str, &str)],
    ) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, content) in others {
            write_secret(&dir.path().join(name), content);
        }
        let text = text.replace("DIR/", &format!("{}/", dir.path().display()));
        std::fs::write(dir.path().join(FILE), text).expect("written");
        let mut command = binary();
        command
            .env_clear()
            .envs(variables.iter().copied())
            .args(["serve", "--config", FILE])
            .stdin(Stdio::null());
        Self::spawn(command, dir)
    }

    /// Starts a gate without arguments in a directory with these files.
    pub(crate) fn serve_found(others: &[(&str, &[u8])], variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, content) in others {
            write_secret(&dir.path().join(name), content);
        }
        Self::serve_in(dir, variables)
    }

    /// Starts a gate without arguments in this directory.
    pub(crate) fn serve_in(dir: TempDir, variables: &[(&str, &str)]) -> Self {
        let mut command = binary();
        command
            .env_clear()
            .envs(variables.iter().copied())
            .arg("serve")
            .stdin(Stdio::null());
        Self::spawn(command, dir).serving()
    }

    /// Keeps a directory as long as the program.
    pub(crate) fn holding(mut self, dir: TempDir) -> Self {
        self.held = Some(dir);
        self
    }

    /// Returns the path of a file in the kept directory.
    pub(crate) fn held(&self, name: &str) -> PathBuf {
        self.held.as_ref().expect("it holds one").path().join(name)
    }

    /// Returns whether SIGHUP has a handler.
    pub(crate) fn handles_hangups(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let caught = status.ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            u64::from_str_radix(line?.trim(), 16).ok()
        });
        caught.is_some_and(|mask| mask & 1 == 1)
    }

    /// Waits until the gate serves.
    fn serving(mut self) -> Self {
        self.address = Some(listening(&self.log));
        self
    }

    /// Starts a gate with a socket from systemd under this name.
    pub(crate) fn serve_inheriting(app: &App, socket: OwnedFd, name: &str, args: &[&str]) -> Self {
        Self::start_with(inheriting(name), socket.into(), &app.url, args, &[])
    }

    /// Starts a gate by a command that gets the program's path and its arguments.
    pub(crate) fn serve_by(mut command: Command, upstream: &str, args: &[&str]) -> Self {
        command.arg(env!("CARGO_BIN_EXE_cartgate"));
        Self::start(command, upstream, args, &[])
    }

    fn start(command: Command, upstream: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_with(command, Stdio::null(), upstream, args, variables)
    }

    fn start_with(
        mut command: Command,
        stdin: Stdio,
        upstream: &str,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        write_secret(&dir.path().join("secret"), SECRET);
        command
            .env_clear()
            .envs(variables.iter().copied())
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "2"])
            .args(["--upstream", upstream, "--secret-file", "current=secret"])
            .args(args)
            .stdin(stdin);
        Self::spawn(command, dir).serving()
    }

    fn spawn(mut command: Command, dir: TempDir) -> Self {
        let mut child = command
            .current_dir(dir.path())
            .env("RUNTIME_DIRECTORY", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::default();
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &log),
            collect(child.stderr.take().expect("piped"), &log),
        ];
        Self {
            child,
            dir,
            log,
            readers,
            held: None,
            address: None,
        }
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> Client {
        Client::tcp(self.address())
    }

    /// Returns the address of its admin listener, which must be on TCP.
    pub(crate) fn admin(&self) -> SocketAddr {
        let line = self.line(&["admin listener ready"]);
        let (_, address) = line.split_once("listen=").expect("an address");
        let end = address.find(' ').unwrap_or(address.len());
        address[..end].trim().parse().expect("an address")
    }

    /// Returns the token that it has left for commands.
    pub(crate) fn token(&self) -> String {
        let name = format!("admin-{}.token", self.admin());
        std::fs::read_to_string(self.file(&name)).expect("a token file")
    }

    /// Returns the address that the gate listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it serves")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces the configuration file.
    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(self.file(FILE), text).expect("written");
    }

    /// Writes the secret file.
    pub(crate) fn write_secret(&self, secret: &[u8]) {
        write_secret(&self.file("secret"), secret);
    }

    pub(crate) fn signal(&self, signal: &str) {
        let kill = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
    }

    /// Returns all lines of both outputs so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.lock().expect("no panic").clone()
    }

    /// Waits for a line that contains all of `parts`.
    #[track_caller]
    pub(crate) fn line(&self, parts: &[&str]) -> String {
        let mut found = None;
        let holds = |line: &String| parts.iter().all(|part| line.contains(part));
        wait_until(&format!("a line with {parts:?}"), || {
            found = self.lines().into_iter().find(holds);
            found.is_some()
        });
        found.expect("waited for")
    }

    /// Returns the peak of the resident memory in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a peak");
        let kib = line.split_ascii_whitespace().nth(1).expect("a number");
        kib.parse::<u64>().expect("a number") * 1024
    }

    /// Sets a resource limit. Returns the previous one.
    pub(crate) fn limit(&self, resource: Resource, most: Option<u64>) -> Rlimit {
        let child = i32::try_from(self.child.id()).expect("a process id");
        let child = Pid::from_raw(child);
        // A child has the limit of its parent.
        let maximum = getrlimit(resource).maximum;
        let limit = Rlimit {
            current: most,
            maximum,
        };
        prlimit(child, resource, limit).expect("a lower or an earlier limit may be set")
    }

    /// Suspends the process, so that connections wait in the queue of its socket.
    pub(crate) fn suspend(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.child.id());
        wait_until("it has stopped", || {
            let stat = std::fs::read_to_string(&stat).expect("it runs");
            stat.rsplit(") ").next().expect("a state").starts_with('T')
        });
    }

    /// Returns the number of connections in the queue of the kernel.
    pub(crate) fn queued(&self) -> usize {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("a table");
        let own = format!(":{:04X}", self.address().port());
        let queue = table.lines().find_map(|line| {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            let listens = words[1].ends_with(&own) && words[3] == "0A";
            listens.then(|| words[4].split_once(':').map(|(_, queue)| queue))?
        });
        usize::from_str_radix(queue.expect("it listens"), 16).expect("a number")
    }

    /// Returns whether the program still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits for the end; returns the exit status and all lines.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>) {
        wait_until("the program ends", || !self.runs());
        let status = self.child.wait().expect("a child");
        for reader in self.readers.drain(..) {
            reader.join().expect("no panic");
        }
        (status, self.lines())
    }
}

impl Drop for Program {
    #[allow(
        clippy::print_stderr,
        reason = "a failing test shows what the program said"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("what the program said: {:#?}", self.lines());
        }
        // The program may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cartgate"))
}

/// Returns the program with its standard input as the first socket from systemd.
pub(crate) fn inheriting(name: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    let handed = format!(
        "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={name} exec \"$0\" \"$@\" 3<&0 </dev/null"
    );
    shell.args(["-c", &handed, env!("CARGO_BIN_EXE_cartgate")]);
    shell
}

/// Writes a file that only its owner can read.
pub(crate) fn write_secret(path: &Path, secret: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, secret).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("mode set");
}

fn collect(from: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.lock().expect("no panic").push(line);
        }
    })
}

/// Returns the address in the log line of the start.
fn listening(log: &Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let mut address = None;
    wait_until("the program's start", || {
        let lines = log.lock().expect("no panic");
        address = lines.iter().find_map(|line| {
            let after = &line[line
                .find("127.0.0.")
                .filter(|_| line.contains("protecting"))?..];
            let digits = |c: char| c.is_ascii_digit() || c == '.' || c == ':';
            after[..after.find(|c| !digits(c))?].parse().ok()
        });
        address.is_some()
    });
    address.expect("waited for")
}
