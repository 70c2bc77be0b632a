//! The output of the log: a standard error that does not block, and one that journald reads.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    os::{
        fd::OwnedFd,
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
    process::{Child, Command, Stdio},
};

use crate::support::{App, BODY, Client, SECRET, genuine, wait_until};

/// A gate with this standard error. It ends with the test.
struct Gate(Child);

impl Gate {
    fn start(app: &App, stderr: OwnedFd, variables: &[(&str, &str)]) -> Self {
        let secret = std::str::from_utf8(SECRET).expect("text");
        let child = Command::new(env!("CARGO_BIN_EXE_cartgate"))
            .env_clear()
            .env("CARTGATE_SECRET", secret)
            .envs(variables.iter().copied())
            .args(["serve", "--listen", "127.0.0.1:0", "--upstream", &app.url])
            .stderr(stderr)
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("it starts"))
    }

    fn terminate(&mut self) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
        assert!(self.0.wait().expect("a child").success());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listen=")?;
    rest.split(' ').next()?.parse().ok()
}

#[test]
fn a_standard_error_that_does_not_block_loses_no_line() {
    let app = App::content();
    let (ours, theirs) = UnixStream::pair().expect("two sockets");
    // As another process at the same terminal or pipe does.
    theirs.set_nonblocking(true).expect("set");
    let mut gate = Gate::start(&app, theirs.into(), &[]);
    let mut lines = BufReader::new(ours);
    let mut first = String::new();
    lines.read_line(&mut first).expect("a line");
    let mut client = Client::tcp(address(&first).expect("an address"));
    // Far more than a socket can buffer, while nothing reads.
    let sent = 3_000;
    for _ in 0..sent {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
    }
    drop(client);
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        lines.read_to_string(&mut rest).expect("text");
        rest
    });
    gate.terminate();
    let rest = reader.join().expect("no panic");
    let written = rest
        .lines()
        .filter(|line| line.contains("verdict=verified"));
    assert_eq!(written.count(), sent);
    assert!(!rest.contains("log lines dropped"), "{rest}");
}

#[test]
fn only_journald_gets_priorities() {
    let app = App::content();
    for (inode, first) in [(0, "<6>timestamp="), (1, "timestamp=")] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("stderr");
        let file = File::create(&path).expect("a file");
        let own = file.metadata().expect("metadata");
        let stream = format!("{}:{}", own.dev(), own.ino() + inode);
        let _gate = Gate::start(&app, file.into(), &[("JOURNAL_STREAM", &stream)]);
        let mut text = String::new();
        wait_until("two lines", || {
            text = std::fs::read_to_string(&path).expect("text");
            text.lines()
                .filter(|line| line.contains("captured delivery"))
                .count()
                == 1
        });
        let mut lines = text.lines();
        assert!(
            lines.all(|line| line.starts_with(first) || line.starts_with("<4>")),
            "{text}"
        );
        let warning = text.lines().find(|line| line.contains("captured delivery"));
        let is_marked = warning.is_some_and(|line| line.starts_with("<4>"));
        assert_eq!(is_marked, inode == 0, "{text}");
    }
}
