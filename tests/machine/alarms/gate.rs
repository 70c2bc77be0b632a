//! A gate whose wall clock a test moves, and that sends its alarms to a receiver.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    program::Program,
    receiver::Receiver,
    support::{Answer, SECRET, request, sign_with, wait_until},
};

/// The file in the directory of the gate that moves its clock. The sandbox permits reading it there.
const CLOCK: &str = "clock";

const PROGRAM: &str = env!("CARGO_BIN_EXE_cartgate");

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A secret that is older than [`SECRET`].
pub(super) const OLD_SECRET: &[u8] = b"an older planted secret of the tests";

/// The configuration of one direct endpoint with this line, in front of the app at `url`.
pub(super) fn direct(line: &str, url: &str) -> String {
    format!(
        "[secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\n{line}\n\
         [[endpoint.destination]]\nname = \"app\"\nurl = \"{url}\"\n"
    )
}

/// A running gate.
pub(crate) struct AlarmedGate {
    pub(crate) program: Program,
    pub(crate) receiver: Receiver,
    /// The seconds by which its clock is ahead.
    ahead: Cell<u64>,
}

impl AlarmedGate {
    /// Starts a gate with this configuration, which continues the table `[server]`.
    pub(super) fn start(text: &str) -> Self {
        Self::start_whole(&served(text), &[])
    }

    /// Starts a gate with this whole configuration but for its alarms, and with these variables.
    pub(crate) fn start_whole(text: &str, others: &[(&str, &str)]) -> Self {
        let receiver = Receiver::responding("204 x");
        let files: [(&str, &[u8]); 3] = [("secret", SECRET), ("old", OLD_SECRET), (CLOCK, b"+0")];
        let library = library();
        let moved = [
            ("LD_PRELOAD", library.to_str().expect("text")),
            ("FAKETIME_TIMESTAMP_FILE", CLOCK),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let variables = [&moved[..], others].concat();
        let text = with_alarms(text, &receiver);
        let gate = Self {
            program: Program::serve_file_with(&text, &files, &variables),
            receiver,
            ahead: Cell::new(0),
        };
        // Before that, it may not have read its clock yet.
        let id = gate.program.id().to_string();
        wait_until("the gate is ready", || {
            run(Command::new(PROGRAM).args(["healthcheck", "--pid", &id])).0
        });
        gate
    }

    /// Moves the clock of the gate.
    pub(crate) fn jump(&self, by: Duration) {
        self.ahead.set(self.ahead.get() + by.as_secs());
        let new = self.program.file("clock.new");
        fs::write(&new, format!("+{}", self.ahead.get())).expect("written");
        // The gate never reads half of the file.
        fs::rename(&new, self.program.file(CLOCK)).expect("replaced");
    }

    /// Puts another configuration in force.
    pub(super) fn reload(&self, text: &str) {
        self.reload_whole(&served(text));
    }

    /// Puts another whole configuration in force, but for its alarms.
    pub(crate) fn reload_whole(&self, text: &str) {
        let dir = self.dir().display().to_string();
        let text = with_alarms(text, &self.receiver).replace("DIR/", &format!("{dir}/"));
        self.program.write_config(&text);
        self.reload_files();
    }

    /// Tries to put a configuration with a mistake in force.
    pub(super) fn fail_to_reload(&self) {
        self.program.write_config("nonsense");
        self.program.signal("HUP");
    }

    /// Reads the files of the configuration again.
    pub(super) fn reload_files(&self) {
        let in_force = || {
            let lines = self.program.lines();
            let lines = lines.iter();
            lines
                .filter(|line| line.contains("configuration in force"))
                .count()
        };
        let before = in_force();
        self.program.signal("HUP");
        wait_until("it is in force", || in_force() > before);
    }

    /// Sends a genuine delivery. Returns the status of the response.
    pub(super) fn send(&self, body: &str) -> u16 {
        self.send_by(SECRET, body).status
    }

    /// Sends a delivery with the signature of this secret.
    pub(super) fn send_by(&self, secret: &[u8], body: &str) -> Answer {
        let signature = sign_with(secret, body.as_bytes());
        let lines = format!("X-Cartfunnel-Hmac-SHA256: {signature}\r\n");
        let delivery = request("POST /hooks HTTP/1.1", &lines, body.as_bytes());
        self.program.client().ask(delivery)
    }

    /// Runs a command of the program in the directory of the gate, and returns its output.
    pub(super) fn command(&self, args: &[&str]) -> String {
        run(Command::new(PROGRAM).current_dir(self.dir()).args(args)).1
    }

    /// Removes the stored deliveries in this state, and checks that they are this many.
    #[track_caller]
    pub(super) fn purge(&self, state: &str, count: usize) {
        let place = ["inbox", "purge", "--config", "cartgate.toml", "--yes"];
        let said = self.command(&[&place[..], &["--state", state]].concat());
        assert!(
            said.contains(&format!("{count} deliveries purged")),
            "{said}"
        );
    }

    /// Returns the screen of `cartgate status`.
    pub(super) fn status(&self) -> String {
        let socket = format!("unix:{}", self.program.file("admin.sock").display());
        let screen = self.command(&["status", &socket]);
        assert!(screen.contains("configuration in force for"), "{screen}");
        screen
    }

    /// Waits until `cartgate status` does not show this any more.
    #[track_caller]
    pub(super) fn shows_no_more(&self, part: &str) {
        wait_until(part, || !self.status().contains(part));
    }

    /// Checks that the condition with this part in its line does not hold.
    #[track_caller]
    pub(super) fn lacks(&self, part: &str) {
        let screen = self.status();
        assert!(!screen.contains(part), "{part} in {screen}");
    }

    /// Waits for the alarm, whose condition `cartgate status` shows with this part of a line.
    #[track_caller]
    pub(super) fn raised(&self, alarm: &str, part: &str) {
        self.receiver.wait_for(&format!("{alarm} raised"));
        let screen = self.status();
        assert!(screen.contains(part), "no {part} in {screen}");
    }

    /// Waits for the end of the alarm, and checks that `cartgate status` shows the condition no more.
    #[track_caller]
    pub(super) fn recovered(&self, alarm: &str, part: &str) {
        self.receiver.wait_for(&format!("{alarm} recovered"));
        self.lacks(part);
    }

    /// Checks that the receiver has got exactly these alarms, in any order.
    #[track_caller]
    pub(crate) fn sent<const N: usize>(&self, alarms: [&str; N]) {
        let (mut got, mut expected) = (self.receiver.edges(), alarms.map(str::to_owned));
        got.sort();
        expected.sort();
        assert_eq!(got, expected);
    }

    fn dir(&self) -> PathBuf {
        let file = self.program.file(CLOCK);
        file.parent().expect("a directory").to_owned()
    }
}

impl Drop for AlarmedGate {
    fn drop(&mut self) {
        // A killed process leaves them, and a later one with its id would not start.
        let id = self.program.id();
        for name in [
            format!("faketime_shm_{id}"),
            format!("sem.faketime_sem_{id}"),
        ] {
            let _ = fs::remove_file(Path::new("/dev/shm").join(name));
        }
    }
}

/// Runs a command. Returns whether it succeeded, and its output.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.env_clear().output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), said)
}

/// Returns a configuration with its listeners.
fn served(text: &str) -> String {
    format!(
        "[admin]\nlisten = \"unix:DIR/admin.sock\"\n\
         [server]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n{text}"
    )
}

fn with_alarms(text: &str, receiver: &Receiver) -> String {
    let url = &receiver.url;
    format!("[[alarm]]\nname = \"ops\"\nurl = \"{url}\"\ncool_down = \"0s\"\n{text}")
}

/// Finds libfaketime, whose directory has the name of the machine's architecture.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("a directory").flatten();
    let mut files = folders.map(|one| one.path().join("faketime/libfaketimeMT.so.1"));
    let found = files.find(|file| file.is_file());
    found.expect("libfaketime is not installed")
}
