//! `cartgate init`: its questions on a terminal, its flags without one, and its files.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};
use tempfile::TempDir;

use crate::{
    program::{Program, write_secret},
    support::{App, SECRET, genuine, wait_until},
};

const SECRET_QUESTION: &str = "not shown";
const LISTEN_QUESTION: &str = "Address of the gate";

fn secret() -> &'static str {
    std::str::from_utf8(SECRET).expect("text")
}

/// A person at a terminal, on which `cartgate init` runs.
struct Person {
    keys: File,
    terminal: OwnedFd,
    child: Child,
    seen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Person {
    fn at(dir: &Path, args: &[&str]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keys).expect("granted");
        unlockpt(&keys).expect("unlocked");
        let name = ptsname(&keys, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let terminal = rustix::fs::open(&name, flags, rustix::fs::Mode::empty());
        let terminal = terminal.expect("the other end");
        let stdio = || Stdio::from(terminal.try_clone().expect("a copy"));
        // Ctrl-C sends a signal only to the processes of a controlling terminal. Tests that run in
        // the background may have inherited that it is ignored.
        let child = Command::new("setsid")
            .args(["--ctty", "env", "--default-signal=INT"])
            .args([env!("CARGO_BIN_EXE_cartgate"), "init"])
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(dir)
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .expect("setsid of util-linux");
        let keys = File::from(keys);
        let mut screen = keys.try_clone().expect("a copy");
        let seen = Arc::<Mutex<String>>::default();
        let shown = Arc::clone(&seen);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..read]);
                shown.lock().expect("no panic").push_str(&text);
            }
        });
        Self {
            keys,
            terminal,
            child,
            seen,
            reader,
        }
    }

    fn seen(&self) -> String {
        self.seen.lock().expect("no panic").clone()
    }

    /// Waits for a question, and types the answer.
    fn answers(&self, question: &str, keys: &str) {
        let asked = || {
            self.seen()
                .rsplit('\n')
                .next()
                .is_some_and(|line| line.contains(question))
        };
        wait_until(question, asked);
        let lines = || self.seen().matches('\n').count();
        let before = lines();
        if question == SECRET_QUESTION {
            // A key that comes before would be shown.
            wait_until("the terminal shows no keys", || !self.echoes());
        }
        (&self.keys).write_all(keys.as_bytes()).expect("typed");
        wait_until("the answer is taken", || lines() > before);
    }

    fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.terminal).expect("a terminal").local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Waits for the end of the command. Returns its status, or none after a signal, and the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("a child").code();
        assert!(self.echoes(), "the terminal stays silent");
        // The screen ends with the last copy of the other end.
        drop(self.terminal);
        self.reader.join().expect("no panic");
        let seen = self.seen.lock().expect("no panic").clone();
        (status, seen)
    }
}

fn run(dir: &Path, args: &[&str], stdin: &[u8], variables: &[(&str, &str)]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .arg("init")
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // A command that reads nothing may have ended.
    let _ = child.stdin.take().expect("piped").write_all(stdin);
    child.wait_with_output().expect("it ends")
}

/// Runs `init` without a terminal; returns its status and what it wrote to stderr.
fn fails(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args, b"", &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a list").flatten();
    let names = entries.map(|entry| entry.file_name().into_string().expect("text"));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).expect("a file")
}

#[test]
fn three_answers_make_a_gate_that_serves() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let person = Person::at(dir.path(), &[]);
    person.answers("URL of the app", "127.0.0.1:3000\n");
    person.answers("URL of the app", &format!("{}/hooks\n", app.url));
    person.answers(SECRET_QUESTION, &format!("{}\n", secret()));
    person.answers(LISTEN_QUESTION, "127.0.0.1:0\n");
    let (status, screen) = person.end();
    assert_eq!(status, Some(0), "{screen}");
    assert!(screen.contains("expected http://HOST"), "{screen}");
    assert!(screen.contains("  cartgate serve\r\n"), "{screen}");
    assert!(!screen.contains(secret()), "{screen}");
    assert!(!screen.contains("is a random one"), "{screen}");
    assert_eq!(names(dir.path()), ["cartfunnel.secret", "cartgate.toml"]);
    assert_eq!(read(&dir, "cartfunnel.secret"), format!("{}\n", secret()));
    let mode = |name| {
        fs::metadata(dir.path().join(name))
            .expect("a file")
            .permissions()
            .mode()
    };
    for name in ["cartfunnel.secret", "cartgate.toml"] {
        assert_eq!(mode(name) & 0o777, 0o600, "{name}");
    }
    assert!(read(&dir, "cartgate.toml").contains("path = \"/hooks\""));

    let gate = Program::serve_in(dir, &[("CARTGATE_ADMIN", "127.0.0.1:0")]);
    gate.line(&["from=./cartgate.toml", "configuration read"]);
    assert_eq!(gate.client().ask(genuine(b"an order")).status, 200);
    wait_until("the app has it", || app.requests().len() == 1);
    let lines = gate.lines();
    assert!(
        !lines.iter().any(|line| line.contains("level=WARN")),
        "{lines:#?}"
    );
}

#[test]
fn enter_takes_the_defaults_and_makes_a_random_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join(".git")).expect("a directory");
    let person = Person::at(dir.path(), &["gate"]);
    for question in ["URL of the app", SECRET_QUESTION, LISTEN_QUESTION] {
        person.answers(question, "\n");
    }
    let (status, screen) = person.end();
    assert_eq!(status, Some(0), "{screen}");
    assert!(screen.contains("is a random one for tests"), "{screen}");
    assert!(screen.contains("in .gitignore"), "{screen}");
    let ignored = "cartfunnel.secret inbox.db* rejected/ acme/";
    assert!(screen.contains(ignored), "{screen}");
    let file = dir.path().join("gate/cartgate.toml");
    let file = file.canonicalize().expect("a file");
    let start = format!("cartgate serve --config {}", file.display());
    assert!(screen.contains(&start), "{screen}");
    let text = fs::read_to_string(&file).expect("a file");
    for default in [
        "\"127.0.0.1:8080\"",
        "\"http://127.0.0.1:3000/webhooks/orders\"",
    ] {
        assert!(text.contains(default), "{text}");
    }
    let secret = fs::read_to_string(dir.path().join("gate/cartfunnel.secret")).expect("a file");
    assert_eq!(secret.trim_end().len(), 43);
    assert!(!screen.contains(secret.trim_end()));
}

#[test]
fn a_secret_that_looks_like_a_mistake_is_asked_for_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let person = Person::at(dir.path(), &["--listen", "127.0.0.1:0"]);
    person.answers("URL of the app", "\n");
    person.answers(SECRET_QUESTION, "\"planted-between-quotes\"\n");
    person.answers("Use it nevertheless?", "\n");
    person.answers(SECRET_QUESTION, "planted\n");
    person.answers("Use it nevertheless?", "y\n");
    let (status, screen) = person.end();
    assert_eq!(status, Some(0), "{screen}");
    assert!(
        screen.contains("quot") && screen.contains("16 bytes"),
        "{screen}"
    );
    assert!(!screen.contains("planted"), "{screen}");
    assert_eq!(read(&dir, "cartfunnel.secret"), "planted\n");
}

#[test]
fn a_secret_with_control_characters_is_asked_for_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let person = Person::at(dir.path(), &["--listen", "127.0.0.1:0"]);
    person.answers("URL of the app", "\n");
    // The markers of a bracketed paste, an arrow key, and Ctrl-Z.
    for keys in ["\x1b[200~planted\x1b[201~", "planted\x1b[D", "plan\x1ated"] {
        person.answers(SECRET_QUESTION, &format!("{keys}\n"));
    }
    person.answers(SECRET_QUESTION, &format!("{}\n", secret()));
    let (status, screen) = person.end();
    assert_eq!(status, Some(0), "{screen}");
    let refused = screen.matches("contains a control character").count();
    assert_eq!(refused, 3, "{screen}");
    assert!(!screen.contains("plan"), "{screen}");
    assert_eq!(read(&dir, "cartfunnel.secret"), format!("{}\n", secret()));
}

#[test]
fn what_is_typed_before_the_hidden_question_is_no_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    let person = Person::at(dir.path(), &["--listen", "127.0.0.1:0"]);
    wait_until("the question", || person.seen().contains("URL of the app"));
    (&person.keys)
        .write_all(b"\nplanted-before-the-question\n")
        .expect("typed");
    wait_until("the question", || person.seen().contains(SECRET_QUESTION));
    // Keys after the question are hidden at once.
    assert!(!person.echoes());
    let written = format!("{}\n", secret());
    (&person.keys).write_all(written.as_bytes()).expect("typed");
    let (status, screen) = person.end();
    assert_eq!(status, Some(0), "{screen}");
    assert!(!screen.contains(secret()), "{screen}");
    assert_eq!(read(&dir, "cartfunnel.secret"), written);
}

#[test]
fn printed_commands_quote_paths() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = format!("unix:{}/a b.sock", dir.path().display());
    let args = ["--yes", "--listen", &socket, "a gate;id"];
    let output = run(dir.path(), &args, b"", &[]);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    let gate = dir.path().canonicalize().expect("a path").join("a gate;id");
    let gate = gate.display();
    for command in [
        format!("serve --config '{gate}/cartgate.toml'"),
        format!("send '{socket}:/webhooks/orders' --secret-file '{gate}/cartfunnel.secret'"),
    ] {
        assert!(shown.contains(&command), "{command}: {shown}");
    }
}

#[test]
fn an_interrupt_at_any_question_leaves_nothing() {
    let questions = ["URL of the app", SECRET_QUESTION, LISTEN_QUESTION];
    for key in ["\x03", "\x04"] {
        for last in 0..questions.len() {
            let dir = tempfile::tempdir().expect("a directory");
            let person = Person::at(dir.path(), &["gate"]);
            for question in &questions[..last] {
                person.answers(question, "\n");
            }
            let asked = || person.seen().contains(questions[last]);
            wait_until("the question", asked);
            if questions[last] == SECRET_QUESTION {
                wait_until("the terminal shows no keys", || !person.echoes());
            }
            (&person.keys).write_all(key.as_bytes()).expect("typed");
            let (status, screen) = person.end();
            assert_ne!(status, Some(0), "{screen}");
            assert!(names(dir.path()).is_empty(), "{screen}");
        }
    }
}

#[test]
fn without_a_terminal_the_missing_flags_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = fails(dir.path(), &[]);
    for flag in ["--upstream", "--secret-file", "--listen", "--yes"] {
        assert!(all.contains(flag), "{all}");
    }
    let one = fails(
        dir.path(),
        &["--upstream", "http://127.0.0.1:1/x", "--listen", ":0"],
    );
    assert!(one.contains("give --secret-file, or --yes"), "{one}");
    let gone = fails(dir.path(), &["--yes", "--secret-file", "nowhere", "gate"]);
    assert!(gone.contains("nowhere"), "{gone}");
    // A mistake that only the whole configuration shows.
    let deep = "d".repeat(110);
    let deep = fails(dir.path(), &["--yes", &deep]);
    assert!(deep.contains(".sock cannot be made"), "{deep}");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn the_secret_comes_from_standard_input_a_file_or_the_variable() {
    let site = tempfile::tempdir().expect("a directory");
    write_secret(&site.path().join("file"), SECRET);
    let line = format!("{}\r\n", secret());
    let variable = [("CARTGATE_SECRET", secret())];
    for (number, (args, stdin, variables)) in [
        (&["--secret-file", "-"][..], line.as_bytes(), &[][..]),
        (&["--secret-file", "file"], b"", &[]),
        (&[], b"", &variable),
    ]
    .into_iter()
    .enumerate()
    {
        let dir = format!("gate{number}");
        let args = [args, &["--yes", "--listen", "127.0.0.1:0", &dir]].concat();
        let output = run(site.path(), &args, stdin, variables);
        assert!(output.status.success(), "{output:?}");
        let written = read(&site, &format!("{dir}/cartfunnel.secret"));
        assert_eq!(written, format!("{}\n", secret()));
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(
            shown.contains("wrote ") && !shown.contains("random"),
            "{shown}"
        );
    }
}

#[test]
fn nothing_is_overwritten_and_force_keeps_the_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    write_secret(&dir.path().join("cartfunnel.secret"), SECRET);
    let said = fails(dir.path(), &["--yes"]);
    assert!(
        said.contains("cartfunnel.secret exists") && said.contains("--force"),
        "{said}"
    );
    fs::write(dir.path().join("cartgate.toml"), "mine").expect("written");
    let said = fails(dir.path(), &["--yes"]);
    assert!(
        said.contains("cartgate.toml exists") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(read(&dir, "cartgate.toml"), "mine");

    let forced = ["--yes", "--force", "--listen", "127.0.0.1:0"];
    let output = run(dir.path(), &forced, b"", &[]);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("kept ") && !shown.contains("random"),
        "{shown}"
    );
    assert_eq!(
        fs::read(dir.path().join("cartfunnel.secret")).expect("a file"),
        SECRET
    );
    assert!(read(&dir, "cartgate.toml").contains("[[endpoint]]"));

    let another = [&forced[..], &["--secret-file", "-"]].concat();
    let output = run(dir.path(), &another, b"another-secret-of-the-tests", &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        read(&dir, "cartfunnel.secret"),
        "another-secret-of-the-tests\n"
    );
    assert_eq!(names(dir.path()), ["cartfunnel.secret", "cartgate.toml"]);
}

#[test]
fn an_address_in_use_is_a_warning() {
    let dir = tempfile::tempdir().expect("a directory");
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("an address").to_string();
    let output = run(dir.path(), &["--yes", "--listen", &taken], b"", &[]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(&format!("{taken} is in use")) && said.contains("--listen"),
        "{said}"
    );
}

#[test]
fn a_public_host_name_means_https_with_automatic_certificates() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = ["--yes", "--listen", "Hooks.shop.example"];
    let output = run(dir.path(), &args, b"", &[]);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    let url = "cartgate send https://hooks.shop.example/webhooks/orders ";
    assert!(shown.contains(url), "{shown}");
    let text = read(&dir, "cartgate.toml");
    for part in [
        "listen = \":443\"",
        "domains = [\"hooks.shop.example\"]",
        "/acme\" } }",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let name = fails(dir.path(), &["--yes", "--force", "--listen", "localhost"]);
    assert!(
        name.contains("expected ADDRESS:PORT") && name.contains("public host name"),
        "{name}"
    );
}
