//! An app behind the gate. It parses requests strictly, records each as it arrived, and responds as
//! configured. A fault of the gate (ambiguous framing, unverified bytes) fails the test that asks
//! for the requests.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use super::{
    answer::{APPS_LIES, APPS_MARK},
    sign_with, wait_until,
    wire::{Wire, header_lines, patient, patient_unix, read_head, read_some},
};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The app's action after its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Keep,
    Close,
}

/// The app's response to a request.
pub(crate) trait Behave:
    Fn(&Recorded, &mut dyn Wire) -> io::Result<Then> + Send + Sync + 'static
{
}
impl<F: Fn(&Recorded, &mut dyn Wire) -> io::Result<Then> + Send + Sync + 'static> Behave for F {}

/// A running app.
pub(crate) struct App {
    /// The address for `--upstream`, without a path.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Recorded>>,
    wrong: Mutex<Vec<String>>,
    connections: AtomicUsize,
    open: AtomicUsize,
}

/// Returns a response with the app's mark, and with headers that the gate must not pass on.
pub(crate) fn answer(status: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{APPS_MARK}: 1\r\n{APPS_LIES}{lines}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

impl App {
    /// Starts an app that accepts every request.
    pub(crate) fn content() -> Self {
        Self::tcp(|_, wire| {
            wire.write_all(&answer("200 OK", "", b"taken"))?;
            Ok(Then::Keep)
        })
    }

    /// Starts an app that does not respond until it is released.
    pub(crate) fn holding() -> (Self, Hold) {
        let hold = Hold::default();
        let held = hold.clone();
        let app = Self::tcp(move |_, wire| {
            held.wait();
            wire.write_all(&answer("200 OK", "", b"taken"))?;
            Ok(Then::Keep)
        });
        (app, hold)
    }

    /// Starts an app on a TCP port.
    pub(crate) fn tcp(behave: impl Behave) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").expect("a port"), behave)
    }

    /// Starts an app that accepts from this socket.
    pub(crate) fn listening(listener: TcpListener, behave: impl Behave) -> Self {
        let url = format!("http://{}", address(&listener));
        let wires = move || Some(Box::new(patient(listener.accept().ok()?.0)) as Box<dyn Wire>);
        Self::start(url, wires, behave)
    }

    /// Starts an app on a Unix socket.
    pub(crate) fn unix(path: &Path, behave: impl Behave) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        Self::unix_listening(path, listener, Duration::ZERO, behave)
    }

    /// Starts an app that accepts from this Unix socket, and takes so long for each connection.
    pub(crate) fn unix_listening(
        path: &Path,
        listener: UnixListener,
        pause: Duration,
        behave: impl Behave,
    ) -> Self {
        let url = format!("unix:{}", path.display());
        let wires = move || {
            thread::sleep(pause);
            Some(Box::new(patient_unix(listener.accept().ok()?.0)) as Box<dyn Wire>)
        };
        Self::start(url, wires, behave)
    }

    /// Starts an app under TLS.
    pub(crate) fn tls(config: rustls::ServerConfig, behave: impl Behave) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://localhost:{}", address(&listener).port());
        let config = Arc::new(config);
        let wires = move || {
            let tcp = patient(listener.accept().ok()?.0);
            let session = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(Box::new(rustls::StreamOwned::new(session, tcp)) as Box<dyn Wire>)
        };
        Self::start(url, wires, behave)
    }

    fn start(
        url: String,
        wires: impl Fn() -> Option<Box<dyn Wire>> + Send + 'static,
        behave: impl Behave,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let (app, behave) = (Arc::clone(&shared), Arc::new(behave));
        thread::spawn(move || {
            while let Some(mut wire) = wires() {
                let (app, behave) = (Arc::clone(&app), Arc::clone(&behave));
                thread::spawn(move || {
                    app.open.fetch_add(1, SeqCst);
                    // The gate may close the connection at any time.
                    let _ = app.converse(&mut *wire, &*behave);
                    drop(wire);
                    app.open.fetch_sub(1, SeqCst);
                });
            }
        });
        Self { url, shared }
    }

    /// Returns all requests so far, and checks that all are genuine.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        let wrong = self.shared.wrong.lock().expect("no panic").clone();
        assert!(
            wrong.is_empty(),
            "the app got what it never should: {wrong:#?}"
        );
        self.shared.requests.lock().expect("no panic").clone()
    }

    /// Returns the number of requests so far.
    #[track_caller]
    pub(crate) fn count(&self) -> usize {
        self.requests().len()
    }

    /// Returns the only request so far.
    #[track_caller]
    pub(crate) fn only(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// Returns the number of connections with a request so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// Waits until this number of requests has arrived.
    #[track_caller]
    pub(crate) fn wait_for(&self, requests: usize) {
        wait_until("requests at the app", || self.count() >= requests);
    }

    /// Waits until no client is connected.
    #[track_caller]
    pub(crate) fn wait_until_left_alone(&self) {
        wait_until("the app's connections end", || {
            self.shared.open.load(SeqCst) == 0
        });
    }
}

/// Holds an app back until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Hold(Arc<(Mutex<bool>, Condvar)>);

impl Hold {
    pub(crate) fn open(&self) {
        *self.0.0.lock().expect("no panic") = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let open = self.0.0.lock().expect("no panic");
        let (_open, waited) = self
            .0
            .1
            .wait_timeout_while(open, super::PATIENCE, |open| !*open)
            .expect("no panic");
        assert!(!waited.timed_out(), "an app was held back for ever");
    }
}

impl Shared {
    fn converse(&self, wire: &mut dyn Wire, behave: &dyn Behave) -> io::Result<()> {
        let mut buffer = Vec::new();
        // A gate connects to its apps at the start, and sends nothing.
        let mut is_counted = false;
        while let Some(request) = Recorded::read(wire, &mut buffer)? {
            if !is_counted {
                self.connections.fetch_add(1, SeqCst);
                is_counted = true;
            }
            let request = match request {
                Ok(request) => request,
                Err(wrong) => {
                    self.wrong.lock().expect("no panic").push(wrong);
                    return Ok(());
                }
            };
            self.record(request.clone());
            if behave(&request, wire)? == Then::Close {
                return Ok(());
            }
        }
        Ok(())
    }

    fn record(&self, request: Recorded) {
        if !request.is_genuine() {
            self.wrong
                .lock()
                .expect("no panic")
                .push(format!("not verified: {request:?}"));
        }
        self.requests.lock().expect("no panic").push(request);
    }
}

impl Recorded {
    /// Returns the next request, or its fault; none if the stream ends before it is complete.
    pub(crate) fn read(
        wire: &mut dyn Wire,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<Result<Self, String>>> {
        let Some(end) = read_head(wire, buffer)? else {
            return Ok(None);
        };
        let head: Vec<u8> = buffer.drain(..end).collect();
        let mut request = match parse(&head) {
            Ok(request) => request,
            Err(wrong) => return Ok(Some(Err(wrong))),
        };
        let length = request
            .header("content-length")
            .expect("parsed")
            .parse()
            .expect("parsed");
        while buffer.len() < length {
            if !read_some(wire, buffer)? {
                return Ok(None);
            }
        }
        request.body = buffer.drain(..length).collect();
        Ok(Some(Ok(request)))
    }

    /// Returns the only value of a header; none if it is absent.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} occurs twice");
        value
    }

    /// Returns whether the request carries the signature of exactly its body under one of the
    /// tests' secrets.
    pub(crate) fn is_genuine(&self) -> bool {
        let shopify = self.header("x-shopify-hmac-sha256");
        let header = self.header("x-cartfunnel-hmac-sha256").or(shopify);
        super::SECRETS
            .iter()
            .any(|secret| header == Some(&sign_with(secret, &self.body)))
    }
}

/// Parses a head as the gate must write it: anything that another parser could read differently is
/// wrong.
fn parse(head: &[u8]) -> Result<Recorded, String> {
    let text = std::str::from_utf8(&head[..head.len() - 2]).map_err(|_| "not text".to_owned())?;
    let (first, lines) = text.split_once("\r\n").ok_or("no first line")?;
    let words: Vec<_> = first.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else {
        return Err(format!("malformed: {first:?}"));
    };
    let request = Recorded {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: header_lines(lines)?,
        body: Vec::new(),
    };
    let all = |name: &str| {
        let named = request
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let [length] = all("content-length")[..] else {
        return Err(format!("not one length: {text:?}"));
    };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    if !digits || !all("transfer-encoding").is_empty() || all("host").len() != 1 {
        return Err(format!("ambiguous: {text:?}"));
    }
    Ok(request)
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("an address")
}
