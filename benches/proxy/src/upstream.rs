//! The app behind every peer, which counts requests and responds with two bytes.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixListener,
    },
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
};
use tempfile::TempDir;

use crate::message;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/// The longest head that a peer sends.
const MOST_HEAD: usize = 16 * 1024;

/// A running app, which ends when this is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// Its Unix socket.
    pub(crate) socket: PathBuf,
    _room: TempDir,
    arrived: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Upstream {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let room = TempDir::with_prefix("cartgate-app-")?;
        let socket = room.path().join("app.sock");
        let (arrived, ended) = (Arc::default(), Arc::default());
        let server = Server {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            listener,
            unix: UnixListener::bind(&socket)?,
            visitors: HashMap::new(),
            scratch: vec![0; 256 * 1024],
            arrived: Arc::clone(&arrived),
            ended: Arc::clone(&ended),
        };
        let thread = thread::Builder::new().name("upstream".to_owned());
        Ok(Self {
            address,
            socket,
            _room: room,
            arrived,
            ended,
            thread: Some(thread.spawn(move || server.run())?),
        })
    }

    /// Returns the number of complete requests.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Acquire)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("bench: the upstream ended early: {error}");
        }
    }
}

struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    unix: UnixListener,
    visitors: HashMap<u64, Visitor>,
    scratch: Vec<u8>,
    arrived: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

/// The tokens of the listeners. Those of connections follow.
const LISTENER: u64 = 0;
const UNIX_LISTENER: u64 = 1;

impl Server {
    fn run(mut self) -> io::Result<()> {
        self.listener.set_nonblocking(true)?;
        self.unix.set_nonblocking(true)?;
        self.watch(&self.listener, LISTENER)?;
        self.watch(&self.unix, UNIX_LISTENER)?;
        let mut events: Vec<Event> = Vec::with_capacity(256);
        // A short wait, to see the end soon.
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let mut next = UNIX_LISTENER + 1;
        while !self.ended.load(Ordering::Acquire) {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    LISTENER => self.accept(&mut next, Self::accept_tcp)?,
                    UNIX_LISTENER => self.accept(&mut next, Self::accept_unix)?,
                    visitor => self.serve(visitor),
                }
            }
        }
        Ok(())
    }

    fn watch(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, socket, data, EventFlags::IN)?)
    }

    fn accept_tcp(&self) -> io::Result<Box<dyn Stream>> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    fn accept_unix(&self) -> io::Result<Box<dyn Stream>> {
        let (stream, _) = self.unix.accept()?;
        stream.set_nonblocking(true)?;
        Ok(Box::new(stream))
    }

    fn accept(
        &mut self,
        next: &mut u64,
        from: impl Fn(&Self) -> io::Result<Box<dyn Stream>>,
    ) -> io::Result<()> {
        loop {
            let stream = match from(self) {
                Ok(stream) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            self.watch(&stream, *next)?;
            let visitor = Visitor {
                stream,
                head: Vec::new(),
                left: 0,
            };
            self.visitors.insert(*next, visitor);
            *next += 1;
        }
    }

    fn serve(&mut self, number: u64) {
        let Some(visitor) = self.visitors.get_mut(&number) else {
            return;
        };
        match visitor.read(&mut self.scratch) {
            Ok(Reading::More) => {}
            Ok(Reading::Whole) => {
                // Counts before it responds, so that a client with the response finds its request
                // counted.
                self.arrived.fetch_add(1, Ordering::Release);
                if visitor.stream.write_all(ANSWER).is_err() {
                    self.visitors.remove(&number);
                }
            }
            Ok(Reading::Closed) | Err(_) => {
                self.visitors.remove(&number);
            }
        }
    }
}

/// A stream of any kind.
trait Stream: Read + Write + AsFd + Send {}

impl<T: Read + Write + AsFd + Send> Stream for T {}

/// A connection from a peer.
struct Visitor {
    stream: Box<dyn Stream>,
    /// An incomplete head.
    head: Vec<u8>,
    /// The length of the outstanding body.
    left: usize,
}

enum Reading {
    More,
    Whole,
    Closed,
}

impl Visitor {
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<Reading> {
        let count = match self.stream.read(scratch) {
            Ok(0) => return Ok(Reading::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Reading::More),
            Err(error) => return Err(error),
        };
        if self.left > 0 {
            self.left = self.left.checked_sub(count).ok_or_else(unasked)?;
            return Ok(if self.left == 0 {
                Reading::Whole
            } else {
                Reading::More
            });
        }
        self.begin(&scratch[..count])
    }

    fn begin(&mut self, bytes: &[u8]) -> io::Result<Reading> {
        let earlier = self.head.len();
        let length = if earlier == 0 {
            message::request_length(bytes)?
        } else {
            self.head.extend_from_slice(bytes);
            message::request_length(&self.head)?
        };
        let Some(length) = length else {
            if earlier == 0 {
                self.head.extend_from_slice(bytes);
            }
            return if self.head.len() > MOST_HEAD {
                Err(unasked())
            } else {
                Ok(Reading::More)
            };
        };
        self.head.clear();
        self.left = length
            .checked_sub(earlier + bytes.len())
            .ok_or_else(unasked)?;
        Ok(if self.left == 0 {
            Reading::Whole
        } else {
            Reading::More
        })
    }
}

fn unasked() -> io::Error {
    io::Error::other("more than one request at a time")
}
