//! How gates are, for people: what one says of itself (`report`), what of that needs a person
//! (`needs`), how it looks on a screen (`screen`), and how it is asked (`ask`), also for a reload
//! (`reloaded`).

mod ask;
mod needs;
mod reloaded;
mod report;
mod screen;
mod span;

pub use ask::{AskError, Asker, AskerError, Reloader};
pub(crate) use needs::needs;
pub use reloaded::Reloaded;
pub use report::{
    Certificate, Configuration, Destination, Endpoint, Event, Inbox, Report, Room, Secret, Waiting,
};
pub use screen::Screen;
pub(crate) use span::Span;
