//! Apps that accept, reject, are slow, hang, crash before or after they accept, and come back.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::sleep,
};
use uuid::Uuid;

use super::{ledger::GateId, rows::Key, world::World};
use crate::{
    delivery::Head,
    net::{
        connect::{ConnectError, Connector},
        pipe::Pipe,
    },
    runtime::clock::Millis,
};

/// The time until an app is repaired that an event crashes.
const REPAIR: Millis = 20 * 60 * 1000;

/// The state of an app for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Now one thing, now another.
    Moody,
    Slow,
    Rejecting,
    Overloaded,
    Crashing,
    Hanging,
    /// It refuses connections.
    Down,
}

impl Mood {
    pub(super) const BAD: [Self; 7] = [
        Self::Moody,
        Self::Slow,
        Self::Rejecting,
        Self::Overloaded,
        Self::Crashing,
        Self::Hanging,
        Self::Down,
    ];
}

/// The conduct of an app toward a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conduct {
    Accepts,
    AcceptsWithHalfABody,
    AcceptsLate,
    AcceptsAndCrashes,
    Crashes,
    Rejects,
    IsOverloaded,
    AsksForAPause,
    IsGone,
    Hangs,
}

const ALL: [Conduct; 10] = [
    Conduct::Accepts,
    Conduct::AcceptsWithHalfABody,
    Conduct::AcceptsLate,
    Conduct::AcceptsAndCrashes,
    Conduct::Crashes,
    Conduct::Rejects,
    Conduct::IsOverloaded,
    Conduct::AsksForAPause,
    Conduct::IsGone,
    Conduct::Hangs,
];

impl Conduct {
    fn accepts(self) -> bool {
        use Conduct::{Accepts, AcceptsAndCrashes, AcceptsLate, AcceptsWithHalfABody};
        matches!(
            self,
            Accepts | AcceptsWithHalfABody | AcceptsLate | AcceptsAndCrashes
        )
    }
}

/// Returns the connector with which a gate reaches the app of a queue.
pub(super) fn connector(world: &Arc<World>, gate: GateId, queue: &str) -> Connector {
    let (world, queue): (_, Arc<str>) = (Arc::clone(world), queue.into());
    Connector::simulated(Arc::new(move || {
        Box::pin(connect(Arc::clone(&world), gate, Arc::clone(&queue)))
    }))
}

async fn connect(world: Arc<World>, gate: GateId, queue: Arc<str>) -> Result<Pipe, ConnectError> {
    let busy = world.busy();
    let mood = world.mood(&queue);
    if mood == Mood::Down {
        return Err(ConnectError::Refused(
            io::ErrorKind::ConnectionRefused.into(),
        ));
    }
    if mood == Mood::Hanging && world.random().chance(30) {
        // The gate gives up before.
        sleep(Duration::from_secs(60)).await;
    }
    let (near, far) = Pipe::pair();
    tokio::spawn(serve(world, gate, queue, far));
    drop(busy);
    Ok(near)
}

/// A request, as an app reads it.
struct Request {
    event: Uuid,
    copy: u32,
    line: Vec<u8>,
    headers: Headers,
    body: Vec<u8>,
}

/// The names and values of headers, in their order.
struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    fn parse(lines: &[u8]) -> Self {
        let lines = lines.split(|byte| *byte == b'\n');
        let headers = lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            Some((name.to_ascii_lowercase(), value.trim_ascii().to_vec()))
        });
        Self(headers.collect())
    }

    /// Returns the first value of a header.
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name.as_bytes());
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Returns whether the headers of the client came unchanged.
    fn contain(&self, head: &Head) -> bool {
        let sent = || head.headers.iter();
        let is_sent = |name: &[u8]| sent().any(|(own, _)| own.as_str().as_bytes() == name);
        let own = self.0.iter().filter(|(name, _)| is_sent(name));
        let own = own.map(|(name, value)| (&name[..], &value[..]));
        own.eq(sent().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())))
    }
}

impl Request {
    fn has_head(&self, head: &Head) -> bool {
        let line = format!("{} {} HTTP/1.1", head.method, head.target);
        self.line == line.as_bytes() && self.headers.contain(head)
    }
}

async fn serve(world: Arc<World>, gate: GateId, queue: Arc<str>, mut pipe: Pipe) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let request = receive(&mut pipe, &mut read).await?;
        let _busy = world.busy();
        let key = (request.event, (*queue).to_owned());
        world.judge_request(gate, &key, &request);
        let is_poison = world.is_poison(request.event);
        let conduct = if is_poison {
            Conduct::Crashes
        } else {
            world.conduct(&queue)
        };
        world.note(format_args!(
            "{queue}: {} from gate {gate}, and {conduct:?}",
            request.event
        ));
        if conduct == Conduct::AcceptsLate {
            let most = if world.random().chance(30) {
                14_000
            } else {
                1_000
            };
            let late = world.random().between(100, most);
            sleep(Duration::from_millis(late)).await;
        }
        if conduct == Conduct::Hangs {
            sleep(Duration::from_secs(40)).await;
            return None;
        }
        world.record(conduct, key);
        let response = respond(conduct)?;
        pipe.write_all(response.as_bytes()).await.ok()?;
        if conduct == Conduct::AcceptsWithHalfABody {
            return None;
        }
    }
}

/// Returns the response, unless the app crashes.
fn respond(conduct: Conduct) -> Option<&'static str> {
    Some(match conduct {
        Conduct::Accepts | Conduct::AcceptsLate => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        Conduct::AcceptsWithHalfABody => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        Conduct::Rejects => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        Conduct::IsOverloaded => "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
        Conduct::AsksForAPause => {
            "HTTP/1.1 429 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
        }
        Conduct::IsGone => "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
        Conduct::AcceptsAndCrashes | Conduct::Crashes | Conduct::Hangs => return None,
    })
}

impl World {
    fn mood(&self, queue: &str) -> Mood {
        let moods = self.moods.lock().expect("no panic");
        let now = self.elapsed();
        let mood = moods
            .get(queue)
            .filter(|(_, until)| now < *until && !self.is_calm());
        mood.map_or(Mood::Well, |(mood, _)| *mood)
    }

    fn conduct(&self, queue: &str) -> Conduct {
        use Conduct::{
            Accepts, AcceptsAndCrashes, AcceptsLate, AsksForAPause, Crashes, Hangs, IsOverloaded,
            Rejects,
        };
        let choices: &[Conduct] = match self.mood(queue) {
            Mood::Well | Mood::Down if self.is_calm() => &[Accepts],
            Mood::Well | Mood::Down => &[Accepts, Accepts, Accepts, Accepts, AcceptsLate],
            Mood::Moody => &ALL,
            Mood::Slow => &[AcceptsLate],
            Mood::Rejecting => &[Rejects],
            Mood::Overloaded => &[IsOverloaded, IsOverloaded, AsksForAPause, Accepts],
            Mood::Crashing => &[Crashes, AcceptsAndCrashes],
            Mood::Hanging => &[Hangs],
        };
        *self.random().pick(choices)
    }

    /// Returns whether an event crashes each app. The app is repaired after a while: an event that
    /// crashes its app alone is tried for ever.
    fn is_poison(&self, event: Uuid) -> bool {
        let ledger = self.ledger();
        let sent = ledger.sent.get(&event).filter(|sent| sent.is_poison);
        sent.is_some_and(|sent| self.elapsed() - sent.at < REPAIR) && !self.is_calm()
    }

    fn record(&self, conduct: Conduct, key: Key) {
        let mut ledger = self.ledger();
        if conduct.accepts() {
            *ledger.accepted.entry(key).or_default() += 1;
        } else if conduct == Conduct::IsGone {
            ledger.refused.insert(key);
        }
    }

    /// Judges whether the request is an event as it was sent, for this app.
    fn judge_request(&self, gate: GateId, key: &Key, request: &Request) {
        let (event, queue) = key;
        let mut ledger = self.ledger();
        let Some(sent) = ledger.sent.get(event) else {
            return ledger.violate(5, format!("{queue} got {event}, which nobody sent"));
        };
        let is_asked = sent.queues.iter().any(|own| **own == **queue);
        let is_moved = ledger.moved.get(event).is_some_and(|to| to.contains(queue));
        let is_body = request.body == sent.body;
        let is_head = request.has_head(&sent.head);
        let is_endpoint = request.headers.get("x-cartgate-endpoint") == Some(sent.endpoint);
        let is_copy = ledger.stored.get(event) == Some(&request.copy);
        if !(is_asked || is_moved) || !is_body || !is_head || !is_endpoint || !is_copy {
            let text = format!(
                "{queue} got {event} changed: subscribed {is_asked}, moved {is_moved}, same body {is_body}, \
                 same head {is_head}, same endpoint {is_endpoint}, same copy {is_copy}"
            );
            ledger.violate(5, text);
        }
        // A clock that is set ends a lease early.
        let Some(hold) = ledger.holds.get(key).filter(|_| !self.plan.faults.clocks) else {
            return;
        };
        if hold.gate != gate && self.elapsed() - hold.since < hold.lease && !ledger.is_moved(*event)
        {
            let text = format!("gate {gate} sends {key:?}, and gate {} holds it", hold.gate);
            ledger.violate(4, text);
        }
    }
}

async fn receive(pipe: &mut Pipe, read: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        (pipe.read_buf(read).await.ok()? > 0).then_some(())?;
    };
    let line = read.iter().position(|byte| *byte == b'\r')?;
    let headers = Headers::parse(&read[line..end]);
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let event = headers.get("x-cartgate-delivery")?.parse().ok()?;
    let copy = headers
        .get("x-cartgate-copy")
        .map_or(Some(0), |copy| copy.parse().ok())?;
    let line = read[..line].to_vec();
    read.drain(..end);
    while read.len() < length {
        (pipe.read_buf(read).await.ok()? > 0).then_some(())?;
    }
    let body = read.drain(..length).collect();
    Some(Request {
        event,
        copy,
        line,
        headers,
        body,
    })
}
