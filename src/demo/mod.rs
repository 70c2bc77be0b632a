//! The demonstration: a sample app with a gate in front of it, and deliveries through the gate, all
//! in this process.
//!
//! It runs the real gate ([`crate::serve`]) and the real sender; only the app is a sample. Whether
//! a delivery passed is taken from the requests that the app received, not from the responses.
//! `console` keeps such a gate running for people who try out the web console.

mod app;
mod console;
mod direct;
mod gate;
mod inbox;
mod report;
mod run;
mod step;
mod temp_dir;
mod trial;

pub use console::{ConsoleDemo, SampleShop};
pub use report::Report;
pub use run::run;
