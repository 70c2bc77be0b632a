//! The load of a worker: the number of its connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// One connection of a worker's load. Dropping it ends its share.
pub(crate) struct Load(Arc<AtomicUsize>);

impl Load {
    /// Adds a connection to the load.
    pub(crate) fn add(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Relaxed);
        Self(Arc::clone(all))
    }

    /// Whether the connection belongs to this load.
    #[cfg(test)]
    pub(crate) fn is_part_of(&self, all: &Arc<AtomicUsize>) -> bool {
        Arc::ptr_eq(&self.0, all)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
