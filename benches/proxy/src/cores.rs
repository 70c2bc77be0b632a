//! The cores of the peer, and of the load and the upstream, which must not share a core with the
//! peer.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of this machine, divided into two sets.
pub(crate) struct Cores {
    all: CpuSet,
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
            all,
            peer,
            ours,
            count: allowed.len(),
        };
        cores.move_to(&cores.ours)?;
        Ok(cores)
    }

    /// Shares all cores, for counts that do not depend on them.
    pub(crate) fn shared() -> io::Result<Self> {
        let all = sched_getaffinity(None)?;
        Ok(Self {
            all,
            peer: all,
            ours: all,
            count: (0..CpuSet::MAX_CPU)
                .filter(|core| all.is_set(*core))
                .count(),
        })
    }

    /// Runs `start`, whose processes run on the peer's core.
    pub(crate) fn on_the_peers<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.on(&self.peer, start)
    }

    /// Runs `work`, whose threads and processes run on all cores.
    pub(crate) fn on_all<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.on(&self.all, work)
    }

    fn on<T>(&self, cores: &CpuSet, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.move_to(cores)?;
        let done = work();
        self.move_to(&self.ours)?;
        done
    }

    #[expect(clippy::unused_self, reason = "moving requires divided cores")]
    fn move_to(&self, cores: &CpuSet) -> io::Result<()> {
        Ok(sched_setaffinity(None, cores)?)
    }
}
