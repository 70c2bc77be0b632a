//! Threads, timers and time: small helpers around tokio.

pub(crate) mod background;
pub(crate) mod clock;
pub(crate) mod jitter;
pub(crate) mod timer;
pub(crate) mod turn;
pub(crate) mod yield_once;
