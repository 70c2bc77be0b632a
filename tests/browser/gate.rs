//! A gate with a console, in a directory that survives its restarts.

use std::{fs, net::SocketAddr, path::PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    program::{Program, write_secret},
    servers::port::Port,
    support::{App, Client, SECRET, request, sign},
    tool::replaced,
};

/// The token of the admin listener.
pub(crate) const TOKEN: &str = "planted-admin-token-of-the-browser-tests";

/// The name of the configuration file.
const FILE: &str = "cartgate.toml";

/// A configured gate that can be stopped and started again.
pub(crate) struct Gate {
    dir: TempDir,
    /// The port of the admin listener, which a page knows.
    admin: Port,
    program: Option<Program>,
}

impl Gate {
    /// Starts a gate in front of `app` that a session may look at or act on: `look` or `act`.
    pub(crate) fn start(app: &App, console: &str) -> Self {
        Self::with_config(console, &endpoints(&app.url))
    }

    /// Starts a gate with these endpoints.
    pub(crate) fn with_config(console: &str, endpoints: &str) -> Self {
        Self::with_files(console, endpoints, &[])
    }

    /// Starts a gate with these endpoints and further secret files.
    pub(crate) fn with_files(console: &str, endpoints: &str, files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let admin = Port::reserve();
        let text = format!(
            r#"
[server]
listen = "127.0.0.1:0"
workers = 2
drain_limit = "1s"
trusted_proxies = ["127.0.0.1"]
[admin]
listen = "{}"
token = {{ file = "DIR/token" }}
console = "{console}"
[log]
explain = true
[inbox]
store = "sqlite:DIR/inbox.db"
disk_floor = "1MiB"
[rejected]
dir = "DIR/rejected"
[secret.current]
file = "DIR/secret"
[secret.previous]
file = "DIR/previous"
{endpoints}
"#,
            admin.address()
        );
        let text = text.replace("DIR/", &format!("{}/", dir.path().display()));
        fs::write(dir.path().join(FILE), text).expect("written");
        write_secret(&dir.path().join("token"), TOKEN.as_bytes());
        write_secret(&dir.path().join("secret"), SECRET);
        write_secret(
            &dir.path().join("previous"),
            b"a previous secret of the tests",
        );
        for (name, content) in files {
            write_secret(&dir.path().join(name), content);
        }
        let mut gate = Self {
            dir,
            admin,
            program: None,
        };
        gate.resume();
        gate
    }

    /// Replaces a part of the configuration file.
    pub(crate) fn rewrite(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.file(FILE)).expect("readable");
        fs::write(self.file(FILE), replaced(&text, old, new)).expect("written");
    }

    /// Stops the gate in order.
    pub(crate) fn stop(&mut self) {
        let program = self.program.take().expect("it runs");
        program.signal("TERM");
        let (status, lines) = program.end();
        assert!(status.success(), "{status}: {lines:#?}");
    }

    /// Starts the gate again, with the same admin address.
    pub(crate) fn resume(&mut self) {
        let config = self.file(FILE);
        let config = config.to_str().expect("text");
        self.program = Some(Program::serve_by_variables(&["--config", config], &[]));
    }

    pub(crate) fn program(&self) -> &Program {
        self.program.as_ref().expect("it runs")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the address of its admin listener.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Returns the address of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin())
    }

    /// Returns a new link that signs a browser in.
    pub(crate) fn link(&self) -> String {
        let answer = self.post("/api/v1/links", "");
        answer["link"].as_str().expect("a link").to_owned()
    }

    /// Asks the API as a program with the token.
    pub(crate) fn get(&self, path: &str) -> Value {
        let request = ureq::get(self.page(path)).header("Authorization", bearer());
        let mut response = request
            .call()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = response.body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Sends JSON to the API as a program with the token.
    pub(crate) fn post(&self, path: &str, json: &str) -> Value {
        let request = ureq::post(self.page(path)).header("Authorization", bearer());
        let sent = request.content_type("application/json").send(json);
        let mut response = sent.unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = response.body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Sends a genuine delivery; returns the status and the id in the log.
    pub(crate) fn deliver(&self, path: &str, body: &[u8]) -> (u16, String) {
        self.send(path, &sign(body), "", body)
    }

    /// Sends a delivery with this signature and these other header lines.
    pub(crate) fn send(
        &self,
        path: &str,
        signature: &str,
        lines: &str,
        body: &[u8],
    ) -> (u16, String) {
        let lines = format!("X-Cartfunnel-Hmac-SHA256: {signature}\r\n{lines}");
        let first = format!("POST {path} HTTP/1.1");
        let answer = self.client().ask(request(&first, &lines, body));
        let id = answer.header("x-cartgate-delivery").expect("an id");
        (answer.status, id.to_owned())
    }

    pub(crate) fn client(&self) -> Client {
        self.program().client()
    }
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

/// Returns a durable endpoint at `/hooks` and a direct one at `/direct`, both before this app.
fn endpoints(url: &str) -> String {
    format!(
        r#"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current", "previous"]
event = {{ pointer = "/event", order = ["order.processed"], abandoned-cart = ["cart.abandoned"] }}
durable = true
[[endpoint.destination]]
name = "fulfilment"
url = "{url}"
timeout = "2s"
retry = ["1s"]
[[endpoint]]
name = "carts"
path = "/direct"
secrets = ["current"]
[[endpoint.destination]]
name = "reminders"
url = "{url}"
"#
    )
}
