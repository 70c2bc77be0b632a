//! The dispatcher over real sockets and an SQLite file. The tests move its clock, so a day of
//! retries takes milliseconds. `fixture` makes the dispatcher and its store, `app` is the
//! destination.

mod app;
mod down;
mod faults;
mod fixture;
mod queues;
mod retries;
