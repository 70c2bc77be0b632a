//! An app that orders are delivered to: it notes each attempt, answers as it is told, and can be down for a while.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    net::TcpStream,
    sync::{Arc, Condvar, Mutex},
    time::Instant,
};

use crate::{
    order,
    servers::door::Door,
    support::{
        Recorded,
        app::answer,
        wire::{Wire, patient},
    },
};

/// What it does with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Take,
    /// Another status, with its reason phrase.
    Refuse(&'static str),
    /// A status with `Retry-After` in seconds.
    Later(&'static str, u32),
    /// Says nothing until it is told otherwise, and then nothing either.
    Hang,
}

/// One attempt, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The number of the order.
    pub(crate) order: u64,
    /// The delivery's id.
    pub(crate) id: String,
    pub(crate) at: Instant,
    /// Whether it was answered with 200.
    pub(crate) taken: bool,
}

pub(crate) struct Recipient {
    door: Door,
    shared: Arc<Shared>,
}

struct Shared {
    reply: Mutex<Reply>,
    changed: Condvar,
    attempts: Mutex<Vec<Attempt>>,
    wrong: Mutex<Vec<String>>,
}

impl Recipient {
    /// One that is up and takes everything.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared {
            reply: Mutex::new(Reply::Take),
            changed: Condvar::new(),
            attempts: Mutex::default(),
            wrong: Mutex::default(),
        });
        let app = Arc::clone(&shared);
        let door = Door::open(move |stream| {
            // A gate that hangs up or is killed ends the conversation.
            let _ = app.converse(patient(stream));
        });
        Self { door, shared }
    }

    /// As `--upstream` names it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.door.address())
    }

    /// From now on it does this with each attempt.
    pub(crate) fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().expect("no panic") = reply;
        self.shared.changed.notify_all();
    }

    /// Its port is closed, and what was being answered is broken off.
    pub(crate) fn go_down(&self) {
        self.door.shut();
    }

    /// It is back on its port.
    pub(crate) fn come_back(&self) {
        self.door.reopen();
    }

    /// How many attempts came so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.attempts.lock().expect("no panic").len()
    }

    /// Waits until no gate is connected, and all that one has sent was taken in.
    #[track_caller]
    pub(crate) fn wait_until_left_alone(&self) {
        self.door.wait_until_left_alone();
    }

    /// All attempts so far, in their order; each was a genuine and whole order with an id.
    #[track_caller]
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        let wrong = self.shared.wrong.lock().expect("no panic");
        assert!(wrong.is_empty(), "it got what it never should: {wrong:#?}");
        self.shared.attempts.lock().expect("no panic").clone()
    }
}

/// The attempts that were taken by any of them, by order, the first first.
#[track_caller]
pub(crate) fn taken(recipients: &[&Recipient]) -> BTreeMap<u64, Vec<Attempt>> {
    let mut taken = BTreeMap::<u64, Vec<Attempt>>::new();
    let attempts = recipients.iter().flat_map(|one| one.attempts());
    for attempt in attempts.filter(|one| one.taken) {
        taken.entry(attempt.order).or_default().push(attempt);
    }
    for attempts in taken.values_mut() {
        attempts.sort_by_key(|one| one.at);
    }
    taken
}

impl Drop for Recipient {
    fn drop(&mut self) {
        self.reply(Reply::Take);
    }
}

impl Shared {
    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(came) = Recorded::read(&mut stream, &mut buffer)? {
            let reply = *self.reply.lock().expect("no panic");
            if let Err(wrong) = came.and_then(|came| self.note(&came, reply)) {
                self.wrong.lock().expect("no panic").push(wrong);
            }
            match reply {
                Reply::Take => stream.write_all(&answer("200 OK", "", b"taken"))?,
                Reply::Refuse(status) => stream.write_all(&answer(status, "", b"refused"))?,
                Reply::Later(status, seconds) => {
                    let line = format!("Retry-After: {seconds}\r\n");
                    stream.write_all(&answer(status, &line, b"later"))?;
                }
                Reply::Hang => return self.hang(&mut stream),
            }
        }
        Ok(())
    }

    fn note(&self, came: &Recorded, reply: Reply) -> Result<(), String> {
        let wrong = |what: &str| format!("{what}: {came:?}");
        if !came.is_genuine() {
            return Err(wrong("not verified"));
        }
        let order = order::number(&came.body).ok_or_else(|| wrong("not what was sent"))?;
        let id = came.header("x-cartgate-delivery").map(str::to_owned);
        let id = id.ok_or_else(|| wrong("no id"))?;
        self.attempts.lock().expect("no panic").push(Attempt {
            order,
            id,
            at: Instant::now(),
            taken: reply == Reply::Take,
        });
        Ok(())
    }

    fn hang(&self, stream: &mut dyn Wire) -> io::Result<()> {
        let reply = self.reply.lock().expect("no panic");
        let reply = self.changed.wait_while(reply, |now| *now == Reply::Hang);
        drop(reply.expect("no panic"));
        stream.end()
    }
}
