//! The engine of one gate: an SQLite file in WAL mode, with one thread that writes and two that
//! read.

mod backup;
mod check;
mod claim;
mod committer;
mod conditions;
mod connection;
mod count;
mod counters;
mod disk_space;
mod due;
mod error;
mod file;
mod free_pages;
mod header;
mod insert;
mod job;
mod list;
mod maintenance;
mod meta;
mod network;
mod open_error;
mod open_files;
mod path;
mod purge;
mod reader;
mod recovery;
mod requeue;
mod retention;
mod row;
mod schema;
mod settle;
#[cfg(test)]
pub(crate) mod simulated;
mod stamp;
mod stats;
mod store;
mod task_queue;
#[cfg(test)]
mod tests;
mod tx;
mod usage;
mod wal;
mod writer;
mod writer_loop;

pub(crate) use self::{
    check::check, meta::read_from_file as read_meta, open_error::OpenError, store::open,
};
