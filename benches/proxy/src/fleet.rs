//! Keep-alive connections to one peer, each with at most one request in progress. The caller
//! decides when to send.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
};

use crate::{message, stop};

/// The longest wait for one response. A slower peer counts as hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// The connections, and the list of idle ones.
pub(crate) struct Fleet<'r> {
    address: SocketAddr,
    epoll: OwnedFd,
    connections: Vec<Connection<'r>>,
    idle: VecDeque<usize>,
    events: Vec<Event>,
    scratch: Vec<u8>,
}

/// A received response.
pub(crate) struct Done {
    pub(crate) status: u16,
    /// The instant that the caller gave for the request.
    pub(crate) mark: Instant,
}

/// The error of a peer that closed the connection instead of responding.
const LOST: u16 = 0;

impl<'r> Fleet<'r> {
    pub(crate) fn connect(address: SocketAddr, count: usize) -> io::Result<Self> {
        let mut fleet = Self {
            address,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(count),
            idle: (0..count).collect(),
            events: Vec::with_capacity(256),
            scratch: vec![0; 64 * 1024],
        };
        for index in 0..count {
            stop::check()?;
            let connection = Connection::open(address)?;
            fleet.watch(index, &connection)?;
            fleet.connections.push(connection);
        }
        Ok(fleet)
    }

    /// Whether no request is in progress.
    pub(crate) fn is_settled(&self) -> bool {
        self.idle.len() == self.connections.len()
    }

    /// Whether a connection is idle.
    pub(crate) fn is_free(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Sends a request on the connection that has been idle for the longest time.
    pub(crate) fn send(&mut self, request: &'r [u8], mark: Instant) -> io::Result<()> {
        let Some(index) = self.idle.pop_front() else {
            return Err(io::Error::other("no connection is free"));
        };
        self.connections[index].exchange = Some(Exchange {
            request,
            written: 0,
            mark,
        });
        self.write(index)
    }

    /// Waits for responses until the timeout, and returns those that have arrived.
    pub(crate) fn poll(&mut self, wait: Duration, done: &mut Vec<Done>) -> io::Result<()> {
        stop::check()?;
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for place in 0..self.events.len() {
            let Event { flags, data } = self.events[place];
            let index = usize::try_from(data.u64()).map_err(io::Error::other)?;
            if flags.contains(EventFlags::OUT) {
                self.write(index)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.read(index, done)?;
            }
        }
        Ok(())
    }

    /// Sends a single request, and returns the status.
    pub(crate) fn ask(&mut self, request: &'r [u8]) -> io::Result<u16> {
        let begun = Instant::now();
        let mut done: Vec<Done> = Vec::new();
        self.send(request, begun)?;
        loop {
            if let Some(one) = done.pop() {
                return Ok(one.status);
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("no answer comes"));
            }
            self.poll(Duration::from_millis(100), &mut done)?;
        }
    }

    fn write(&mut self, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        // Reading it reports the error.
        let whole = connection.write().unwrap_or(true);
        if whole == connection.blocked {
            connection.blocked = !whole;
            let flags = interest(!whole);
            epoll::modify(&self.epoll, &connection.stream, event(index), flags)?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize, done: &mut Vec<Done>) -> io::Result<()> {
        let connection = &mut self.connections[index];
        match connection.read(&mut self.scratch) {
            Ok(Progress::Waits) => Ok(()),
            Ok(Progress::Answered { status, closes }) => {
                // The response came before the end of the request, whose rest would be read as
                // another request.
                let early = connection
                    .exchange
                    .as_ref()
                    .is_some_and(|one| !one.is_written());
                self.finish(index, status, done);
                if closes || early {
                    self.replace(index)
                } else {
                    Ok(())
                }
            }
            Ok(Progress::Closed) | Err(_) => {
                self.finish(index, LOST, done);
                self.replace(index)
            }
        }
    }

    fn finish(&mut self, index: usize, status: u16, done: &mut Vec<Done>) {
        // An idle connection that the peer closed is replaced, and is idle again.
        if let Some(Exchange { mark, .. }) = self.connections[index].exchange.take() {
            done.push(Done { status, mark });
            self.idle.push_back(index);
        }
    }

    /// Replaces the connection. Dropping the old one removes it from the poll.
    fn replace(&mut self, index: usize) -> io::Result<()> {
        let connection = Connection::open(self.address)?;
        self.watch(index, &connection)?;
        self.connections[index] = connection;
        Ok(())
    }

    fn watch(&self, index: usize, connection: &Connection<'_>) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            &connection.stream,
            event(index),
            interest(false),
        )?)
    }
}

fn event(index: usize) -> EventData {
    EventData::new_u64(index as u64)
}

fn interest(write: bool) -> EventFlags {
    if write {
        EventFlags::IN | EventFlags::OUT
    } else {
        EventFlags::IN
    }
}

struct Connection<'r> {
    stream: TcpStream,
    exchange: Option<Exchange<'r>>,
    /// The received part of an incomplete response, which is nearly always empty.
    partial: Vec<u8>,
    blocked: bool,
}

struct Exchange<'r> {
    request: &'r [u8],
    written: usize,
    mark: Instant,
}

impl Exchange<'_> {
    fn is_written(&self) -> bool {
        self.written == self.request.len()
    }
}

enum Progress {
    Waits,
    Answered { status: u16, closes: bool },
    Closed,
}

impl Connection<'_> {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            exchange: None,
            partial: Vec::new(),
            blocked: false,
        })
    }

    /// Writes the rest of the request. Returns whether it is complete.
    fn write(&mut self) -> io::Result<bool> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(true);
        };
        while !exchange.is_written() {
            match self.stream.write(&exchange.request[exchange.written..]) {
                Ok(count) => exchange.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads once. The poll reports the rest, and responses are small.
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<Progress> {
        let count = match self.stream.read(scratch) {
            Ok(0) => return Ok(Progress::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waits),
            Err(error) => return Err(error),
        };
        if self.partial.is_empty()
            && let Some(answer) = message::answer(&scratch[..count])?
        {
            return Ok(answer.into());
        }
        self.partial.extend_from_slice(&scratch[..count]);
        let Some(answer) = message::answer(&self.partial)? else {
            return Ok(Progress::Waits);
        };
        self.partial.clear();
        Ok(answer.into())
    }
}

impl From<message::Answer> for Progress {
    fn from(answer: message::Answer) -> Self {
        Self::Answered {
            status: answer.status,
            closes: answer.closes,
        }
    }
}
