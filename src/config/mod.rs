//! What a gate is configured to do. Two steps lead to it: flags (`from_flags`) or a file (`file`) become a [`Plan`], whose
//! values are all valid and which has read nothing; `load` reads what the plan names and gives a [`Config`]. Nothing that
//! serves requests sees how a value was written.

mod addresses;
mod consistency;
pub(crate) mod event_plan;
mod file;
pub(crate) mod finding;
mod load;
pub mod plan;
mod probe;
mod show;
pub mod value;
mod variable;

pub(crate) use addresses::cannot_listen;
pub use event_plan::EventPlan;
pub use file::FileError;
pub use finding::{Finding, Place};
pub use load::Loaded;
pub use plan::Plan;
pub use variable::variable_of;
