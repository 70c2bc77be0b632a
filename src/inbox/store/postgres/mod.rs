//! The engine of several gates: a PostgreSQL database that they share.
//!
//! A thread of its own has three connections: one inserts, one claims and settles, one lists and
//! changes. So a commit belongs to no request, and a long list delays nothing else.

mod batch;
mod bodies;
mod check;
mod claim;
mod columns;
mod conditions;
mod count;
mod counters;
mod due;
mod error;
mod insert;
mod insert_worker;
mod job_queue;
mod late_copies;
mod list;
mod marks;
mod meta;
mod open;
mod open_error;
mod outage;
mod pooler;
mod purge;
mod requeue;
mod retention;
mod row;
mod schema;
mod session;
mod settle;
mod settle_worker;
mod stats;
mod store;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod tls;
mod tx;
mod usage;
mod worker_loop;

pub(crate) use self::{check::check, open::open, open_error::OpenError};
