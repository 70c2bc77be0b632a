//! Many that send distinct signed orders to a gate, each over its own connection, one after the other as fast as the
//! gate answers, and remember what they were told.

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

/// Numbers that no two orders share, in however many rounds and at however many gates.
#[derive(Clone, Default)]
pub(crate) struct Numbers(Arc<AtomicU64>);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, SeqCst)
    }
}

/// What became of the orders that were sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Answered with 200: they must arrive. The delivery id of each, where the answer had one.
    pub(crate) acknowledged: BTreeMap<u64, Option<String>>,
    /// Sent at least in part and never answered: they may arrive.
    pub(crate) unknown: BTreeSet<u64>,
    /// Answered in another way: they may arrive too, where the gate could not know.
    pub(crate) refused: BTreeMap<u64, Refused>,
}

impl Ledger {
    /// Of all that `later` knows more, what was acknowledged is unknown.
    pub(crate) fn unknown_after(&mut self, later: Self) {
        let more = later.acknowledged.into_keys();
        let more = more.filter(|number| !self.acknowledged.contains_key(number));
        self.unknown.extend(more.chain(later.unknown));
        self.refused.extend(later.refused);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
}

/// When a sender gives up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// With its connection: for a gate that is killed, whose port may be another's then.
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

    /// What is known so far.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.lock().expect("no panic").clone()
    }

    /// How many were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.ledger.lock().expect("no panic").acknowledged.len()
    }

    /// How many were refused so far.
    pub(crate) fn refused(&self) -> usize {
        self.ledger.lock().expect("no panic").refused.len()
    }

    /// Waits until so many were acknowledged, for as long as any is.
    #[track_caller]
    pub(crate) fn wait_for(&self, acknowledged: usize) {
        while let Some(before) = Some(self.acknowledged()).filter(|now| *now < acknowledged) {
            wait_until("orders are acknowledged", || self.acknowledged() > before);
        }
    }

    /// Each ends after the answer it waits for, or with its connection. What became of all orders.
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

    /// Sends until the connection ends.
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
                let refused = Refused {
                    status,
                    retry_after,
                };
                ledger.refused.insert(number, refused);
                drop(ledger);
                // Who is refused does not come back at once.
                thread::sleep(ms(5));
            }
            if answer.header("connection").as_deref() == Some("close") {
                return;
            }
        }
    }
}

/// An answer's head; one that is torn, as by a kill, is none.
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
