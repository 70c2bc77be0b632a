//! The destination of the gate: records each request, and hands its bytes to all servers.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    comparison::differences,
    connection::{Response, ServerConnection, Unasked},
    delivered::Delivered,
    dice::dice,
    odd_request::odd_body,
    results::Results,
    server::WebServer,
    support::{
        wait_until,
        wire::{Wire as _, patient},
    },
};

/// The destination, and what it knows of all connections.
pub(crate) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    servers: Arc<[WebServer]>,
    results: Arc<Results>,
    /// The numbers of the requests that arrived.
    numbers: Mutex<BTreeSet<u64>>,
    /// The number of open connections.
    open: AtomicUsize,
    /// The number of connections on which the gate wrote something that it must not write.
    faults: AtomicUsize,
    ends: AtomicBool,
}

impl Recorder {
    pub(crate) fn start(servers: Arc<[WebServer]>, results: Arc<Results>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            servers,
            results,
            numbers: Mutex::default(),
            open: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
        });
        let kept = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if kept.ends.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&kept);
                shared.open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let served = catch_unwind(AssertUnwindSafe(|| shared.serve(stream)));
                    if served.is_err() {
                        shared.faults.fetch_add(1, Ordering::SeqCst);
                    }
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of requests that arrived.
    pub(crate) fn forwarded(&self) -> u64 {
        self.shared.numbers.lock().expect("no panic").len() as u64
    }

    /// Returns whether the gate wrote nothing wrong so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.shared.faults.load(Ordering::SeqCst) == 0
    }

    /// Waits until the gate has closed its idle connections.
    pub(crate) fn finish(&self) {
        wait_until("the gate closes its connections", || {
            self.shared.open.load(Ordering::SeqCst) == 0
        });
        assert!(self.is_sound(), "the gate wrote something wrong");
    }
}

/// Ends the acceptor, which would otherwise keep the servers running.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        let woken = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken.is_ok()) {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let mut stream = patient(stream);
        let mut buffer = Vec::new();
        let mut connections: Vec<_> = self
            .servers
            .iter()
            .map(|_| ServerConnection::new())
            .collect();
        while let Ok(Some(mut delivered)) = Delivered::read(&mut stream, &mut buffer) {
            let number = self.check(&delivered);
            let mut dice = dice("cut", number);
            if dice.one_in(2) {
                delivered.cut = dice.below(delivered.raw.len());
            }
            self.hand_over(&delivered, &mut connections);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            if std::io::Write::write_all(&mut stream, answer).is_err() {
                break;
            }
        }
        let _ = stream.end();
        for (index, connection) in connections.iter_mut().enumerate() {
            self.add_unasked(index, connection.finish());
        }
    }

    /// Checks that the gate forwards a request once, with the body that was signed. Returns its
    /// number.
    fn check(&self, delivered: &Delivered) -> u64 {
        let number = std::str::from_utf8(delivered.header("x-number")).expect("digits");
        let number = number.parse().expect("a number");
        assert!(odd_body(number) == delivered.body(), "the body of {number}");
        let is_new = self.numbers.lock().expect("no panic").insert(number);
        assert!(is_new, "{number} arrives twice");
        number
    }

    /// Lets all servers read the request at the same time.
    fn hand_over(&self, delivered: &Delivered, connections: &mut [ServerConnection]) {
        let servers = self.servers.iter().enumerate();
        for ((index, server), connection) in servers.clone().zip(&mut *connections) {
            let unasked = connection.send(server, delivered);
            self.add_unasked(index, unasked);
        }
        for ((index, server), connection) in servers.zip(connections) {
            let found = match connection.receive() {
                Response::Read(read) => differences(&delivered.reading, &read, server.repeats),
                Response::Rejected(status) => vec![("rejected", status.to_string())],
                Response::Broken(error) => vec![("no response", error)],
            };
            let found = found
                .into_iter()
                .map(|(kind, detail)| (server.reason(delivered, kind, &detail), kind, detail));
            self.results.add(index, delivered, found.collect());
        }
    }

    fn add_unasked(&self, index: usize, unasked: Option<Unasked>) {
        if let Some(unasked) = unasked {
            self.results.add_unasked(index, &unasked);
        }
    }
}
