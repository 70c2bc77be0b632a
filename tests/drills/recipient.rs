//! An app that receives orders. It records each attempt, responds as the drill chooses, and can be
//! down for a while.

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

/// The reaction of an app to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Take,
    /// Responds with another status and its reason phrase.
    Reject(&'static str),
    /// Responds with a status and a `Retry-After` in seconds.
    Later(&'static str, u32),
    /// Sends nothing until the reaction changes, and then closes the connection.
    Hang,
}

/// One attempt, as the app received it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The number of the order.
    pub(crate) order: u64,
    /// The delivery's id.
    pub(crate) id: String,
    pub(crate) at: Instant,
    /// Whether the response was a 200.
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
    /// Starts an app that accepts every order.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared {
            reply: Mutex::new(Reply::Take),
            changed: Condvar::new(),
            attempts: Mutex::default(),
            wrong: Mutex::default(),
        });
        let app = Arc::clone(&shared);
        let door = Door::open(move |stream| {
            // A gate that hangs up or is killed ends the connection.
            let _ = app.converse(patient(stream));
        });
        Self { door, shared }
    }

    /// Returns the URL for `--upstream`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.door.address())
    }

    /// Sets the reaction to later attempts.
    pub(crate) fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().expect("no panic") = reply;
        self.shared.changed.notify_all();
    }

    /// Closes the port, and breaks off open connections.
    pub(crate) fn go_down(&self) {
        self.door.shut();
    }

    /// Opens the same port again.
    pub(crate) fn come_back(&self) {
        self.door.reopen();
    }

    /// Returns the number of attempts so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.attempts.lock().expect("no panic").len()
    }

    /// Waits until no gate is connected, and every received byte was read.
    #[track_caller]
    pub(crate) fn wait_until_left_alone(&self) {
        self.door.wait_until_left_alone();
    }

    /// Returns all attempts so far, in their order. Checks that each was a genuine and complete
    /// order with an id.
    #[track_caller]
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        let wrong = self.shared.wrong.lock().expect("no panic");
        assert!(wrong.is_empty(), "it received a wrong request: {wrong:#?}");
        self.shared.attempts.lock().expect("no panic").clone()
    }
}

/// Returns the attempts that any of the apps accepted, by order, the earliest first.
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
                Reply::Reject(status) => stream.write_all(&answer(status, "", b"rejected"))?,
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
