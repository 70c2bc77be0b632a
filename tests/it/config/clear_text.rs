//! The password of PostgreSQL never leaves this machine in clear text, however the address is
//! written.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

use super::check::Site;
use crate::program::write_secret;

const PASSWORD: &str = "planted-password-of-postgresql";

/// A server without TLS that requests the password in clear text, as an attacker on the way would.
struct Eavesdropper {
    address: String,
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Eavesdropper {
    fn on(address: IpAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("bound");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let hears = Arc::clone(&heard);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let said = &buffer[..length];
                    hears.lock().expect("no panic").extend(said);
                    // SSLRequest has its own number; the response to anything else is a request for
                    // the password.
                    let wants_tls = said.get(4..8) == Some(&80_877_103_u32.to_be_bytes());
                    let answer: &[u8] = match wants_tls {
                        true => b"N",
                        false => b"R\0\0\0\x08\0\0\0\x03",
                    };
                    if stream.write_all(answer).is_err() {
                        break;
                    }
                }
            }
        });
        Self {
            address: address.to_string(),
            port,
            heard,
        }
    }

    fn heard(&self) -> String {
        let heard = self.heard.lock().expect("no panic");
        String::from_utf8_lossy(&heard).into_owned()
    }
}

/// Returns an address of this machine that is not loopback. Without a network, `0.0.0.0` leads here
/// as well.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("bound");
    // This sends nothing; it only makes the system choose an address.
    let chosen = socket
        .connect("203.0.113.1:9")
        .and_then(|()| socket.local_addr());
    let chosen = chosen.map(|address| address.ip()).ok();
    let beyond = chosen.filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    beyond.unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

#[test]
fn nobody_on_the_way_hears_the_password() {
    let server = Eavesdropper::on(own_address());
    let (ip, port) = (&server.address, server.port);
    // Whether the text already excludes it.
    let urls = [
        (format!("postgres://u@{ip}:{port}/db?sslmode=disable"), true),
        (format!("postgres://u@{ip}:{port}/db?sslmode=allow"), true),
        (format!("postgres://u@{ip}:{port}/db?sslmode=prefer"), true),
        (
            format!("postgres://u@localhost:{port}/db?hostaddr={ip}&sslmode=disable"),
            true,
        ),
        (
            format!("postgres://u@localhost:{port}/db?hostaddr={ip}"),
            false,
        ),
        (
            format!("postgres:///db?user=u&port={port}&hostaddr={ip}"),
            false,
        ),
        (
            format!("postgres://u@{ip}:{port}/db?application_name=sslmode="),
            false,
        ),
        (
            format!("postgres://u@{ip}:{port}/db?application_name=sslmode=disable"),
            false,
        ),
    ];
    for (url, ruled_out) in urls {
        let text = format!(
            r#"
[server]
listen = "127.0.0.1:0"
[inbox]
store = "{url}"
key = {{ file = "another" }}
password = {{ file = "password" }}
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/*"
secrets = ["current"]
durable = true
[[endpoint.destination]]
url = "http://127.0.0.1:1/"
"#
        );
        let site = Site::with(&text);
        write_secret(&site.path().join("password"), PASSWORD.as_bytes());
        let checked = site.run(&["check", "gate.toml"], &[]);
        let expected = if ruled_out { 2 } else { 0 };
        assert_eq!(checked.status, Some(expected), "{url}: {}", checked.err);
        assert_eq!(server.heard(), "", "check connects to nobody");
        let served = site.run(&["serve", "--config", "gate.toml"], &[]);
        let by_flag = [
            "inbox",
            "stats",
            "--inbox",
            &url,
            "--inbox-key-file",
            "another",
        ];
        let secret = ("CARTGATE_INBOX_PASSWORD", PASSWORD);
        let looked = site.run(&by_flag, &[secret]);
        for said in [&served, &looked] {
            assert!(matches!(said.status, Some(1 | 2)), "{url}: {}", said.err);
        }
        assert_eq!(served.status, Some(2), "{url}: {}", served.err);
        let reason = if ruled_out { "clear text" } else { "TLS" };
        assert!(served.err.contains(reason), "{url}: {}", served.err);
        let heard = server.heard();
        // At most the question whether the server speaks TLS.
        assert!(
            !heard.contains(PASSWORD) && !heard.contains("user"),
            "{url}: {heard}"
        );
        assert!(!ruled_out || heard.is_empty(), "{url}: {heard}");
        server.heard.lock().expect("no panic").clear();
    }
}

/// Proves that the test above would receive a password.
#[test]
fn on_this_machine_it_is_said() {
    let server = Eavesdropper::on(IpAddr::from([127, 0, 0, 1]));
    let site = Site::with("");
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("postgres://u@{host}:{}/db", server.port);
        let by_flag = [
            "inbox",
            "stats",
            "--inbox",
            &url,
            "--inbox-key-file",
            "another",
        ];
        site.run(&by_flag, &[("CARTGATE_INBOX_PASSWORD", PASSWORD)]);
        assert!(server.heard().contains(PASSWORD), "{}", server.heard());
        server.heard.lock().expect("no panic").clear();
    }
}
