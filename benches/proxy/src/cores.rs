//! The cores of the peer, and of the load and the upstream, which must not share a core with the
//! peer.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of this machine, divided into two sets.
pub(crate) struct Cores {
    peer: CpuSet,
    ours: CpuSet,
    pub(crate) count: usize,
}

impl Cores {
    /// Reserves the first core for the peer, and moves the calling thread to the others.
    pub(crate) fn divide() -> io::Result<Self> {
        let all = sched_getaffinity(None)?;
        let (mut peer, mut ours) = (all, all);
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|core| all.is_set(*core))
            .collect();
        if let [first, others @ ..] = allowed.as_slice()
            && !others.is_empty()
        {
            others.iter().for_each(|core| peer.unset(*core));
            ours.unset(*first);
        }
        let cores = Self {
            peer,
            ours,
            count: allowed.len(),
        };
        cores.move_to(&cores.ours)?;
        Ok(cores)
    }

    /// Runs `start`, whose processes run on the peer's core.
    pub(crate) fn on_the_peers<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.move_to(&self.peer)?;
        let started = start();
        self.move_to(&self.ours)?;
        started
    }

    #[expect(clippy::unused_self, reason = "moving requires divided cores")]
    fn move_to(&self, cores: &CpuSet) -> io::Result<()> {
        Ok(sched_setaffinity(None, cores)?)
    }
}
