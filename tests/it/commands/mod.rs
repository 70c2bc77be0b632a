//! The built binary as a user runs it: its output and its exit statuses.

mod demo_console;
mod forging;
mod init;
mod manners;
mod mistakes;
mod sending;
mod server;
mod signing;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tower_cartgate::{Secret, Signer};

const SECRET: &str = "planted-secret-of-the-command-tests";

/// A directory with a secret file, and the program.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
        };
        bench.file("secret", format!("{SECRET}\n"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file that only its owner can read.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode set");
        path
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
        command.env_clear().current_dir(self.dir.path()).args(args);
        command
    }

    fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        self.run_with(args, b"", &[])
    }

    fn run_with<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        stdin: &[u8],
        variables: &[(&str, &str)],
    ) -> Ran {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A command that does not read its input closes it, which is no fault.
        drop(child.stdin.take().expect("piped").write_all(stdin));
        Ran::of(child.wait_with_output().expect("the program ends"))
    }
}

/// The result of a run, which must never contain the secret.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let ran = Self {
            status: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(
            !ran.stdout.contains(SECRET),
            "the secret on stdout: {}",
            ran.stdout
        );
        assert!(
            !ran.stderr.contains(SECRET),
            "the secret on stderr: {}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    #[track_caller]
    fn ends(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }
}

fn signature(body: &[u8]) -> String {
    Signer::new(&Secret::new(SECRET.as_bytes()).expect("a secret"))
        .sign(body)
        .to_string()
}
