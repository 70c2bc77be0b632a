//! The behaviour of the sender of one endpoint: methods, content types, names of headers, sizes of
//! bodies, and retries.

mod names;
mod repeats;
mod sizes;

pub(super) use names::Names;
pub(super) use repeats::Repeats;
pub(super) use sizes::Sizes;
