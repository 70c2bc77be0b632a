//! One connection of an admin listener: its peer, and the time that it still has.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::net::peer::Peer;

/// The time for a request and the work on it, unless the work is granted more. A reload takes at
/// most 5 s, and may wait for the end of another.
const REQUEST: Duration = Duration::from_secs(15);

/// The time within which the client must accept the next part of a response.
const PROGRESS: Duration = Duration::from_secs(10);

/// A connection. It carries one request, and ends at its deadline.
#[derive(Debug)]
pub(crate) struct AdminConnection {
    pub(crate) peer: Peer,
    /// The user at the other end of a Unix socket.
    pub(crate) peer_uid: Option<u32>,
    deadline: watch::Sender<Instant>,
    is_stream: AtomicBool,
    is_operator: AtomicBool,
}

impl AdminConnection {
    pub(in crate::admin) fn new(peer: Peer, peer_uid: Option<u32>) -> Self {
        Self {
            peer,
            peer_uid,
            deadline: watch::Sender::new(Instant::now() + REQUEST),
            is_stream: AtomicBool::new(false),
            is_operator: AtomicBool::new(false),
        }
    }

    /// Grants the work on the request this time from now on.
    pub(crate) fn grant(&self, time: Duration) {
        self.deadline.send_replace(Instant::now() + time);
    }

    /// Notes that the client has accepted the previous part of the response.
    pub(super) fn progressed(&self) {
        self.grant(PROGRESS);
    }

    /// Completes at the deadline.
    pub(in crate::admin) async fn expired(&self) {
        let mut deadline = self.deadline.subscribe();
        loop {
            let until = *deadline.borrow_and_update();
            tokio::select! {
                () = sleep_until(until) => return,
                _ = deadline.changed() => {}
            }
        }
    }

    /// Notes that an operator is at the other end.
    pub(in crate::admin) fn keep_for_operator(&self) {
        self.is_operator.store(true, Relaxed);
    }

    /// Returns whether an operator is at the other end, as far as the gate knows.
    pub(super) fn is_operator(&self) -> bool {
        self.is_operator.load(Relaxed)
    }

    pub(super) fn set_stream(&self, is_stream: bool) {
        self.is_stream.store(is_stream, Relaxed);
    }

    /// Returns whether the connection carries a response without an end, which has its own limit.
    pub(super) fn is_stream(&self) -> bool {
        self.is_stream.load(Relaxed)
    }
}
