//! A gate in front of an app, both real, and a client that writes given bytes.

use std::{
    future::pending,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use cartgate::{
    Resources,
    destination::{Destination, Settings},
    endpoint::{Endpoint, Endpoints, PathRule},
    net::listener::{ListenAddress, Listener},
    proxy::config::{AccessLog, Config, timeouts::Timeouts},
};
use tokio::sync::watch;

use super::{
    app::App,
    oracle::{self, PATH, check},
};

/// The timeout after which a gate that has not closed the connection hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Site {
    app: App,
    gate: SocketAddr,
}

impl Site {
    /// Starts a gate whose timeouts for clients are all `clock`.
    pub fn start(clock: Duration) -> Self {
        let app = App::start();
        let address = ListenAddress::Tcp(format!("{}:0", Ipv4Addr::LOCALHOST));
        let listener = Listener::bind(&address).expect("a port");
        let gate = listener.tcp_address().expect("an address");
        let config = Arc::new(config(app.address, clock));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let (_sender, config) = watch::channel(config);
            let resources = Resources::with_listeners(vec![listener]);
            let served = cartgate::serve(resources, config, pending());
            runtime
                .expect("a runtime")
                .block_on(served)
                .expect("the gate serves");
        });
        Self { app, gate }
    }

    /// Writes `data` to the gate and checks the results. Returns the number of deliveries that
    /// passed.
    pub fn judge(&self, data: &[u8]) -> usize {
        let answers = self.converse(data);
        let received = self.app.take();
        for record in &received {
            check(record.as_ref().expect("the gate writes clean HTTP"));
        }
        let passed = received.len();
        assert!(
            passed <= oracle::signatures_in(data),
            "a delivery passed more than once"
        );
        assert!(accepted(&answers) <= passed, "accepted, and not delivered");
        passed
    }

    /// Returns the responses, read until the gate closes.
    fn converse(&self, data: &[u8]) -> Vec<u8> {
        let mut client = TcpStream::connect(self.gate).expect("the gate accepts");
        client.set_read_timeout(Some(PATIENCE)).expect("a time");
        // The gate may close before it has read everything. The responses show it.
        drop(client.write_all(data));
        let (mut answers, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match client.read(&mut buffer) {
                Ok(0) => return answers,
                Ok(length) => answers.extend(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the gate neither answers nor closes")
                }
                Err(_) => return answers,
            }
            if is_the_last(&answers) {
                drop(client.shutdown(Shutdown::Write));
            }
        }
    }
}

/// Returns whether the gate only waits for the client to end its writes after this response.
fn is_the_last(answers: &[u8]) -> bool {
    answers
        .to_ascii_lowercase()
        .windows(17)
        .any(|window| window == b"connection: close")
}

fn accepted(answers: &[u8]) -> usize {
    answers
        .windows(13)
        .filter(|window| window == b"HTTP/1.1 202 ")
        .count()
}

fn config(app: SocketAddr, clock: Duration) -> Config {
    const WORKERS: usize = 1;
    let address = format!("http://{app}").parse().expect("an address");
    let destination = Destination::new("app", address, Settings::default(), WORKERS);
    let endpoint = Endpoint::new(
        "fuzz",
        PathRule::Exact(PATH.to_owned()),
        oracle::policy(),
        vec![("default".parse().expect("a name"), oracle::secret())],
        Arc::new(destination.expect("no certificate is needed")),
    );
    Config {
        workers: WORKERS,
        timeouts: Timeouts {
            header: clock,
            keep_alive: clock,
            body: clock,
            ..Timeouts::default()
        },
        access_log: AccessLog::Off,
        ..Config::new(Endpoints::new(vec![endpoint]))
    }
}
