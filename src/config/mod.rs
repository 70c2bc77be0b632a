//! The configuration of a gate, in two steps. Flags or a file (`file`) become a [`Plan`], whose
//! values are all valid and which has read nothing. `load` reads the secrets and certificates that
//! the plan names, and returns the settings of a running gate.
//!
//! ```text
//!   sections   every setting, defined once          setting    the machinery of definitions
//!   value      parsers of single values             document   TOML with places
//!   file       text -> plan                         finding    a mistake, and its place
//!   default_file the file of a command that names none
//!   consistency, addresses   values that do not go together
//!   load, probe              plan -> running gate, on this machine
//! ```

mod addresses;
mod consistency;
pub mod default_file;
mod document;
mod file;
mod finding;
mod load;
mod places;
mod plan;
mod probe;
mod reference;
pub mod sections;
mod setting;
mod value;
mod variable;
mod verdict_mode;

pub(crate) use addresses::cannot_listen;
pub use file::FileError;
pub use finding::{Finding, Place};
pub use load::Loaded;
pub use places::Places;
pub use plan::Plan;
pub use reference::{json_schema, settings};
pub use setting::description::Description;
pub(crate) use setting::{
    access::{Argument, Text},
    definition::{self, Section, Setting},
};
pub use variable::variable_of;
