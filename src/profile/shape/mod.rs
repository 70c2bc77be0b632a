//! The shape of the payloads of one endpoint: a bounded tree of places, with counts and keyed
//! digests. It names a key only once the key is frequent, because a rare key may be a value.

mod change;
mod node;
mod occurrence;
mod pointer;
mod times;
mod tree;
mod values;

pub(crate) use change::Change;
pub(super) use change::ShapeEvent;
pub(super) use node::Place;
pub(super) use tree::PayloadShape;

#[cfg(test)]
mod tests;
