//! Two gates on one PostgreSQL send an alarm once.

use std::{process::Command, thread, time::Duration};

use crate::{
    program::Program,
    receiver::Receiver,
    servers::postgres::Postgres,
    support::{App, BODY, SECRET, Then, genuine, wait_until},
};

/// Longer than the store's statistics and the look at the conditions of the slower gate may take.
const BOTH_HAVE_LOOKED: Duration = Duration::from_secs(8);

fn config(url: &str, app: &App, receiver: &Receiver) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "127.0.0.1:0"
[inbox]
store = "{url}"
key = {{ file = "key" }}
[[alarm]]
name = "ops"
url = "{}"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "shop"
url = "{}"
retry = ["1ms"]
"#,
        receiver.url, app.url
    )
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn two_gates_send_an_alarm_once_and_its_end_once() {
    let postgres = Postgres::shared();
    let receiver = Receiver::responding("204 x");
    let app = App::tcp(|_, wire| {
        wire.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
        Ok(Then::Keep)
    });
    let url = postgres.database("shared_alarms");
    let text = config(&url, &app, &receiver);
    let files: [(&str, &[u8]); 2] = [
        ("secret", SECRET),
        ("key", b"planted-key-of-the-seals-of-a-test"),
    ];
    let gates = [
        Program::serve_file(&text, &files),
        Program::serve_file(&text, &files),
    ];
    assert_eq!(gates[0].client().ask(genuine(BODY)).status, 200);
    let raised = "dead-letter shop raised";
    receiver.wait_for(raised);
    thread::sleep(BOTH_HAVE_LOOKED);
    assert_eq!(receiver.edges(), [raised]);

    let file = gates[0].file("cartgate.toml");
    let purged = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .current_dir(file.parent().expect("a directory"))
        .args(["inbox", "purge", "--config", "cartgate.toml"])
        .args(["--state", "dead", "--yes"])
        .output()
        .expect("it runs");
    assert!(purged.status.success(), "{purged:?}");
    let recovered = "dead-letter shop recovered";
    receiver.wait_for(recovered);
    thread::sleep(BOTH_HAVE_LOOKED);
    assert_eq!(receiver.edges(), [raised, recovered]);
    let sent = |gate: &Program| gate.lines().iter().any(|line| line.contains("alarm sent"));
    wait_until("a gate has logged it", || gates.iter().any(sent));
}
