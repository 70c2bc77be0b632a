//! A browser at the console: what its requests carry, and what a gate lets them do. The attacks on
//! it are those of a page of another site, of another server on this machine, and of a user who
//! reads the log.

use cartgate::{
    inbox::{self, settings::StoreAddress},
    net::listener::ListenAddress,
    proxy::config::admin::ConsoleMode,
    rejected,
};
use serde_json::Value;
use tower_cartgate::Secret;

use super::{
    Reply, api, api_with, ask,
    routes::{Operation, operations},
    setup,
};
use crate::{
    program::Program,
    support::{App, BODY, Gate, SECRET, forged, genuine, signature_line, wait_until},
};

const PAGES: [&str; 4] = ["/", "/console.css", "/console.js", "/login"];

/// A request of the console itself.
pub(super) const OWN: &str = "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n";

/// A request without a body.
pub(super) const EMPTY: &str = "Content-Length: 0\r\n";

pub(super) fn gate(app: &App, console: ConsoleMode) -> Gate {
    setup(app)
        .with(|setup| setup.config.admin.console = console)
        .start()
}

pub(super) fn host(gate: &Gate) -> String {
    gate.admin().to_string()
}

/// Sends a request to the host of the gate, with these header lines.
pub(crate) fn send(gate: &Gate, first_line: &str, lines: &str) -> Reply {
    let lines = format!("Host: {}\r\n{lines}", host(gate));
    ask(gate.admin(), first_line, &lines)
}

/// Returns the path of a new link.
pub(super) fn link(gate: &Gate) -> String {
    let reply = api_with(gate, "POST /api/v1/links", EMPTY);
    assert_eq!(reply.status, 201, "{reply:?}");
    let (_, path) = reply.body.split_once("/login").expect("a link");
    format!("/login{}", path.trim_end_matches(['"', '}']))
}

pub(super) fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.head.lines().find_map(|line| {
        let (own, value) = line.split_once(": ")?;
        own.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Opens a session by a link; returns the header lines of its two halves.
pub(crate) fn session(gate: &Gate) -> String {
    let reply = send(gate, &format!("GET {}", link(gate)), "");
    assert_eq!(reply.status, 303, "{reply:?}");
    halves(&reply)
}

/// Returns the header lines of the session that a response has opened.
pub(super) fn halves(reply: &Reply) -> String {
    cookie(reply) + &key(reply)
}

pub(super) fn cookie(reply: &Reply) -> String {
    let cookie = header(reply, "set-cookie").expect("a cookie");
    let pair = cookie.split(';').next().expect("a pair");
    format!("Cookie: {pair}\r\n")
}

/// Returns the header line of the page key, which is in the redirect of a link and in the body after
/// a login by the token.
pub(super) fn key(reply: &Reply) -> String {
    let key = match header(reply, "location") {
        Some(page) => page.strip_prefix("/#key=").expect("a key").to_owned(),
        None => {
            let body: Value = serde_json::from_str(&reply.body).expect("JSON");
            body["key"].as_str().expect("a key").to_owned()
        }
    };
    assert_eq!(key.len(), 43, "256 bits");
    format!("X-Cartgate-Key: {key}\r\n")
}

pub(super) fn reason(reply: &Reply) -> String {
    let problem: Value = serde_json::from_str(&reply.body).expect("a problem");
    assert_eq!(problem["status"], reply.status);
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    problem["reason"].as_str().expect("a reason").to_owned()
}

/// Returns every operation that ends by itself.
fn finite() -> impl Iterator<Item = Operation> {
    operations()
        .into_iter()
        .filter(|one| one.path != "/api/v1/events")
}

#[test]
fn a_link_opens_one_session_and_no_second() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let link = link(&gate);
    // A chat program looks at the link first.
    let head = send(&gate, &format!("HEAD {link}"), "");
    assert!(header(&head, "set-cookie").is_none(), "{head:?}");
    let navigation =
        "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let first = send(&gate, &format!("GET {link}"), navigation);
    assert_eq!(first.status, 303);
    let set = header(&first, "set-cookie").expect("a cookie");
    let port = host(&gate).rsplit(':').next().expect("a port").to_owned();
    assert!(set.starts_with(&format!("cartgate-{port}=")), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"));
    let looks = send(&gate, "GET /api/v1/status", &(halves(&first) + OWN));
    assert_eq!(looks.status, 200);
    assert!(looks.body.contains(r#""console":"look""#), "{}", looks.body);

    for spent in [
        link.as_str(),
        "/login?code=",
        "/login?code=%00",
        &link[..20],
    ] {
        let second = send(&gate, &format!("GET {spent}"), navigation);
        assert_eq!(second.status, 410, "{spent}");
        assert!(header(&second, "set-cookie").is_none());
        assert!(second.body.contains("cartgate console"));
    }
    assert_eq!(send(&gate, "GET /login", navigation).status, 303);
}

#[test]
fn a_session_makes_no_links_and_a_bearer_does() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Act);
    let lines = session(&gate) + OWN + EMPTY;
    let reply = send(&gate, "POST /api/v1/links", &lines);
    assert_eq!((reply.status, reason(&reply)), (403, "token-needed".into()));
}

#[test]
fn without_an_operator_no_operation_of_the_api_does_anything() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Act);
    let wrong = "Authorization: Bearer not-the-planted-token\r\n";
    for operation in operations() {
        for lines in ["", wrong, "Cookie: cartgate=1.x\r\n"] {
            let reply = send(
                &gate,
                &operation.first_line(),
                &(lines.to_owned() + OWN + EMPTY),
            );
            assert_eq!(reply.status, 401, "{operation:?} {lines}");
            assert_eq!(reason(&reply), "unauthorized");
        }
        // A wrong token is no reason to fall back on a session.
        let both = session(&gate) + wrong + OWN + EMPTY;
        assert_eq!(send(&gate, &operation.first_line(), &both).status, 401);
    }
    assert_eq!(send(&gate, "GET /api/v1/nothing", "").status, 401);
    assert_eq!(api(&gate, "GET /api/v1/nothing").status, 404);
}

#[test]
fn a_console_that_looks_cannot_act() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let lines = session(&gate) + OWN + EMPTY;
    let mut acts = 0;
    for operation in finite().filter(|one| !one.is_safe()) {
        let reply = send(&gate, &operation.first_line(), &lines);
        assert_eq!(reply.status, 403, "{operation:?}");
        assert_eq!(reason(&reply), "console-looks-only", "{operation:?}");
        acts += 1;
    }
    assert!(acts > 3, "only {acts} were tried");
    let curl = "GET /api/v1/deliveries/01900000-0000-7000-8000-000000000000/curl";
    assert_eq!(send(&gate, curl, &lines).status, 403, "the gate signs it");
    // The same session, once the console may act.
    let mut config = (**gate.config.borrow()).clone();
    config.admin.console = ConsoleMode::Act;
    gate.config.send_replace(config.into());
    wait_until("it may act", || {
        let reply = send(&gate, "POST /api/v1/reload", &lines);
        reply.status == 404 && reply.body.contains("nothing reloads")
    });
}

#[test]
fn a_console_that_is_off_is_not_there() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let lines = session(&gate) + OWN;
    let mut config = (**gate.config.borrow()).clone();
    config.admin.console = ConsoleMode::Off;
    gate.config.send_replace(config.into());
    wait_until("it is off", || send(&gate, "GET /", "").status == 404);
    for path in PAGES {
        assert_eq!(
            send(&gate, &format!("GET {path}"), OWN).status,
            404,
            "{path}"
        );
    }
    assert_eq!(send(&gate, "GET /api/v1/status", &lines).status, 401);
    let reply = api_with(&gate, "POST /api/v1/links", EMPTY);
    assert_eq!((reply.status, reason(&reply)), (409, "no-console".into()));
    let body = format!(r#"{{"token":"{}"}}"#, gate.token());
    assert_eq!(login(&gate, OWN, "application/json", &body).status, 404);
}

#[test]
fn no_page_of_another_origin_reads_posts_or_opens_the_stream() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Act);
    let (cookie, port) = (session(&gate), host(&gate));
    let bearer = format!("Authorization: Bearer {}\r\n", gate.token());
    let other_port = "Origin: http://127.0.0.1:1\r\n";
    for foreign in [
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        other_port,
        &format!("Origin: ftp://{port}\r\n"),
        &format!("Origin: http://{port}\r\nOrigin: http://{port}\r\n"),
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n",
    ] {
        for identity in ["", &cookie, &bearer] {
            for operation in operations() {
                let lines = format!("{identity}{foreign}{EMPTY}");
                let reply = send(&gate, &operation.first_line(), &lines);
                assert_eq!(reply.status, 403, "{operation:?} {lines}");
                assert_eq!(reason(&reply), "foreign-origin", "{operation:?} {lines}");
            }
        }
        for path in PAGES.into_iter().chain(["/metrics", "/healthz"]) {
            assert_eq!(
                send(&gate, &format!("GET {path}"), foreign).status,
                403,
                "{path}"
            );
        }
    }
    // A form that a browser without Sec-Fetch-Site posts without an Origin.
    for operation in operations().iter().filter(|one| !one.is_safe()) {
        let reply = send(&gate, &operation.first_line(), &format!("{cookie}{EMPTY}"));
        assert_eq!(reason(&reply), "foreign-origin", "{operation:?}");
    }
    let own = format!("{cookie}Origin: http://{port}\r\n{EMPTY}");
    let reply = send(&gate, "POST /api/v1/reload", &own);
    assert_eq!(reason(&reply), "not-found", "its own page may");
    // A link on another site may be opened, and shows only the page.
    let navigation =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    assert_eq!(send(&gate, "GET /", navigation).status, 200);
}

#[test]
fn a_rebound_name_gets_nothing_even_with_a_session() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Act);
    let identities = [
        session(&gate),
        format!("Authorization: Bearer {}\r\n", gate.token()),
    ];
    let pages = PAGES.map(|path| format!("GET {path}"));
    let all: Vec<_> = operations().iter().map(Operation::first_line).collect();
    for first_line in all.iter().chain(&pages) {
        for identity in &identities {
            let lines = format!("Host: evil.example\r\n{identity}{OWN}{EMPTY}");
            let reply = ask(gate.admin(), first_line, &lines);
            assert_eq!(reply.status, 421, "{first_line}");
            assert_eq!(reason(&reply), "foreign-host");
        }
    }
}

#[test]
fn every_response_forbids_frames_scripts_of_others_and_caches() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let replies = [
        (200, send(&gate, "GET /", "")),
        (200, send(&gate, "GET /console.js", "")),
        (200, send(&gate, "GET /healthz", "")),
        (200, api(&gate, "GET /api/v1/status")),
        (303, send(&gate, "GET /login", "")),
        (410, send(&gate, "GET /login?code=x", "")),
        (401, send(&gate, "GET /api/v1/status", "")),
        (403, send(&gate, "GET /", "Origin: null\r\n")),
        (404, send(&gate, "GET /nothing", "")),
        (404, api(&gate, "GET /api/v1/nothing")),
        (405, send(&gate, "DELETE /", "")),
        (405, api(&gate, "DELETE /api/v1/status")),
        (
            413,
            login(&gate, "", "application/json", &" ".repeat(1024 * 1024 + 1)),
        ),
        (421, ask(gate.admin(), "GET /", "Host: evil.example\r\n")),
    ];
    for (status, reply) in replies {
        assert_eq!(reply.status, status, "{reply:?}");
        let policy = header(&reply, "content-security-policy").expect("a policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{status}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(header(&reply, name), Some(value), "{status}");
            let lines = reply.head.lines();
            let own = lines.filter(|line| line.to_lowercase().starts_with(&format!("{name}:")));
            assert_eq!(own.count(), 1, "{name}");
        }
        assert!(!reply.head.to_lowercase().contains("access-control"));
        if status >= 400 && status != 410 {
            assert_eq!(
                header(&reply, "content-type"),
                Some("application/problem+json")
            );
            reason(&reply);
        }
    }
}

pub(super) fn login(gate: &Gate, lines: &str, media_type: &str, body: &str) -> Reply {
    let length = body.len();
    let lines = format!("{lines}Content-Type: {media_type}\r\nContent-Length: {length}\r\n");
    let lines = format!(
        "Host: {}\r\n{lines}Connection: close\r\n\r\n{body}",
        host(gate)
    );
    ask(gate.admin(), "POST /login", &lines)
}

#[test]
fn the_token_opens_a_session_and_nothing_else_does() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let body = format!(r#"{{"token":"{}"}}"#, gate.token());
    let reply = login(&gate, OWN, "application/json", &body);
    assert_eq!(reply.status, 200);
    let lines = halves(&reply) + OWN;
    assert_eq!(send(&gate, "GET /api/v1/status", &lines).status, 200);
    let out = send(&gate, "POST /logout", &(lines + EMPTY));
    assert_eq!(out.status, 204);
    let removed = header(&out, "set-cookie").expect("a cookie");
    assert!(
        removed.contains("=; ") && removed.contains("Max-Age=0"),
        "{removed}"
    );

    let form = format!("token={}", gate.token());
    let large = format!(r#"{{"token":"{}"}}"#, "x".repeat(8 * 1024));
    for (status, media_type, body) in [
        (
            403,
            "application/json",
            r#"{"token":"not-the-planted-token"}"#,
        ),
        (403, "application/json", r#"{"token":""}"#),
        (422, "application/json", "{}"),
        (422, "application/json", r#"{"token":"x","code":"y"}"#),
        (422, "application/json", r#"{"token":1}"#),
        (400, "application/json", r#"{"token":"#),
        (415, "text/plain", &body),
        (415, "application/x-www-form-urlencoded", &form),
        (413, "application/json", &large),
    ] {
        let reply = login(&gate, OWN, media_type, body);
        assert_eq!(reply.status, status, "{media_type} {}", reply.body);
        assert!(header(&reply, "set-cookie").is_none());
        reason(&reply);
        assert!(!reply.body.contains(&gate.token()));
    }
    // A page of another site cannot log its visitor in.
    let cross_site = "Sec-Fetch-Site: cross-site\r\n";
    assert_eq!(
        login(&gate, cross_site, "application/json", &body).status,
        403
    );
}

#[test]
fn a_session_ends_with_the_token_that_opened_it() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let lines = session(&gate) + OWN;
    assert_eq!(send(&gate, "GET /api/v1/status", &lines).status, 200);
    let mut config = (**gate.config.borrow()).clone();
    let token = Secret::new("a-new-planted-token").expect("a token");
    config.admin.token = Some(token);
    gate.config.send_replace(config.into());
    wait_until("it has ended", || {
        send(&gate, "GET /api/v1/status", &lines).status == 401
    });
}

#[test]
fn a_session_outlives_a_restart_with_a_configured_token() {
    let app = App::content();
    let with_token = || {
        let token = Secret::new("a-planted-token").expect("a token");
        setup(&app).with(|setup| setup.config.admin.token = Some(token))
    };
    let first = with_token().start();
    let (lines, address) = (session(&first) + OWN, first.admin().clone());
    drop(first);
    let second = with_token()
        .with(|setup| setup.admin = Some(address))
        .start();
    assert_eq!(send(&second, "GET /api/v1/status", &lines).status, 200);
}

#[test]
fn the_owner_of_a_unix_socket_is_known_unless_a_browser_is_behind_it() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let socket = ListenAddress::Unix(dir.path().join("admin.sock"));
    let gate = setup(&app).with(|setup| setup.admin = Some(socket)).start();
    let status = |lines: &str| {
        let lines = format!("Host: cartgate\r\n{lines}");
        ask(gate.admin(), "GET /api/v1/status", &lines)
    };
    let owner = status("");
    assert_eq!(owner.status, 200);
    assert!(owner.body.contains(r#""console":"act""#), "{}", owner.body);
    for mark in [
        "Origin: http://cartgate",
        "Sec-Fetch-Site: same-origin",
        "Cookie: a=b",
        "Sec-Fetch-Mode: navigate",
        "Referer: http://whatever.example/",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Host: whatever.example",
        "X-Forwarded-Proto: http",
        "Host: cartgate",
        "X-Real-IP: 203.0.113.9",
        "Forwarded: for=203.0.113.9",
        "Via: 1.1 proxy",
    ] {
        assert_eq!(status(&format!("{mark}\r\n")).status, 401, "{mark}");
        let bearer = format!("{mark}\r\nAuthorization: Bearer {}\r\n", gate.token());
        assert_eq!(status(&bearer).status, 200, "{mark}");
    }
}

#[test]
fn no_response_contains_a_secret_of_the_gate() {
    const KEY: &str = "planted-key-of-the-app";
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let gate = setup(&app)
        .with(|setup| {
            let store = StoreAddress::Sqlite(dir.path().join("inbox.db"));
            setup.config.inbox = Some(inbox::Settings::new(store));
            setup.config.rejected = Some(rejected::Settings::new(dir.path().join("rejected")));
            setup.upstream = format!("{}/app?key={KEY}", app.url);
            let header = "x-app-entry".parse().expect("a name");
            let key = Secret::new(KEY).expect("a secret");
            let set = setup.settings.headers.insert(header, &key);
            set.expect("a header can carry it");
        })
        .start();
    let lines = session(&gate) + OWN;
    send(&gate, "GET /api/v1/deliveries", &lines);
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(gate.client().ask(forged(BODY)).status, 401);
    let arrived =
        || app.count() > 0 && api(&gate, "GET /api/v1/rejected").body.contains("mismatch");
    wait_until("both are there", arrived);
    let first_id = |path: &str| {
        let list = api(&gate, &format!("GET {path}"));
        let list: Value = serde_json::from_str(&list.body).expect("JSON");
        list["items"][0]["id"].as_str().expect("an id").to_owned()
    };
    let ids = [
        first_id("/api/v1/inbox/deliveries"),
        first_id("/api/v1/rejected"),
    ];
    let signature = signature_line(BODY);
    let signature = signature.split(": ").nth(1).expect("a value").trim();
    let secret = std::str::from_utf8(SECRET).expect("text");
    let token = gate.token();
    let pages = PAGES.into_iter().chain(["/metrics", "/healthz", "/readyz"]);
    let mut paths: Vec<_> = pages.map(str::to_owned).collect();
    for operation in finite().filter(Operation::is_safe) {
        paths.extend(ids.each_ref().map(|id| operation.path.replace("{id}", id)));
    }
    let mut shown = 0;
    for path in paths {
        let first_line = format!("GET {path}");
        for reply in [api(&gate, &first_line), send(&gate, &first_line, &lines)] {
            shown += usize::from(reply.status == 200);
            let text = format!("{}{}", reply.head, reply.body);
            for planted in [KEY, secret, &token] {
                assert!(!text.contains(planted), "{planted} in {path}: {text}");
            }
            // Only a bearer gets a signed request.
            let is_signed = path.ends_with("/curl") && reply.status == 200;
            assert!(is_signed || !text.contains(signature), "{path}: {text}");
        }
    }
    assert!(shown > 40, "only {shown} responses had content");
}

#[test]
fn the_log_holds_no_token_and_a_code_only_in_its_link() {
    let app = App::content();
    let program = Program::serve(&app, &["--admin", "127.0.0.1:0", "--admin-console", "act"]);
    let admin = ListenAddress::Tcp(program.admin().to_string());
    let token = program.token();
    let line = program.line(&["console ready", "link="]);
    let (_, code) = line.split_once("/login?code=").expect("a link");
    let code: String = code
        .chars()
        .take_while(|one| one.is_ascii_alphanumeric() || "-_".contains(*one))
        .collect();
    assert_eq!(code.len(), 22, "128 bits");

    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cartgate"));
        let runtime = program.file("");
        command.env_clear().env("RUNTIME_DIRECTORY", runtime);
        let output = command.args(args).output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (
            output.status.code(),
            text(output.stdout) + &text(output.stderr),
        )
    };
    let url = format!("http://{admin}");
    // The commands find the token that the gate has left for its user.
    assert_eq!(run(&["status", &url]).0, Some(0));
    assert_eq!(run(&["reload", &url]).0, Some(0));
    let (status, printed) = run(&["console", &url]);
    assert_eq!(status, Some(0), "{printed}");
    let (_, second) = printed.trim().split_once("/login?code=").expect("a link");
    assert!(printed.starts_with(&url));

    let host = format!("Host: {admin}\r\n");
    for code in [code.as_str(), second] {
        let reply = ask(&admin, &format!("GET /login?code={code}"), &host);
        assert_eq!(reply.status, 303);
        let lines = host.clone() + &halves(&reply) + OWN + EMPTY;
        assert_eq!(ask(&admin, "POST /api/v1/reload", &lines).status, 200);
        let reply = ask(&admin, &format!("GET /login?code={code}"), &host);
        assert_eq!(reply.status, 410);
    }
    let wrong = format!(
        "{host}{OWN}Content-Type: application/json\r\nContent-Length: 29\r\nConnection: close\r\n\r\n{{\"token\":\"a-planted-mistake\"}}"
    );
    assert_eq!(ask(&admin, "POST /login", &wrong).status, 403);
    program.line(&["login with a wrong token"]);
    program.signal("TERM");
    let (_, log) = program.end();
    let log = log.join("\n");
    assert!(!log.contains(&token), "{log}");
    assert!(!log.contains("planted-mistake"), "{log}");
    assert!(!log.contains(second), "{log}");
    assert_eq!(log.matches(&code).count(), 1, "{log}");
    for action in [
        "operation=link subject=console identity=bearer",
        "operation=login subject=link",
        "operation=reload subject=configuration identity=session",
        "operation=reload subject=configuration identity=bearer",
    ] {
        assert!(log.contains(action), "no {action} in {log}");
    }
}
