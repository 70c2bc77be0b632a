//! The state that all measurements share: the peers, the app behind them, and the list of
//! omissions.

use std::{io, path::Path, time::Duration};

use tempfile::TempDir;

use crate::{
    check::check,
    cores::Cores,
    delivery::{Deliveries, PATH},
    peer::{Peer, Running, Task},
    stop,
    table::{Better, Table},
    upstream::Upstream,
};

/// The extent of the measurements.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) rounds: usize,
    /// The load before a round's measurement, which fills the caches.
    pub(crate) warm: Duration,
    pub(crate) span: Duration,
    /// The rounds at a fixed load, which are longer, because a percentile needs many requests.
    pub(crate) paced_rounds: usize,
    pub(crate) paced_span: Duration,
    /// The time after a burst in which memory is returned.
    pub(crate) rest: Duration,
}

/// The shared state.
pub(crate) struct Bench {
    pub(crate) peers: Vec<Box<dyn Peer>>,
    pub(crate) upstream: Upstream,
    pub(crate) scale: Scale,
    pub(crate) left_out: Vec<String>,
    cores: Cores,
    room: TempDir,
}

impl Bench {
    pub(crate) fn new(peers: Vec<Box<dyn Peer>>, scale: Scale) -> io::Result<Self> {
        let cores = Cores::divide()?;
        Ok(Self {
            peers,
            upstream: Upstream::start()?,
            scale,
            left_out: Vec::new(),
            cores,
            room: tempfile::Builder::new()
                .prefix("cartgate-bench-")
                .tempdir()?,
        })
    }

    pub(crate) fn cores(&self) -> usize {
        self.cores.count
    }

    /// Runs work that is not divided into a peer and its load.
    pub(crate) fn on_all_cores<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.cores.on_all(work)
    }

    /// Starts a peer in a directory of its own, beside other runs of the same peer.
    pub(crate) fn start_in(&self, room: &Path, column: usize, task: &Task) -> io::Result<Running> {
        let (peer, upstream) = (&*self.peers[column], &self.upstream);
        Running::start(peer, column, task, upstream, room, &self.cores)
    }

    /// Returns the names of the peers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.peers.iter().map(|peer| peer.name())
    }

    /// Returns an empty table with a column for each peer.
    pub(crate) fn table(&self, name: &str, unit: &str, better: Better) -> Table {
        Table::new(
            name,
            unit,
            better,
            self.names().map(str::to_owned).collect(),
        )
    }

    /// Records an omission.
    pub(crate) fn leave_out(&mut self, note: String) {
        if !self.left_out.contains(&note) {
            eprintln!("bench: left out: {note}");
            self.left_out.push(note);
        }
    }

    /// Starts the requested peers, and keeps those that pass the check.
    pub(crate) fn field(
        &mut self,
        task: &Task,
        wanted: impl Fn(&str) -> bool,
    ) -> io::Result<Vec<Running>> {
        let deliveries = Deliveries::new(task.body, PATH);
        let mut field = Vec::new();
        for column in 0..self.peers.len() {
            let peer = &*self.peers[column];
            if !wanted(peer.name()) {
                continue;
            }
            let (room, upstream) = (self.room.path(), &self.upstream);
            let started = Running::start(peer, column, task, upstream, room, &self.cores);
            let Some(mut running) = self.keep(column, "any size", started)? else {
                continue;
            };
            let checked = check(&running, &deliveries, &self.upstream);
            let counted = checked.and_then(|()| running.count_all()).map(|()| running);
            field.extend(self.keep(column, &size(task.body), counted)?);
        }
        Ok(field)
    }

    /// Returns the result of a measurement. Records the reason if it failed.
    pub(crate) fn keep<T>(
        &mut self,
        column: usize,
        what: &str,
        outcome: io::Result<T>,
    ) -> io::Result<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                stop::check()?;
                self.leave_out(format!("{}, {what}: {error}", self.peers[column].name()));
                Ok(None)
            }
        }
    }
}

/// Formats a size.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        0x10_0000.. => format!("{} MiB", bytes / 0x10_0000),
        1024.. => format!("{} KiB", bytes / 1024),
        _ => format!("{bytes} B"),
    }
}
