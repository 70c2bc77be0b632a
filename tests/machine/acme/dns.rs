//! A DNS server that knows a few names of this machine, and denies every other one.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

/// The type of an address record.
const A: u16 = 1;

pub(super) struct Dns {
    address: SocketAddr,
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl Dns {
    /// Starts a server that knows these names.
    pub(super) fn of(names: &[&str]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let names: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
        let names = Arc::new(Mutex::new(names));
        let known = Arc::clone(&names);
        // The thread ends with the process.
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                let answer = answer(&query[..length], &known.lock().expect("no panic"));
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Self { address, names }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a name.
    pub(super) fn add(&self, name: &str) {
        self.names.lock().expect("no panic").insert(name.to_owned());
    }
}

/// Returns the response to a query with one question.
fn answer(query: &[u8], names: &BTreeSet<String>) -> Option<Vec<u8>> {
    let (name, question) = question(query.get(12..)?)?;
    let kind = u16::from_be_bytes(question[question.len() - 4..][..2].try_into().ok()?);
    let is_known = names.contains(&name);
    let answers = u16::from(is_known && kind == A);
    // A response with authority; the code 3 denies the name.
    let flags: u16 = if is_known { 0x8400 } else { 0x8403 };
    let mut response = query[..2].to_vec();
    for number in [flags, 1, answers, 0, 0] {
        response.extend(number.to_be_bytes());
    }
    response.extend(question);
    if answers == 1 {
        // The name of the question, an address of the Internet, no time to live.
        response.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some(response)
}

/// Returns the name of a question, and its bytes.
fn question(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = bytes.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    Some((labels.join("."), bytes.get(..at + 4)?))
}
