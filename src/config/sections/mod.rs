//! The settings of a gate, one file for each table of the configuration file. A new setting goes
//! into the file of its table: one field, one default and one definition.

pub mod acme;
pub mod admin;
pub mod alarm;
pub mod destination;
pub mod endpoint;
pub mod event;
pub mod fresh;
pub mod inbox;
pub mod log;
pub mod rejected;
mod restrictions;
pub mod secrets;
pub mod server;
pub mod tls;
