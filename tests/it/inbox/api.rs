//! The API of the inbox, over the socket beside the file and over the admin listener.

use std::{
    fs,
    io::{Read as _, Write},
    net::TcpStream,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use serde_json::{Value, json};

use super::commands::{BODIES, CONFIG, gate_with_three, ids, inbox, inbox_in};
use crate::{
    program::Program,
    support::{App, PATIENCE, SECRET, Then, app::answer, request, signature_line, wait_until},
};

const TOKEN: &str = "planted-token-of-an-operator";

/// A response of the API.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Checks the status and the reason of an error.
    #[track_caller]
    fn is(&self, status: u16, reason: &str) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.json()["reason"], reason, "{text}");
    }

    #[track_caller]
    pub(super) fn ok(self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        self.json()
    }
}

/// Sends a request as the gate's own user, over the socket beside the file.
pub(super) fn owner(gate: &Program, line: &str) -> Reply {
    owner_with(gate, line, "")
}

fn owner_with(gate: &Program, line: &str, body: &str) -> Reply {
    let socket = UnixStream::connect(gate.file("inbox.db.sock")).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    exchange(socket, line, "Host: cartgate\r\n", body)
}

/// Sends a request over the admin listener, with these header lines.
fn remote(gate: &Program, line: &str, lines: &str, body: &str) -> Reply {
    let socket = TcpStream::connect(gate.admin()).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    exchange(socket, line, &format!("Host: localhost\r\n{lines}"), body)
}

/// Sends a request over the admin listener, with the token.
fn bearer(gate: &Program, line: &str, body: &str) -> Reply {
    remote(
        gate,
        line,
        &format!("Authorization: Bearer {TOKEN}\r\n"),
        body,
    )
}

fn exchange(mut socket: impl Write + std::io::Read, line: &str, lines: &str, body: &str) -> Reply {
    let framing = if body.is_empty() {
        String::new()
    } else {
        let length = body.len();
        format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
    };
    let head = format!("{line} HTTP/1.1\r\nConnection: close\r\n{lines}{framing}\r\n");
    socket.write_all((head + body).as_bytes()).expect("written");
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).expect("a response");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
    let body = match head.contains("transfer-encoding: chunked") {
        true => panic!("a response of known length is not chunked"),
        false => bytes.split_off(end + 4),
    };
    Reply {
        status: head[9..12].parse().expect("a status"),
        head,
        body,
    }
}

/// Starts a gate whose admin listener has a token, and that has stored three events.
fn gate_with_token() -> Program {
    let text = CONFIG.replace("[admin]\n", "[admin]\ntoken = { file = \"token\" }\n");
    let others = [("secret", SECRET), ("token", TOKEN.as_bytes())];
    let gate = Program::serve_file(&text, &others);
    for body in BODIES {
        let lines = signature_line(body) + "Authorization: Basic planted\r\nX-Shop: a\r\n";
        let delivery = request("POST /hooks HTTP/1.1", &lines, body);
        assert_eq!(gate.client().ask(delivery).status, 200);
    }
    gate
}

/// Creates a job as the owner.
#[track_caller]
fn create(gate: &Program, body: &Value) -> Value {
    owner_with(gate, "POST /api/v1/inbox/jobs", &body.to_string()).ok(201)
}

fn job(gate: &Program, id: &str) -> Value {
    owner(gate, &format!("GET /api/v1/inbox/jobs/{id}")).ok(200)
}

fn start(gate: &Program, id: &str) -> Reply {
    owner(gate, &format!("POST /api/v1/inbox/jobs/{id}/start"))
}

fn ended(gate: &Program, id: &str) -> Value {
    wait_until("the job ends", || {
        !["counted", "running"].contains(&job(gate, id)["state"].as_str().expect("a state"))
    });
    job(gate, id)
}

fn id_of(job: &Value) -> String {
    job["id"].as_str().expect("an id").to_owned()
}

#[test]
fn the_api_shows_what_the_commands_print_to_the_owner_and_to_a_bearer() {
    let gate = gate_with_token();
    let printed = inbox(&gate, &["list", "--json"]).ends(0).json();
    let listed = owner(&gate, "GET /api/v1/inbox/deliveries").ok(200);
    assert_eq!(listed["items"], Value::Array(printed));
    assert_eq!(listed["next"], Value::Null);
    let bearers = bearer(&gate, "GET /api/v1/inbox/deliveries", "").ok(200);
    assert_eq!(bearers, listed);
    remote(&gate, "GET /api/v1/inbox/deliveries", "", "").is(401, "unauthorized");
    let stats = inbox(&gate, &["stats", "--json"]).ends(0).json();
    assert_eq!(
        owner(&gate, "GET /api/v1/inbox/stats").ok(200)["events"],
        stats[0]["events"]
    );
    let id = &ids(&gate)[1];
    let shown = inbox(&gate, &["show", id, "--json"]).ends(0).json();
    let event = owner(&gate, &format!("GET /api/v1/inbox/events/{id}")).ok(200);
    assert_eq!(event, shown[0]);
}

#[test]
fn a_list_comes_in_pages_and_a_wrong_filter_is_an_error() {
    let gate = gate_with_token();
    let ids = ids(&gate);
    let (mut seen, mut target) = (Vec::new(), "limit=2&state=pending,dead".to_owned());
    loop {
        let page = bearer(&gate, &format!("GET /api/v1/inbox/deliveries?{target}"), "").ok(200);
        let items = page["items"].as_array().expect("a page");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(id_of));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        target = format!("limit=2&state=pending&state=dead&after={next}");
    }
    assert_eq!(seen, ids);
    let newest = "GET /api/v1/inbox/deliveries?order=newest&limit=2";
    let first = owner(&gate, newest).ok(200);
    let cursor = first["next"].as_str().expect("a cursor");
    let second = owner(&gate, &format!("{newest}&after={cursor}")).ok(200);
    let pages = [&first, &second].map(|page| page["items"].as_array().expect("a page"));
    let mut back: Vec<_> = pages.into_iter().flatten().map(id_of).collect();
    back.reverse();
    assert_eq!(back, ids[ids.len() - back.len()..]);
    assert!(back.len() > 2, "a second page");
    let one = format!("GET /api/v1/inbox/deliveries?id={}&id={}", ids[2], ids[0]);
    let two = owner(&gate, &one).ok(200);
    let two: Vec<_> = two["items"]
        .as_array()
        .expect("a page")
        .iter()
        .map(id_of)
        .collect();
    assert_eq!(two, [&*ids[0], &*ids[2]]);
    let until = "GET /api/v1/inbox/deliveries?until=2020-01-01T00:00:00%2B01:00";
    assert_eq!(owner(&gate, until).ok(200)["items"], json!([]));
    for (query, reason) in [
        ("states=dead", "unknown-parameter"),
        ("state=lost", "bad-parameter"),
        ("id=7", "bad-parameter"),
        ("since=yesterday", "bad-parameter"),
        ("limit=0", "bad-limit"),
        ("limit=1001", "bad-limit"),
        ("after=7", "bad-cursor"),
        ("order=random", "bad-parameter"),
    ] {
        owner(&gate, &format!("GET /api/v1/inbox/deliveries?{query}")).is(400, reason);
    }
}

#[test]
fn credentials_are_shown_to_the_owner_alone_and_an_opened_body_is_logged() {
    let gate = gate_with_token();
    let id = &ids(&gate)[1];
    let target = format!("GET /api/v1/inbox/events/{id}");
    let own = owner(&gate, &target).ok(200).to_string();
    let others = bearer(&gate, &target, "").ok(200);
    let headers = others["head"]["headers"].as_array().expect("headers");
    assert!(headers.contains(&json!(["x-shop", "a"])), "{others}");
    let others = others.to_string();
    assert!(others.contains("x-cartfunnel-hmac-sha256"), "{others}");
    let signature = signature_line(BODIES[1]);
    let signature = signature.trim_end().split(": ").nth(1).expect("a value");
    assert!(own.contains(signature) && !others.contains(signature));
    assert!(!others.contains("planted"), "{others}");

    assert!(!gate.lines().concat().contains("open-body"));
    let body = bearer(&gate, &format!("{target}/body"), "");
    assert_eq!((body.status, &*body.body), (200, BODIES[1]));
    let head = body.head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: application/octet-stream"),
        "{head}"
    );
    assert!(head.contains("content-disposition: attachment"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    gate.line(&["operation=open-body", id, "identity=bearer"]);
    let unknown = "GET /api/v1/inbox/events/0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f";
    owner(&gate, unknown).is(404, "not-found");
    owner(&gate, &format!("{unknown}/body")).is(404, "not-found");
    assert_eq!(owner(&gate, "GET /api/v1/inbox/events/7").status, 400);
}

#[test]
fn a_job_counts_first_and_runs_when_it_is_started() {
    let gate = gate_with_token();
    let pending = json!({"action": "purge", "selection": {"states": ["pending"]}});
    let counted = create(&gate, &pending);
    assert_eq!(
        (&counted["state"], &counted["count"]),
        (&json!("counted"), &json!(3))
    );
    assert_eq!(ids(&gate).len(), 3, "nothing has changed");
    let id = id_of(&counted);
    let lists = owner(&gate, "GET /api/v1/inbox/jobs").ok(200);
    assert_eq!(lists["items"], json!([counted]));
    start(&gate, &id).ok(200);
    let done = ended(&gate, &id);
    assert_eq!((&done["state"], &done["done"]), (&json!("done"), &json!(3)));
    assert_eq!(done["skipped"], json!({"quarantined": 0, "unserved": 0}));
    assert!(
        done["started"].is_string() && done["ended"].is_string(),
        "{done}"
    );
    assert!(ids(&gate).is_empty());
    start(&gate, &id).is(409, "already-started");
    gate.line(&["operation=purge", &id, "3 deliveries", "identity=owner"]);
    gate.line(&["inbox job ended", &id, "state=done"]);
}

#[test]
fn a_job_that_makes_no_sense_is_rejected_and_one_runs_at_a_time() {
    let gate = gate_with_token();
    for (body, status, reason) in [
        (json!({"action": "purge"}), 422, "invalid-job"),
        (
            json!({"action": "retry", "selection": {"states": ["delivered"]}}),
            422,
            "invalid-job",
        ),
        (
            json!({"action": "move", "to": "nowhere"}),
            422,
            "unknown-destination",
        ),
        (json!({"action": "retry", "rate": 0}), 422, "invalid-job"),
        (
            json!({"action": "retry", "selection": {"state": ["dead"]}}),
            422,
            "bad-request",
        ),
        (json!({"action": "remove"}), 422, "bad-request"),
    ] {
        let rejected = owner_with(&gate, "POST /api/v1/inbox/jobs", &body.to_string());
        rejected.is(status, reason);
    }
    let pending = json!({"states": ["pending"]});
    let slow = json!({"action": "retry", "selection": pending, "rate": 0.001});
    let first = id_of(&create(&gate, &slow));
    let second = id_of(&create(
        &gate,
        &json!({"action": "retry", "selection": pending}),
    ));
    start(&gate, &first).ok(200);
    start(&gate, &second).is(409, "another-job-runs");
    let cancelled = owner(&gate, &format!("DELETE /api/v1/inbox/jobs/{first}")).ok(200);
    assert_eq!(cancelled["state"], "cancelled");
    start(&gate, &second).ok(200);
    assert_eq!(ended(&gate, &second)["done"], 3);
    let unknown = "0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f";
    start(&gate, unknown).is(404, "not-found");
    owner(&gate, &format!("DELETE /api/v1/inbox/jobs/{unknown}")).is(404, "not-found");
    remote(&gate, "POST /api/v1/inbox/jobs", "", &slow.to_string()).is(401, "unauthorized");
}

#[test]
fn a_session_looks_and_does_not_act() {
    let gate = gate_with_token();
    let login = json!({"token": TOKEN}).to_string();
    let own = "Origin: http://localhost\r\n";
    let opened = remote(&gate, "POST /login", own, &login);
    let cookie = opened.head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_cookie = name.eq_ignore_ascii_case("set-cookie");
        is_cookie.then(|| value.split(';').next().unwrap_or_default().to_owned())
    });
    let key = opened.ok(200)["key"].as_str().expect("a key").to_owned();
    let cookie = cookie.expect("a session");
    let lines = format!("{own}Cookie: {cookie}\r\nX-Cartgate-Key: {key}\r\n");
    let job = json!({"action": "retry", "selection": {"states": ["pending"]}}).to_string();
    let listed = remote(&gate, "GET /api/v1/inbox/deliveries", &lines, "").ok(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));
    remote(&gate, "POST /api/v1/inbox/jobs", &lines, &job).is(403, "console-looks-only");
    let id = id_of(&bearer(&gate, "POST /api/v1/inbox/jobs", &job).ok(201));
    for line in [
        format!("POST /api/v1/inbox/jobs/{id}/start"),
        format!("DELETE /api/v1/inbox/jobs/{id}"),
        "POST /api/v1/inbox/backups".to_owned(),
    ] {
        remote(&gate, &line, &lines, "{}").is(403, "console-looks-only");
    }
    assert_eq!(self::job(&gate, &id)["state"], "counted");
}

#[test]
fn only_the_owner_names_a_file_for_a_backup() {
    let gate = gate_with_token();
    let copy = gate.file("copy.db");
    let body = json!({"file": copy}).to_string();
    bearer(&gate, "POST /api/v1/inbox/backups", &body).is(403, "owner-only");
    remote(&gate, "POST /api/v1/inbox/backups", "", &body).is(401, "unauthorized");
    assert!(!copy.exists());
    let relative = json!({"file": "copy.db"}).to_string();
    owner_with(&gate, "POST /api/v1/inbox/backups", &relative).is(400, "relative-path");
    owner_with(&gate, "POST /api/v1/inbox/backups", &body).ok(201);
    let mode = fs::metadata(&copy).expect("written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    owner_with(&gate, "POST /api/v1/inbox/backups", &body).is(409, "not-written");
}

#[test]
fn a_gate_without_an_inbox_says_so() {
    let app = App::content();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\ntoken = {{ file = \"token\" }}\n\
         [secret.current]\nfile = \"secret\"\n[[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\n\
         secrets = [\"current\"]\n[[endpoint.destination]]\nname = \"shop\"\nurl = \"{}\"\n",
        app.url
    );
    let gate = Program::serve_file(&text, &[("secret", SECRET), ("token", TOKEN.as_bytes())]);
    for path in [
        "deliveries",
        "stats",
        "jobs",
        "events/0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f",
    ] {
        bearer(&gate, &format!("GET /api/v1/inbox/{path}"), "").is(404, "no-inbox");
    }
}

#[test]
fn a_retry_wakes_the_queue() {
    let text = CONFIG.replace("http://127.0.0.1:1", "unix:DIR/app.sock");
    let text = text.replace("name = \"shop\"\n", "name = \"shop\"\nretry = []\n");
    let gate = Program::serve_file(&text, &[("secret", SECRET)]);
    let accepts = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&accepts);
    let app = App::unix(&gate.file("app.sock"), move |_, wire| {
        let status = if own.load(Relaxed) {
            "200 OK"
        } else {
            "410 Gone"
        };
        wire.write_all(&answer(status, "", b""))?;
        Ok(Then::Keep)
    });
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(b"one"), b"one");
    assert_eq!(gate.client().ask(delivery).status, 200);
    wait_until("it is a dead letter", || {
        inbox(&gate, &["list", "--json"]).json()[0]["state"] == "dead"
    });
    accepts.store(true, Relaxed);
    inbox(&gate, &["retry"]).ends(0).says("1 are due now");
    wait_until("it is delivered", || app.count() == 2);
}

/// Starts a command, and returns it once its messages contain `part`.
fn started(gate: &Program, args: &[&str], part: &str) -> Child {
    let dir = gate.file("secret").parent().expect("a folder").to_owned();
    let messages = dir.join("messages");
    let file = fs::File::create(&messages).expect("created");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command
        .env_clear()
        .current_dir(&dir)
        .arg("inbox")
        .args(args);
    command.args(["--config", "cartgate.toml"]);
    let child = command.stderr(file).stdout(Stdio::null()).spawn();
    let child = child.expect("it starts");
    wait_until("it reports", || {
        fs::read_to_string(&messages).is_ok_and(|text| text.contains(part))
    });
    child
}

fn messages(gate: &Program) -> String {
    fs::read_to_string(gate.file("messages")).expect("messages")
}

#[test]
fn ctrl_c_cancels_the_job() {
    let gate = gate_with_three();
    let slow = ["retry", "--state", "pending", "--rate", "0.001"];
    let mut command = started(&gate, &slow, "3 deliveries are selected");
    let jobs = || owner(&gate, "GET /api/v1/inbox/jobs").ok(200)["items"].clone();
    wait_until("it has done one page", || jobs()[0]["done"] == 1);
    let pid = command.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("it runs").success());
    assert_eq!(command.wait().expect("it ends").code(), Some(1));
    assert!(
        messages(&gate).contains("1 of 3 deliveries are done"),
        "{}",
        messages(&gate)
    );
    assert_eq!(jobs()[0]["state"], "cancelled");
}

#[test]
fn a_command_waits_for_the_job_before_it() {
    let gate = gate_with_three();
    let pending = json!({"states": ["pending"]});
    let slow = json!({"action": "retry", "selection": pending, "rate": 0.001});
    let slow = id_of(&create(&gate, &slow));
    start(&gate, &slow).ok(200);
    let purge = ["purge", "--state", "pending", "--yes"];
    let mut command = started(&gate, &purge, "another job runs");
    assert_eq!(ids(&gate).len(), 3);
    owner(&gate, &format!("DELETE /api/v1/inbox/jobs/{slow}")).ok(200);
    assert_eq!(command.wait().expect("it ends").code(), Some(0));
    assert!(
        messages(&gate).contains("3 deliveries purged"),
        "{}",
        messages(&gate)
    );
    assert!(ids(&gate).is_empty());
}

#[test]
fn many_ids_fit_into_one_command() {
    let gate = gate_with_three();
    let mut wanted = ids(&gate);
    let unknown = (0..400).map(|n| format!("0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d{n:04x}"));
    wanted.extend(unknown);
    let args: Vec<_> = ["list", "--json"]
        .into_iter()
        .chain(wanted.iter().map(|id| &**id))
        .collect();
    let listed = inbox(&gate, &args).ends(0).json();
    assert_eq!(listed.iter().map(id_of).collect::<Vec<_>>(), ids(&gate));
    let args: Vec<_> = ["purge", "--yes"]
        .into_iter()
        .chain(wanted.iter().map(|id| &**id))
        .collect();
    inbox(&gate, &args).ends(0).says("3 deliveries purged");
}

#[test]
fn a_client_and_a_gate_of_different_versions_say_so() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["inbox.db", "secret"] {
        fs::write(dir.path().join(name), "planted-secret").expect("written");
    }
    fs::write(dir.path().join("cartgate.toml"), CONFIG).expect("written");
    let socket = UnixListener::bind(dir.path().join("inbox.db.sock")).expect("bound");
    let old_gate = thread::spawn(move || {
        // The first connection only looks whether a gate listens.
        for stream in socket.incoming().skip(1).take(1) {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let answer =
                "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 18\r\n\r\nMethod Not Allowed";
            stream.write_all(answer.as_bytes()).expect("written");
        }
    });
    inbox_in(dir.path(), &["stats"])
        .ends(1)
        .says("another version");
    old_gate.join().expect("no panic");

    // An old client posts its command to `/`, and reports any status but 200 and 409 as another version.
    let gate = gate_with_three();
    let reply = owner_with(&gate, "POST /", r#"{"stats":null}"#);
    assert!([404, 405].contains(&reply.status), "{}", reply.status);
}
