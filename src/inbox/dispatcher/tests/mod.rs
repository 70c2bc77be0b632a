//! The dispatcher over real sockets and an SQLite file, under a time that the tests move: a day of retries takes
//! milliseconds. `bed` makes gate and store, `app` is what is delivered to.

mod app;
mod bed;
mod down;
mod going_on;
mod retries;
mod trouble;
