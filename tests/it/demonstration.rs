//! The built program as a running demonstration with a console.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::support::wait_until;

/// A running demonstration whose temporary files are in a directory of the test.
pub(crate) struct Demo {
    child: Child,
    input: Option<ChildStdin>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Demo {
    pub(crate) fn start(dir: &Path, input: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
        let command = command.env_clear().env("TMPDIR", dir);
        let command = command.env("XDG_RUNTIME_DIR", dir);
        let command = command.args(["demo", "--console"]).stdin(input);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let seen = Arc::clone(&lines);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                seen.lock().expect("no panic").push(line);
            }
        });
        let input = child.stdin.take();
        Self {
            child,
            input,
            lines,
        }
    }

    /// Waits for a line with this text.
    #[track_caller]
    pub(crate) fn line(&self, part: &str) -> String {
        let mut found = None;
        wait_until(part, || {
            let lines = self.lines.lock().expect("no panic");
            found = lines.iter().find(|line| line.contains(part)).cloned();
            found.is_some()
        });
        found.expect("waited for").trim().to_owned()
    }

    pub(crate) fn press_enter(&mut self) {
        let input = self.input.as_mut().expect("piped");
        input.write_all(b"\n").expect("it reads");
    }

    /// Closes its standard input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Sends a signal, and waits for the end in order.
    pub(crate) fn end_by(mut self, signal: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([signal, &pid]).status();
        assert!(kill.expect("kill runs").success());
        let mut ended = None;
        wait_until("it ends", || {
            ended = self.child.try_wait().expect("a child");
            ended.is_some()
        });
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "{signal}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
