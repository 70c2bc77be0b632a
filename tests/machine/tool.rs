//! Programs of Debian, run once, or as a server during a test.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
};

use rustix::process::Pid;
use tempfile::TempDir;

/// Folders of servers, which are not in the PATH of every user.
const FOLDERS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Finds a program by its name.
pub(crate) fn tool(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders = path.split(':').chain(FOLDERS.split(':'));
    let found = folders.find_map(|folder| {
        let path = Path::new(folder).join(name);
        path.is_file().then_some(path)
    });
    Command::new(found.unwrap_or_else(|| panic!("{name} is not installed")))
}

/// Returns a file of this project.
pub(crate) fn of_the_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Replaces a part of a text, which must exist.
#[track_caller]
pub(crate) fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "no {old} in {text}");
    text.replace(old, new)
}

/// Runs a command to its end with this input.
pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads it all");
    output
}

/// Sends a request, and returns the beginning of the response with its whole head. Any server may
/// have made it, so it is not held to the rules of the gate.
pub(crate) fn exchange(mut stream: impl Read + Write, request: &[u8]) -> String {
    // A server that has rejected a long body may have closed before it was sent.
    let _ = stream.write_all(request);
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    while !read.contains("\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => read += &String::from_utf8_lossy(&buffer[..length]),
            _ => break,
        }
    }
    read
}

/// Returns the status of a response.
pub(crate) fn status_of(response: &str) -> Option<u16> {
    let rest = response.strip_prefix("HTTP/1.")?;
    rest.get(2..5)?.parse().ok()
}

/// A server in a folder of its own. When it is dropped, the server ends.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    _dir: TempDir,
}

impl Server {
    pub(crate) fn start(command: &mut Command, dir: TempDir) -> Self {
        let log = dir.path().join("log");
        let file = fs::File::create(&log).expect("a file");
        let same = file.try_clone().expect("a file");
        let command = command.current_dir(dir.path()).stdout(file).stderr(same);
        let child = command.spawn().expect("it starts");
        Self {
            child,
            log,
            _dir: dir,
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        Pid::from_raw(pid).expect("a process")
    }

    /// Whether the server still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Returns the output so far.
    pub(crate) fn said(&self) -> String {
        let mut said = Vec::new();
        let mut log = fs::File::open(&self.log).expect("a log");
        log.read_to_end(&mut said).expect("readable");
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Server {
    #[allow(
        clippy::print_stderr,
        reason = "a failing test shows what the server said"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("what the server said: {}", self.said());
        }
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
