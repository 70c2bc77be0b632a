//! The halves of a session, its end, and the ways into one: what other servers on the operator's
//! machine, proxies and eager browsers can do with them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use cartgate::{net::listener::ListenAddress, proxy::config::admin::ConsoleMode};
use tower_cartgate::Secret;

use super::{
    Reply, api_with, ask,
    browser::{
        EMPTY, OWN, cookie, gate, halves, header, host, key, link, login, reason, send, session,
    },
    setup,
    streams::Reader,
};
use crate::{
    program::Program,
    support::{App, Gate, wait_until},
};

fn status(gate: &Gate, lines: &str) -> u16 {
    send(gate, "GET /api/v1/status", lines).status
}

#[test]
fn a_server_on_another_port_gets_the_cookie_and_no_session() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Act);
    let opened = send(&gate, &format!("GET {}", link(&gate)), "");
    let (cookie, key) = (cookie(&opened), key(&opened));
    assert_eq!(status(&gate, &format!("{cookie}{key}{OWN}")), 200);
    let other = session(&gate);
    let (_, other_key) = other.split_once("\r\n").expect("two lines");
    for half in [
        cookie.clone(),
        key.clone(),
        format!("{cookie}X-Cartgate-Key: \r\n"),
        format!("{cookie}{other_key}"),
        format!("{cookie}{key}{key}"),
    ] {
        assert_eq!(status(&gate, &format!("{half}{OWN}")), 401, "{half}");
        for first_line in ["POST /api/v1/reload", "GET /api/v1/events"] {
            let reply = send(&gate, first_line, &format!("{half}{OWN}{EMPTY}"));
            assert_eq!(reply.status, 401, "{first_line} {half}");
        }
    }
    // The port is in the cookie's name, and the name is signed.
    let port = host(&gate).rsplit(':').next().expect("a port").to_owned();
    let renamed = cookie.replace(&format!("cartgate-{port}="), "cartgate-99=");
    let lines = format!("Host: 127.0.0.1:99\r\n{renamed}{key}{OWN}");
    let reply = ask(gate.admin(), "GET /api/v1/status", &lines);
    assert_eq!(reply.status, 401);
}

#[test]
fn only_the_stream_takes_the_key_from_its_query() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let opened = send(&gate, &format!("GET {}", link(&gate)), "");
    let cookie = cookie(&opened);
    let key = key(&opened);
    let (_, key) = key.trim().split_once(": ").expect("a value");
    let status = |path: &str| {
        let first_line = format!("HEAD {path}");
        send(&gate, &first_line, &format!("{cookie}{OWN}")).status
    };
    assert_eq!(status(&format!("/api/v1/status?key={key}")), 401);
    assert_eq!(status(&format!("/api/v1/config?key={key}")), 401);
    for (query, expected) in [(format!("?key={key}"), 200), (String::new(), 401)] {
        let mut stream = Reader::request(&gate, &query, &cookie).expect("a connection");
        assert_eq!(stream.status().expect("a response"), expected, "{query}");
    }
}

#[test]
fn a_logout_is_final() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let (one, two) = (session(&gate) + OWN, session(&gate) + OWN);
    let half = one.split_inclusive("\r\n").next().expect("a cookie");
    let out = send(&gate, "POST /logout", &format!("{half}{OWN}{EMPTY}"));
    assert_eq!(out.status, 204);
    assert_eq!(status(&gate, &one), 200, "the cookie alone ends nothing");
    let out = send(&gate, "POST /logout", &(one.clone() + EMPTY));
    assert_eq!(out.status, 204);
    assert_eq!(status(&gate, &one), 401, "a copy of it is worthless");
    assert_eq!(status(&gate, &two), 200, "other sessions go on");
}

#[test]
fn a_link_ends_with_the_token_that_made_it() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let link = link(&gate);
    let mut config = (**gate.config.borrow()).clone();
    let token = Secret::new("a-new-planted-token").expect("a token");
    config.admin.token = Some(token);
    gate.config.send_replace(config.into());
    wait_until("it is in force", || {
        api_with(&gate, "GET /api/v1/status", "").status == 200
    });
    let reply = send(&gate, &format!("GET {link}"), "");
    assert_eq!(reply.status, 410, "{reply:?}");
    assert!(header(&reply, "set-cookie").is_none());
}

#[test]
fn the_login_of_a_proxy_is_not_in_the_way_of_a_session() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let lines = session(&gate) + OWN;
    let basic = format!("{lines}Authorization: Basic dTpw\r\n");
    assert_eq!(status(&gate, &basic), 200);
    let wrong = format!("{lines}Authorization: Bearer planted\r\n");
    assert_eq!(status(&gate, &wrong), 401);
}

#[test]
fn a_browser_that_guesses_the_next_click_spends_no_link() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let first_line = format!("GET {}", link(&gate));
    let navigation =
        "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    for purpose in [
        "Sec-Purpose: prefetch",
        "Sec-Purpose: prefetch;prerender",
        "Purpose: prefetch",
    ] {
        let lines = format!("{navigation}{purpose}\r\n");
        let guessed = send(&gate, &first_line, &lines);
        assert_eq!(
            (guessed.status, reason(&guessed)),
            (503, "prefetch".into()),
            "{purpose}"
        );
        assert!(header(&guessed, "set-cookie").is_none());
    }
    assert_eq!(send(&gate, &first_line, navigation).status, 303);
}

#[test]
fn behind_a_proxy_with_tls_cookies_are_secure_and_links_use_https() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    for proxy in [
        "X-Forwarded-Proto: https\r\n",
        "Forwarded: for=203.0.113.9;proto=https\r\n",
    ] {
        let made = api_with(&gate, "POST /api/v1/links", &format!("{EMPTY}{proxy}"));
        assert!(
            made.body.contains(r#""https://localhost/login?code="#),
            "{}",
            made.body
        );
        let opened = send(&gate, &format!("GET {}", link(&gate)), proxy);
        let set = header(&opened, "set-cookie").expect("a cookie");
        assert!(set.ends_with("; Secure"), "{set}");
    }
    let made = api_with(&gate, "POST /api/v1/links", EMPTY);
    assert!(
        made.body.contains(r#""http://localhost/login?code="#),
        "{}",
        made.body
    );
}

#[test]
fn tokens_cannot_be_guessed_in_a_loop() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let guess = || {
        login(
            &gate,
            OWN,
            "application/json",
            r#"{"token":"planted-guess"}"#,
        )
    };
    let limited = |reply: &Reply| {
        assert_eq!(reason(reply), "too-many-tokens");
        assert_eq!(header(reply, "retry-after"), Some("1"));
    };
    let replies: Vec<_> = (0..100).map(|_| guess()).collect();
    let rejected = replies.iter().filter(|reply| reply.status == 429);
    rejected.clone().for_each(limited);
    assert!(rejected.count() > 0);
    assert!(
        replies
            .iter()
            .all(|reply| [403, 429].contains(&reply.status))
    );
    let body = format!(r#"{{"token":"{}"}}"#, gate.token());
    wait_until("the right token is accepted again", || {
        login(&gate, OWN, "application/json", &body).status == 200
    });
    let lines = halves(&login(&gate, OWN, "application/json", &body)) + OWN;
    assert_eq!(status(&gate, &lines), 200);
}

#[test]
fn the_host_of_a_target_is_no_way_around_ours() {
    let app = App::content();
    let gate = gate(&app, ConsoleMode::Look);
    let host = host(&gate);
    let lines = format!("Host: {host}\r\nAuthorization: Bearer {}\r\n", gate.token());
    let at = |authority: &str| {
        let first_line = format!("GET http://{authority}/api/v1/status");
        ask(gate.admin(), &first_line, &lines)
    };
    assert_eq!(at(&host).status, 200);
    let foreign = at("evil.example");
    assert_eq!(
        (foreign.status, reason(&foreign)),
        (421, "foreign-host".into())
    );
}

#[test]
fn a_proxy_at_the_unix_socket_lends_its_rights_to_nobody() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let socket = ListenAddress::Unix(dir.path().join("admin.sock"));
    let gate = setup(&app).with(|setup| setup.admin = Some(socket)).start();
    let get = |lines: &str| ask(gate.admin(), "GET /api/v1/status", lines).status;
    assert_eq!(get("Host: cartgate\r\n"), 200);
    // Proxies send these by default.
    for host in [
        "localhost",
        "gate.shop.example",
        "unix",
        "",
        "cartgate.example",
        "Cartgate",
    ] {
        assert_eq!(get(&format!("Host: {host}\r\n")), 401, "{host}");
        let probe = ask(gate.admin(), "GET /healthz", &format!("Host: {host}\r\n"));
        assert_eq!(probe.status, 200, "{host}");
    }
}

#[test]
fn no_other_user_reaches_the_unix_socket() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let path = dir.path().join("admin.sock");
    let gate = Program::serve(&app, &["--admin", &format!("unix:{}", path.display())]);
    gate.line(&["admin listener ready"]);
    let socket = fs::metadata(&path).expect("a socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}
