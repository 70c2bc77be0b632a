//! Start, reload and drain of a gate.

mod alarms;
mod balancer;
mod config_follower;
mod drain;
pub(crate) mod fd_limit;
pub(crate) mod file_watcher;
mod health;
mod profile_keeper;
mod resources;
mod run;
mod running;
pub mod service_manager;
mod watchdog;
pub(crate) mod watched_files;

pub use resources::Resources;
pub use run::serve;
