//! The facts of one payload.

use serde::de::DeserializeSeed as _;
use serde_json::Deserializer;

use super::{
    builder::{Builder, Spot},
    visitor::ValueSeed,
};
use crate::{profile::digest::DigestKey, runtime::clock::Millis};

/// The facts of one payload.
#[derive(Debug)]
pub(in crate::profile) struct PayloadReading {
    /// The places in the payload in document order, each after its parent. The elements of an array
    /// are one place.
    pub(in crate::profile) spots: Vec<Spot>,
    /// Whether everything was read down to the limit of depth. If not, a missing place proves
    /// nothing.
    pub(in crate::profile) is_whole: bool,
}

impl PayloadReading {
    /// Reads a payload that arrived at `now`. Returns none if it is no JSON.
    pub(in crate::profile) fn of(body: &[u8], key: &DigestKey, now: Millis) -> Option<Self> {
        // serde_json does not check the strings that it skips.
        let text = std::str::from_utf8(body).ok()?;
        let mut builder = Builder::new(key, now);
        let mut deserializer = Deserializer::from_str(text);
        let root = ValueSeed::root(&mut builder);
        root.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        let (spots, is_whole) = builder.finish();
        Some(Self { spots, is_whole })
    }

    /// Returns the facts of a body that is no JSON: nothing is there.
    pub(in crate::profile) fn nothing() -> Self {
        Self {
            spots: Vec::new(),
            is_whole: true,
        }
    }
}
