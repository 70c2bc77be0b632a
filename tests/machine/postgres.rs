//! A gate on PostgreSQL that only its environment configures, with the password, the key and the CA
//! file.

use crate::{
    program::Program,
    servers::postgres::{DATABASE, PASSWORD, Postgres},
    support::{App, SECRET, genuine, wait_until},
};

const KEY: &str = "planted-key-of-the-seals-of-a-test";

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn variables_alone_are_enough() {
    let (postgres, app) = (Postgres::start_with_tls(), App::content());
    let url = postgres.url_at(postgres.address(), DATABASE);
    let authority = postgres.authority();
    let dir = tempfile::tempdir().expect("a directory");
    let in_file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        crate::program::write_secret(&path, content.as_bytes());
        path.to_str().expect("text").to_owned()
    };
    let (key, password) = (in_file("key", KEY), in_file("password", PASSWORD));
    let rest = [
        ("CARTGATE_LISTEN", "127.0.0.1:0"),
        ("CARTGATE_UPSTREAM", app.url.as_str()),
        (
            "CARTGATE_SECRET",
            std::str::from_utf8(SECRET).expect("text"),
        ),
        ("CARTGATE_INBOX", url.as_str()),
        ("CARTGATE_INBOX_CA_FILE", authority.to_str().expect("text")),
    ];
    let themselves = [
        ("CARTGATE_INBOX_KEY", KEY),
        ("CARTGATE_INBOX_PASSWORD", PASSWORD),
    ];
    let files = [
        ("CARTGATE_INBOX_KEY_FILE", key.as_str()),
        ("CARTGATE_INBOX_PASSWORD_FILE", password.as_str()),
    ];
    for (secrets, taken) in [(themselves, 1), (files, 2)] {
        let variables = [&rest[..], &secrets].concat();
        let gate = Program::serve_by_variables(&[], &variables);
        gate.line(&["inbox enabled", "postgresql"]);
        let answer = gate.client().ask(genuine(format!("{taken}").as_bytes()));
        assert!(answer.is_kept(), "{answer:?}");
        app.wait_for(taken);
        // An operator on the same machine needs nothing else.
        let listed = std::process::Command::new(env!("CARGO_BIN_EXE_cartgate"))
            .env_clear()
            .envs(variables)
            .args(["inbox", "list", "--json"])
            .output()
            .expect("it runs");
        let out = String::from_utf8_lossy(&listed.stdout);
        assert_eq!(out.lines().count(), taken, "{listed:?}");
        let lines = gate.lines().join("\n");
        assert!(!lines.contains(PASSWORD) && !lines.contains(KEY));
    }
}

/// Ends the gate's sessions, so that it has to open new ones.
fn end_sessions(postgres: &Postgres) {
    let ended = postgres.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cartgate'",
    );
    assert_eq!(ended, "3");
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn a_reload_takes_up_a_new_password_and_authority() {
    let (postgres, app) = (Postgres::start_with_tls(), App::content());
    let url = postgres.url_at(postgres.address(), DATABASE);
    let authority = std::fs::read(postgres.authority()).expect("readable");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[inbox]\nstore = \"{url}\"\nkey = {{ file = \"key\" }}\n\
         password = {{ file = \"password\" }}\nca_file = \"authority\"\n\
         [secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\ndurable = true\n\
         [[endpoint.destination]]\nname = \"shop\"\nurl = \"{}\"\n",
        app.url
    );
    let files: [(&str, &[u8]); 4] = [
        ("secret", SECRET),
        ("key", KEY.as_bytes()),
        ("password", PASSWORD.as_bytes()),
        ("authority", &authority),
    ];
    let gate = Program::serve_file(&text, &files);
    let mut number = 0;
    let mut deliver = || {
        number += 1;
        let body = format!("order {number}");
        gate.client().ask(genuine(body.as_bytes())).status
    };
    assert_eq!(deliver(), 200);
    let write = |name: &str, content: &str| {
        crate::program::write_secret(&gate.file(name), content.as_bytes());
    };
    let lines = |part: &str| {
        gate.lines()
            .iter()
            .filter(|line| line.contains(part))
            .count()
    };
    let reload = || {
        let before = lines("configuration in force");
        gate.signal("HUP");
        wait_until("it is reloaded", || {
            lines("configuration in force") > before
        });
    };

    let new = "another-planted-password";
    write("password", new);
    reload();
    gate.line(&[
        "WARN",
        "inbox: the new login does not work",
        "open sessions stay",
    ]);
    assert_eq!(deliver(), 200, "open sessions stay");
    postgres.sql(&format!("ALTER ROLE postgres PASSWORD '{new}'"));
    end_sessions(&postgres);
    wait_until("it keeps again", || deliver() == 200);

    write("password", "a-wrong-one");
    reload();
    wait_until("it is tried", || lines("the new login does not work") == 2);
    end_sessions(&postgres);
    wait_until("it is rejected", || deliver() == 503);
    write("password", new);
    reload();
    wait_until("it keeps again", || deliver() == 200);

    write("authority", "no certificate");
    reload();
    wait_until("it is rejected", || {
        lines("the new login does not work") == 3
    });
    let said = gate.lines().join("\n");
    assert!(!said.contains(new) && !said.contains("a-wrong-one"));

    write("key", "another-planted-key-of-the-seals");
    reload();
    gate.line(&["WARN", "inbox.key", "only a restart applies"]);
    assert_eq!(deliver(), 200);
}
