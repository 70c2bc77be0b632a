//! The status of a gate for people: the report of its admin listener (`report`), the open problems
//! in it (`problems`), its screen (`screen`), the result of a reload (`reloaded`), and the end of
//! an old secret (`removable`).

mod problems;
mod reloaded;
mod removable;
mod report;
mod screen;
mod span;

pub(crate) use problems::{evaluate, problems};
pub use reloaded::Reloaded;
pub(crate) use removable::removable_since;
pub use report::{
    Alarm, Certificate, Configuration, Destination, Endpoint, Event, FailedOrder, Inbox, Late,
    MissingPointer, Report, Room, SandboxState, Secret, Waiting,
};
pub use screen::Screen;
pub(crate) use span::Span;
