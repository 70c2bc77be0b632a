//! One payload, read into the facts that a profile learns from it. PayloadReading is bounded in depth and
//! number, whatever the payload contains.

mod builder;
mod visitor;

pub(super) use builder::{Key, Spot};

use serde_json::Deserializer;

use super::digest::DigestKey;
use crate::runtime::clock::Millis;
use builder::Builder;
use visitor::ValueSeed;

/// The facts of one payload.
#[derive(Debug)]
pub(super) struct PayloadReading {
    /// The places in the payload in document order, each after its parent. The elements of an array
    /// are one place.
    pub(super) spots: Vec<Spot>,
    /// Whether everything was read down to the limit of depth. If not, a missing place proves
    /// nothing.
    pub(super) is_whole: bool,
}

impl PayloadReading {
    /// Reads a payload that arrived at `now`. Returns none if it is no JSON.
    pub(super) fn of(body: &[u8], key: &DigestKey, now: Millis) -> Option<Self> {
        // serde_json does not check the strings that it skips.
        let text = std::str::from_utf8(body).ok()?;
        let mut builder = Builder::new(key, now);
        let mut deserializer = Deserializer::from_str(text);
        let root = ValueSeed::root(&mut builder);
        serde::de::DeserializeSeed::deserialize(root, &mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(builder.finish())
    }

    /// Returns the facts of a body that is no JSON: nothing is there.
    pub(super) fn nothing() -> Self {
        Self {
            spots: Vec::new(),
            is_whole: true,
        }
    }
}

#[cfg(test)]
mod tests;
