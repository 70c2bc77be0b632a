//! The gate as a child process, with two secrets.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::forgery::SECRETS;

/// The timeout of the start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running gate, which ends when it is dropped.
pub struct Gate {
    child: Child,
    pub address: SocketAddr,
    _dir: TempDir,
}

impl Gate {
    pub fn start(program: &str) -> Self {
        let program = fs::canonicalize(program).expect("a built gate");
        let dir = tempfile::tempdir().expect("a directory");
        for (name, secret) in ["first", "second"].into_iter().zip(SECRETS) {
            write_secret(&dir.path().join(name), secret);
        }
        let log = dir.path().join("log");
        let file = fs::File::create(&log).expect("a file");
        let child = Command::new(program)
            .env_clear()
            .current_dir(dir.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--upstream"])
            .arg(format!("unix:{}", dir.path().join("app").display()))
            .args([
                "--secret-file",
                "first=first",
                "--secret-file",
                "second=second",
            ])
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file"))
            .stderr(file)
            .spawn()
            .expect("it starts");
        let address = address(&log);
        Self {
            child,
            address,
            _dir: dir,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_secret(path: &Path, secret: &str) {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.expect("a file").write_all(secret.as_bytes());
    written.expect("written");
}

/// Waits for the log line of the start, and returns the address in it.
#[expect(
    clippy::disallowed_methods,
    reason = "the only thread waits for a line in a file"
)]
fn address(log: &Path) -> SocketAddr {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(log).expect("a log");
        let line = text.lines().find(|line| line.contains("protecting"));
        let address = line.and_then(|line| {
            let rest = &line[line.find("127.0.0.1:")?..];
            let digits = |c: char| c.is_ascii_digit() || c == '.' || c == ':';
            rest[..rest.find(|c| !digits(c))?].parse().ok()
        });
        if let Some(address) = address {
            return address;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not start: {text}");
        thread::sleep(Duration::from_millis(5));
    }
}
