//! A gate whose PostgreSQL is behind PgBouncer: rejected in the modes that would break it, and
//! served otherwise.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
};

use tempfile::TempDir;

use crate::{
    program::Program,
    servers::postgres::{DATABASE, Postgres},
    support::{App, SECRET, genuine, wait_until},
    tool::{Server, tool},
};

/// A running PgBouncer.
struct Pooler {
    url: String,
    _server: Server,
}

impl Pooler {
    fn before(postgres: &Postgres, more: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let url = format!(
            "postgresql:///{DATABASE}?host={}&port=6432&user=postgres",
            dir.path().display()
        );
        let server = Self::start(postgres, more, dir);
        let socket = url.split(['=', '&']).nth(1).expect("a folder").to_owned() + "/.s.PGSQL.6432";
        wait_until("PgBouncer listens", || Path::new(&socket).exists());
        Self {
            url,
            _server: server,
        }
    }

    fn start(postgres: &Postgres, more: &str, dir: TempDir) -> Server {
        let folder = postgres.sql("SHOW unix_socket_directories");
        let path = dir.path().display();
        let text = format!(
            "[databases]\n* = host={folder} port=5432\n[pgbouncer]\nunix_socket_dir = {path}\n\
             listen_port = 6432\nauth_type = trust\nauth_file = {path}/users\n{more}\n"
        );
        fs::write(dir.path().join("users"), "\"postgres\" \"\"\n").expect("written");
        fs::write(dir.path().join("pgbouncer.ini"), text).expect("written");
        let mut command = tool("pgbouncer");
        command.arg("pgbouncer.ini");
        // PgBouncer refuses to run as root.
        if rustix::process::geteuid().is_root() {
            let nobody = 65534;
            chown(dir.path(), Some(nobody), Some(nobody)).expect("root gives it away");
            command.uid(nobody).gid(nobody);
        }
        Server::start(&mut command, dir)
    }
}

fn config(store: &str, app: &App) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[inbox]\nstore = \"{store}\"\nkey = {{ file = \"key\" }}\n\
         [secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\ndurable = true\n\
         [[endpoint.destination]]\nname = \"shop\"\nurl = \"{}\"\n",
        app.url
    )
}

const FILES: [(&str, &[u8]); 2] = [
    ("secret", SECRET),
    ("key", b"planted-key-of-the-seals-of-a-test"),
];

#[test]
#[ignore = "needs PostgreSQL and PgBouncer; make test runs it"]
fn a_pooler_that_shares_sessions_is_rejected_at_the_start() {
    let (postgres, app) = (Postgres::start(), App::content());
    for mode in [
        "pool_mode = transaction",
        "pool_mode = transaction\ndefault_pool_size = 1",
        "pool_mode = transaction\nserver_round_robin = 1\nmin_pool_size = 5",
        "pool_mode = statement",
        "pool_mode = statement\ndefault_pool_size = 1",
    ] {
        let pooler = Pooler::before(&postgres, mode);
        let text = config(&pooler.url, &app);
        for _ in 0..3 {
            let (status, lines) = Program::start_file(&text, &FILES, &[]).end();
            assert_eq!(status.code(), Some(2), "{mode} {lines:?}");
            let said = lines.join("\n");
            assert!(
                said.contains("a pooler in transaction or statement mode"),
                "{said}"
            );
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL and PgBouncer; make test runs it"]
fn a_pooler_that_gives_each_session_its_own_is_as_good_as_none() {
    let (postgres, app) = (Postgres::start(), App::content());
    let pooler = Pooler::before(&postgres, "pool_mode = session");
    let gate = Program::serve_file(&config(&pooler.url, &app), &FILES);
    for number in 1..=20 {
        let body = format!("order {number}");
        let answer = gate.client().ask(genuine(body.as_bytes()));
        assert!(answer.is_kept(), "{answer:?}");
    }
    app.wait_for(20);
}
