//! A gate with an inbox, from a configuration file as an operator would write it.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
};

use crate::{
    program::Program,
    recipient::Recipient,
    servers::postgres::PASSWORD,
    support::{PATIENCE, SECRET},
};

/// The number of concurrent attempts.
pub(crate) const CONCURRENCY: usize = 8;

/// The key of the seals, which all gates on one PostgreSQL share.
const KEY: &[u8] = b"planted-key-of-the-seals-in-drills";

/// The configuration of gates that a drill starts repeatedly.
pub(crate) struct Setup {
    text: String,
}

impl Setup {
    /// Stores events for `recipient` in this file, as long as the disk has one mebibyte of free
    /// space.
    pub(crate) fn sqlite(file: &Path, recipient: &Recipient) -> Self {
        let floor = "disk_floor = \"1MiB\"\n";
        Self::new(&format!("sqlite:{}", file.display()), floor, recipient)
    }

    /// Stores events for `recipient` in PostgreSQL. `more` are lines of the section `[inbox]`.
    pub(crate) fn postgres(url: &str, more: &str, recipient: &Recipient) -> Self {
        let key = "key = { file = \"key\" }\npassword = { file = \"password\" }\n";
        Self::new(url, &format!("{key}{more}"), recipient)
    }

    /// Replaces a part of the configuration.
    #[track_caller]
    pub(crate) fn with(mut self, old: &str, new: &str) -> Self {
        self.text = crate::tool::replaced(&self.text, old, new);
        self
    }

    fn new(store: &str, inbox: &str, recipient: &Recipient) -> Self {
        let url = recipient.url();
        // Short timeouts let another gate take over soon from a dead one. Many attempts prevent
        // dead letters.
        let retry = vec!["\"1s\""; 20].join(", ");
        let text = format!(
            r#"
[server]
listen = "127.0.0.1:0"
workers = 2

[admin]
listen = "unix:DIR/admin"

[log]
access = "refused"

[secret.current]
file = "secret"

[inbox]
store = "{store}"
{inbox}
[[endpoint]]
name = "hooks"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "app"
url = "{url}"
timeout = "1s"
concurrency = {CONCURRENCY}
retry = [{retry}]
"#
        );
        Self { text }
    }

    pub(crate) fn start(&self) -> Program {
        self.start_with(&[])
    }

    /// Starts a gate with these environment variables.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Program {
        let files = [
            ("secret", SECRET),
            ("key", KEY),
            ("password", PASSWORD.as_bytes()),
        ];
        Program::serve_file_with(&self.text, &files, variables)
    }
}

/// Kills a gate as `kill -9` does, and waits until it is gone.
pub(crate) fn kill(gate: Program) {
    gate.signal("KILL");
    gate.end();
}

/// Stops a gate in order.
pub(crate) fn stop(gate: Program) {
    gate.signal("TERM");
    let (status, lines) = gate.end();
    assert!(status.success(), "{status}: {lines:#?}");
}

/// Returns the status of the readiness check.
pub(crate) fn ready(gate: &Program) -> u16 {
    let mut stream = UnixStream::connect(gate.file("admin")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("it takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}
