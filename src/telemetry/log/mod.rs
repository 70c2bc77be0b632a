//! The log of a gate. No secret, payload or query is ever logged.
//!
//! An event passes through `dispatch` and `formatter` to a bounded queue, so that a slow terminal
//! never holds up a worker. The thread of the log (`log_thread`) takes the lines from the queue,
//! collects them (`batch`) and writes them (`stderr`). `throttle` limits lines that a client can
//! cause.

mod batch;
mod dispatch;
mod formatter;
mod log_thread;
mod options;
mod stderr;
mod target;
mod throttle;

pub use log_thread::Log;
pub use options::{Format, Level};
pub(crate) use target::TARGET;
pub(crate) use throttle::Throttle;
