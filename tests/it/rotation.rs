//! A hundred changes of secrets under load: no genuine delivery is rejected, and no removed secret
//! is accepted.

use std::{
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use crate::{
    program::{Program, write_secret},
    support::{App, BODY, Client, request, sign_with, wait_until},
};

const ROTATIONS: usize = 100;
const SENDERS: usize = 4;

fn secret(generation: usize) -> Vec<u8> {
    format!("planted secret number {generation} of the tests").into_bytes()
}

fn delivery(generation: usize) -> Vec<u8> {
    let signature = sign_with(&secret(generation), BODY);
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {signature}\r\n");
    request("POST /hooks HTTP/1.1", &lines, BODY)
}

fn file(url: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[secret.current]
file = "current"
[secret.previous]
file = "previous"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current", "previous"]
[[endpoint.destination]]
url = "{url}"
"#
    )
}

/// The secrets of the senders. Each sender holds a read lock while it sends, so that a secret is
/// removed only when no delivery with its signature is on its way. The reloads happen while
/// deliveries are on their way.
struct Sending {
    generation: RwLock<usize>,
    sent: AtomicUsize,
    over: AtomicBool,
}

impl Sending {
    fn send(&self, mut client: Client) {
        while !self.over.load(SeqCst) {
            let generation = self.generation.read().expect("no panic");
            let answer = client.ask(delivery(*generation));
            assert_eq!(answer.status, 200, "a genuine one by secret {generation}");
            self.sent.fetch_add(1, SeqCst);
        }
    }
}

#[test]
fn a_hundred_rotations_lose_nothing_and_leave_nothing_open() {
    let app = App::content();
    let files: [(&str, &[u8]); 2] = [("current", &secret(1)), ("previous", &secret(0))];
    let program = Program::serve_file(&file(&app.url), &files);
    let sending = Sending {
        generation: RwLock::new(1),
        sent: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    thread::scope(|threads| {
        for _ in 0..SENDERS {
            threads.spawn(|| sending.send(program.client()));
        }
        let mut probe = program.client();
        for current in 2..ROTATIONS + 2 {
            let before = sending.sent.load(SeqCst);
            write_secret(&program.file("previous"), &secret(current - 1));
            write_secret(&program.file("current"), &secret(current));
            program.signal("HUP");
            wait_until("it is in force", || {
                let lines = program.lines();
                let reloads = lines
                    .iter()
                    .filter(|line| line.contains("configuration in force"));
                reloads.count() >= current - 1
            });
            assert_eq!(
                probe.ask(delivery(current)).status,
                200,
                "the new one, at once"
            );
            assert_eq!(
                probe.ask(delivery(current - 1)).status,
                200,
                "the one before"
            );
            assert_eq!(
                probe.ask(delivery(current - 2)).status,
                401,
                "the one that has gone"
            );
            wait_until("deliveries on the way", || {
                sending.sent.load(SeqCst) > before + SENDERS
            });
            *sending.generation.write().expect("no panic") = current;
        }
        sending.over.store(true, SeqCst);
    });
    assert!(sending.sent.load(SeqCst) > ROTATIONS * SENDERS);
}
