//! Senders of distinct signed orders. Each has its own connection, sends one order after the other
//! as fast as the gate responds, and records the responses.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
};

use crate::{
    order,
    support::{
        genuine, ms, wait_until,
        wire::{header_lines, patient, read_head, read_some},
    },
};

/// Numbers that are unique over all rounds and gates of a drill.
#[derive(Clone, Default)]
pub(crate) struct Numbers(Arc<AtomicU64>);

impl Numbers {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, SeqCst)
    }
}

/// The outcome of the sent orders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Orders with a 200, which must arrive, and the delivery id in the response.
    pub(crate) acknowledged: BTreeMap<u64, Option<String>>,
    /// Orders that were sent at least in part, without a response. They may arrive.
    pub(crate) unknown: BTreeSet<u64>,
    /// Orders with another status. They may arrive, too, if the gate could not know the outcome.
    pub(crate) rejected: BTreeMap<u64, Rejected>,
}

impl Ledger {
    /// Adds a later ledger, whose acknowledgements count as unknown.
    pub(crate) fn unknown_after(&mut self, later: Self) {
        let more = later.acknowledged.into_keys();
        let more = more.filter(|number| !self.acknowledged.contains_key(number));
        self.unknown.extend(more.chain(later.unknown));
        self.rejected.extend(later.rejected);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
}

/// When a sender ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// When its connection ends. This is for a gate that is killed, whose port may belong to
    /// another program afterwards.
    Broken,
    /// Never: it connects again.
    Told,
}

pub(crate) struct Senders {
    told: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
    threads: Vec<JoinHandle<()>>,
}

impl Senders {
    pub(crate) fn start(gate: SocketAddr, count: usize, numbers: &Numbers, until: Until) -> Self {
        let told = Arc::<AtomicBool>::default();
        let ledger = Arc::<Mutex<Ledger>>::default();
        let threads = (0..count).map(|_| {
            let sender = Sender {
                gate,
                numbers: numbers.clone(),
                told: Arc::clone(&told),
                ledger: Arc::clone(&ledger),
            };
            thread::spawn(move || sender.send(until))
        });
        let threads = threads.collect();
        Self {
            told,
            ledger,
            threads,
        }
    }

    /// Returns the outcome so far.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.lock().expect("no panic").clone()
    }

    /// Returns the number of acknowledged orders so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.ledger.lock().expect("no panic").acknowledged.len()
    }

    /// Returns the number of rejected orders so far.
    pub(crate) fn rejected(&self) -> usize {
        self.ledger.lock().expect("no panic").rejected.len()
    }

    /// Waits until so many orders are acknowledged, as long as any are.
    #[track_caller]
    pub(crate) fn wait_for(&self, acknowledged: usize) {
        while let Some(before) = Some(self.acknowledged()).filter(|now| *now < acknowledged) {
            wait_until("orders are acknowledged", || self.acknowledged() > before);
        }
    }

    /// Ends each sender after its next response, or with its connection. Returns the outcome of all
    /// orders.
    pub(crate) fn end(mut self) -> Ledger {
        self.told.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().expect("no panic");
        }
        self.ledger()
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.told.store(true, SeqCst);
    }
}

struct Sender {
    gate: SocketAddr,
    numbers: Numbers,
    told: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Sender {
    fn send(&self, until: Until) {
        while !self.told.load(SeqCst) {
            match TcpStream::connect(self.gate) {
                Ok(stream) => self.send_over(patient(stream)),
                // A gate that is stopped and started takes a moment.
                Err(_) => thread::sleep(ms(5)),
            }
            if until == Until::Broken {
                return;
            }
        }
    }

    /// Sends orders until the connection ends.
    fn send_over(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while !self.told.load(SeqCst) {
            let number = self.numbers.next();
            let sent = stream.write_all(&genuine(&order::body(number)));
            let answer = sent.and_then(|()| Answered::read(&mut stream, &mut buffer));
            let mut ledger = self.ledger.lock().expect("no panic");
            let Ok(answer) = answer else {
                ledger.unknown.insert(number);
                return;
            };
            if answer.status == 200 {
                let id = answer.header("x-cartgate-delivery");
                ledger.acknowledged.insert(number, id);
            } else {
                let (status, retry_after) = (answer.status, answer.header("retry-after"));
                let rejected = Rejected {
                    status,
                    retry_after,
                };
                ledger.rejected.insert(number, rejected);
                drop(ledger);
                // A rejected sender waits before it sends again.
                thread::sleep(ms(5));
            }
            if answer.header("connection").as_deref() == Some("close") {
                return;
            }
        }
    }
}

/// The head of a response. A head that a kill has torn counts as missing.
struct Answered {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Answered {
    fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Self> {
        let torn = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let end = read_head(stream, buffer)?.ok_or_else(torn)?;
        let head: Vec<u8> = buffer.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head in ASCII");
        let (first, lines) = head.trim_end().split_once("\r\n").expect("two lines");
        let status = first.split(' ').nth(1).expect("a status");
        let answered = Self {
            status: status.parse().expect("a number"),
            headers: header_lines(lines).expect("header lines"),
        };
        let length = answered.header("content-length").expect("a length");
        let length = length.parse().expect("a number");
        while buffer.len() < length {
            if !read_some(stream, buffer)? {
                return Err(torn());
            }
        }
        buffer.drain(..length);
        Ok(answered)
    }

    fn header(&self, name: &str) -> Option<String> {
        let mut named = self
            .headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.clone())
    }
}
