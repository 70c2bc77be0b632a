//! Conditions that begin and end at a running gate.

use std::{fs, net::TcpListener, time::Duration};

use super::receiver::Receiver;
use crate::{
    program::Program,
    support::{App, BODY, SECRET, genuine, wait_until},
};

/// The configuration of a gate that sends its alarms to `receiver`.
fn file(upstream: &str, receiver: &Receiver) -> String {
    let url = &receiver.url;
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"unix:DIR/admin.sock\"\n\
         [[alarm]]\nname = \"ops\"\nurl = \"{url}\"\ncool_down = \"0s\"\n\
         [secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\n\
         [[endpoint.destination]]\nname = \"app\"\nurl = \"{upstream}\"\n"
    )
}

#[test]
fn a_destination_that_is_down_raises_alarms_and_recovers() {
    let receiver = Receiver::responding("204 x");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let socket = listener.try_clone().expect("another handle");
    drop((listener, socket));
    let text = file(&format!("http://{address}"), &receiver);
    let program = Program::serve_file(&text, &[("secret", SECRET)]);
    let begun = std::time::Instant::now();
    assert_eq!(program.client().ask(genuine(BODY)).status, 502);
    receiver.wait_for("destination-down app raised");
    receiver.wait_for("not-taken orders raised");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let messages = receiver.messages();
    assert_eq!(messages.len(), 1, "one message for both: {messages:?}");
    let text = messages[0].to_string();
    assert!(text.contains("destination-refused"), "{text}");
    let payload = String::from_utf8_lossy(BODY);
    assert!(
        !text.contains(payload.trim()) && !text.contains("planted"),
        "{text}"
    );

    let listener = TcpListener::bind(address).expect("the port again");
    let app = App::listening(listener, |_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        Ok(crate::support::Then::Keep)
    });
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    receiver.wait_for("destination-down app recovered");
    assert_eq!(app.count(), 1);
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .arg("status")
        .arg(format!("unix:{}", program.file("admin.sock").display()))
        .output()
        .expect("it runs");
    let screen = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(screen.contains("alarms to ops: 2 sent"), "{screen}");
    program.signal("TERM");
    let log = program.end().1.join("\n");
    assert!(log.contains("alarm=ops conditions="), "{log}");
    assert!(!log.contains("planted"), "{log}");
}

#[test]
fn a_failed_reload_is_an_alarm_until_one_succeeds() {
    let receiver = Receiver::responding("200 OK");
    let app = App::content();
    let text = file(&app.url, &receiver);
    let program = Program::serve_file(&text, &[("secret", SECRET)]);
    let path = program.file("cartgate.toml");
    let right = fs::read_to_string(&path).expect("the file");
    fs::write(&path, right.replace("path", "paht")).expect("written");
    program.signal("HUP");
    receiver.wait_for("reload-failed  raised");
    fs::write(&path, &right).expect("written");
    program.signal("HUP");
    receiver.wait_for("reload-failed  recovered");
    assert_eq!(receiver.edges().len(), 2);

    let count = |part: &str| {
        let lines = program.lines();
        lines.iter().filter(|line| line.contains(part)).count()
    };
    // A removed receiver gets nothing more.
    let without = right
        .split_once("[[alarm]]")
        .expect("the table")
        .0
        .to_owned()
        + right.split_once("cool_down = \"0s\"\n").expect("its end").1;
    fs::write(&path, without).expect("written");
    program.signal("HUP");
    wait_until("it is in force", || count("configuration in force") == 2);
    fs::write(&path, "nonsense").expect("written");
    program.signal("HUP");
    wait_until("it fails", || count("reload failed") == 2);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(receiver.edges().len(), 2);
}
