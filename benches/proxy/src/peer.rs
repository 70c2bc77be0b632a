//! A proxy under test: a name, a command for a task, and a running process that ends when it is
//! dropped. Each proxy has a file of its own for its configuration.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{accounting, cores::Cores, stop, upstream::Upstream};

/// A proxy that can verify deliveries.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// Returns the first line of its version output.
    fn version(&self) -> io::Result<String>;

    /// Writes its files into the directory of the site.
    ///
    /// # Errors
    ///
    /// Names the reason why it cannot take part.
    fn command(&self, site: &Site<'_>) -> io::Result<Command>;
}

/// The task of one peer in one measurement, with its directory.
pub(crate) struct Site<'a> {
    /// The directory of the peer.
    pub(crate) folder: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) upstream: &'a Upstream,
    pub(crate) task: &'a Task,
}

/// The task of all peers in one measurement.
#[derive(Clone)]
pub(crate) struct Task {
    /// The largest body.
    pub(crate) body: usize,
    /// Whether each request gets a line in a log file.
    pub(crate) logs: bool,
    /// The number of endpoints. Only the last one gets deliveries.
    pub(crate) endpoints: usize,
    /// Whether the gate reaches the app by its Unix socket.
    pub(crate) unix: bool,
    /// Whether the gate enters its sandbox.
    pub(crate) sandbox: bool,
}

impl Task {
    pub(crate) fn of(body: usize) -> Self {
        Self {
            body,
            logs: false,
            endpoints: 1,
            unix: false,
            sandbox: true,
        }
    }
}

/// Finds a program, also in the directories of root.
pub(crate) fn installed(program: &str) -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut places = folders.map(|folder| folder.join(program));
    let found = places.find(|place| place.is_file());
    found.ok_or_else(|| io::Error::other(format!("{program} is not installed")))
}

/// Keeps glibc from mapping and unmapping the buffer of each large body, which would halve the
/// speed of a peer.
pub(crate) fn keep_large_buffers(command: &mut Command) {
    command.env("MALLOC_MMAP_THRESHOLD_", "33554432");
    command.env("MALLOC_TRIM_THRESHOLD_", "536870912");
}

/// Returns the first line that a program prints with these arguments.
pub(crate) fn first_line(program: &Path, question: &str) -> io::Result<String> {
    let output = Command::new(program).arg(question).output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// A running peer.
pub(crate) struct Running {
    /// Its index among the peers of the bench.
    pub(crate) column: usize,
    pub(crate) address: SocketAddr,
    pids: Vec<u32>,
    child: Child,
}

/// The longest start and the longest end, under valgrind on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(10);

impl Running {
    pub(crate) fn start(
        peer: &dyn Peer,
        column: usize,
        task: &Task,
        upstream: &Upstream,
        room: &Path,
        cores: &Cores,
    ) -> io::Result<Self> {
        let site = Site {
            folder: room.join(format!("{column}")),
            listen: free_address()?,
            upstream,
            task,
        };
        // Files of an earlier peer belong to another task.
        let _ = fs::remove_dir_all(&site.folder);
        fs::create_dir(&site.folder)?;
        let command = peer.command(&site)?;
        let output = site.folder.join("output");
        let child = cores.on_the_peers(|| spawn(&command, &output))?;
        let mut running = Self {
            column,
            address: site.listen,
            pids: vec![child.id()],
            child,
        };
        running.wait(&output)?;
        Ok(running)
    }

    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        accounting::cpu(&self.pids)
    }

    pub(crate) fn memory(&self) -> io::Result<u64> {
        accounting::memory(&self.pids)
    }

    /// Counts the workers, which exist once they have responded.
    pub(crate) fn count_all(&mut self) -> io::Result<()> {
        self.pids = accounting::family(self.child.id())?;
        Ok(())
    }

    fn wait(&mut self, output: &Path) -> io::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                let said = fs::read_to_string(output)?;
                let last = said
                    .trim()
                    .lines()
                    .next_back()
                    .unwrap_or("nothing")
                    .to_owned();
                return Err(io::Error::other(format!("it does not start: {last}")));
            }
            stop::rest(TICK)?;
        }
        Ok(())
    }
}

impl Drop for Running {
    /// Terminates it before killing it, because some masters leave their workers behind when they
    /// are killed.
    fn drop(&mut self) {
        let family = accounting::family(self.child.id()).unwrap_or_default();
        signal(self.child.id(), Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            // An interruption does not shorten this wait, which ends the peer in order.
            thread::park_timeout(TICK);
        }
        // The leader is not reaped before it has ended, so the number still belongs to this group.
        if matches!(self.child.try_wait(), Ok(None)) {
            family.iter().for_each(|pid| signal(*pid, Signal::KILL));
            let _ = self.child.wait();
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Puts the process into its own group, so that Ctrl-C reaches only the bench. The kernel ends it
/// if the bench is killed.
fn spawn(command: &Command, output: &Path) -> io::Result<Child> {
    let mut guarded = Command::new("setpriv");
    guarded.args(["--pdeathsig", "TERM", "--"]);
    guarded.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            guarded.env(name, value);
        }
    }
    let output = fs::File::create(output)?;
    guarded
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
}

/// Returns a free port. The kernel could give it to another process before the peer binds it; the
/// start would then fail.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
