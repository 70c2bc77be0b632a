//! One payload, read into the facts that a profile learns from it. Reading is bounded in depth and
//! number, whatever the payload contains.

mod builder;
mod payload_reading;
mod visitor;

pub(super) use builder::{Key, Spot};
pub(super) use payload_reading::PayloadReading;

#[cfg(test)]
mod tests;
