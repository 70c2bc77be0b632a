//! The layers of the request stack, one file each.

pub(crate) mod body_guard;
pub(crate) mod endpoint;
pub(crate) mod framing;
pub(crate) mod health;
mod observer;
pub(crate) mod verify;
