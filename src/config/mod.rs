//! What a gate is configured to do. Two steps lead to it: flags (`from_flags`) or a file (`file`) become a [`Plan`], whose
//! values are all valid and which has read nothing; `load` reads what the plan names and gives a [`Config`]. Nothing that
//! serves requests sees how a value was written.

mod addresses;
mod clocks;
mod consistency;
mod event_plan;
mod file;
mod finding;
mod from_flags;
mod gate;
mod limits;
mod load;
mod overrides;
pub mod plan;
mod probe;
mod show;
mod source;
mod trust;
pub mod value;

pub(crate) use addresses::cannot_listen;
pub use clocks::Clocks;
pub use event_plan::EventPlan;
pub use file::FileError;
pub use finding::{Finding, Place};
pub use gate::{AccessLog, Config, default_workers};
pub use limits::Limits;
pub use load::Loaded;
pub use plan::Plan;
pub use source::{Source, SourceError, in_time};
pub use trust::{Hop, HopError, TrustedHops};
