//! A receiver of alarms that records each message.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::support::wait_until;

/// A receiver that records the body of each request, and responds with one status.
pub(crate) struct Receiver {
    /// The address with a path that is a secret.
    pub(crate) url: String,
    status: Arc<Mutex<&'static str>>,
    messages: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub(crate) fn responding(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let messages = Arc::<Mutex<Vec<Value>>>::default();
        let recorded = Arc::clone(&messages);
        let status = Arc::new(Mutex::new(status));
        let present = Arc::clone(&status);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let status = *present.lock().expect("whole");
                if let Some(message) = respond(stream, status) {
                    recorded.lock().expect("whole").push(message);
                }
            }
        });
        Self {
            url: format!("http://{address}/planted/path?key=planted"),
            status,
            messages,
        }
    }

    /// Responds with another status from now on.
    pub(crate) fn respond_with(&self, status: &'static str) {
        *self.status.lock().expect("whole") = status;
    }

    pub(crate) fn messages(&self) -> Vec<Value> {
        self.messages.lock().expect("whole").clone()
    }

    /// Returns `condition subject state` of each edge.
    pub(crate) fn edges(&self) -> Vec<String> {
        let messages = self.messages();
        let alarms = messages.iter().filter_map(|one| one["alarms"].as_array());
        let edge = |one: &Value| {
            let text = |key: &str| one[key].as_str().expect("a text").to_owned();
            format!(
                "{} {} {}",
                text("condition"),
                text("subject"),
                text("state")
            )
        };
        alarms.flatten().map(edge).collect()
    }

    /// Waits for an edge.
    #[track_caller]
    pub(crate) fn wait_for(&self, edge: &str) {
        wait_until(edge, || self.edges().iter().any(|one| one == edge));
    }
}

fn respond(stream: TcpStream, status: &str) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let location = "Location: http://127.0.0.1:9/planted";
    let response = format!("HTTP/1.1 {status}\r\n{location}\r\nContent-Length: 0\r\n\r\n");
    reader.get_mut().write_all(response.as_bytes()).ok()?;
    serde_json::from_slice(&body).ok()
}
