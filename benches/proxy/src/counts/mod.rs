//! Counts of instructions, allocations and system calls per request (`make counts`). Unlike CPU
//! time, they are the same on a busy machine.

mod budget;
mod case;
mod counter;
mod decimal;
mod profile;
mod results;
mod system_calls;
mod traced;

pub(crate) use self::{budget::Budget, case::Case, counter::count, results::Results};
