//! The log of a gate. No secret, payload or query is ever logged.
//!
//! The line of an event (`subscriber`, `formatter`) passes to a bounded queue (`line_queue`), so that
//! a slow terminal never holds up a worker. The thread of the log (`log_thread`) takes the lines
//! of one millisecond from the queue and writes them (`stderr`). `throttle` limits lines that a
//! client can cause.

mod dispatch;
mod formatter;
mod line_queue;
mod log_thread;
mod options;
mod stderr;
mod subscriber;
mod target;
mod throttle;

pub use log_thread::Log;
pub use options::{Format, Level};
pub(crate) use target::TARGET;
pub(crate) use throttle::Throttle;
