//! A gate on PostgreSQL that its environment alone configures, with the password, the key and the authority that it needs.

use crate::{
    program::Program,
    servers::postgres::{DATABASE, PASSWORD, Postgres},
    support::{App, SECRET, genuine},
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
        gate.line(&["stored before", "postgresql"]);
        let answer = gate.client().ask(genuine(format!("{taken}").as_bytes()));
        assert!(answer.is_kept(), "{answer:?}");
        app.wait_for(taken);
        // An operator beside it needs nothing else.
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
