//! The walk through a payload. It holds no value for longer than it looks at it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::builder::Builder;
use crate::profile::types::ValueType;

/// The value at a known place.
pub(super) struct ValueSeed<'b, 'k> {
    builder: &'b mut Builder<'k>,
    spot: usize,
}

impl<'b, 'k> ValueSeed<'b, 'k> {
    /// Returns the whole payload.
    pub(super) fn root(builder: &'b mut Builder<'k>) -> Self {
        Self { builder, spot: 0 }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.builder.note(self.spot, ValueType::Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.builder.note(self.spot, ValueType::Boolean);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.builder.note_integer(self.spot, number.into());
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.builder.note_integer(self.spot, number.into());
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.builder.note_fraction(self.spot);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.builder.note_text(self.spot, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.builder.note(self.spot, ValueType::Array);
        let mut next = || {
            seq.next_element_seed(ElementSeed {
                builder: &mut *self.builder,
                parent: self.spot,
            })
        };
        while next()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.builder.note(self.spot, ValueType::Object);
        loop {
            let member = MemberSeed {
                builder: &mut *self.builder,
                parent: self.spot,
            };
            match map.next_key_seed(member)? {
                None => return Ok(()),
                Some(None) => drop(map.next_value::<IgnoredAny>()?),
                Some(Some(spot)) => {
                    let builder = &mut *self.builder;
                    map.next_value_seed(ValueSeed { builder, spot })?;
                }
            }
        }
    }
}

/// One element of an array.
struct ElementSeed<'b, 'k> {
    builder: &'b mut Builder<'k>,
    parent: usize,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.builder.enter_element(self.parent) {
            Some(spot) => ValueSeed {
                builder: self.builder,
                spot,
            }
            .deserialize(deserializer),
            None => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
        }
    }
}

/// One key of an object. Its value is its place, unless a limit is reached.
struct MemberSeed<'b, 'k> {
    builder: &'b mut Builder<'k>,
    parent: usize,
}

impl<'de> DeserializeSeed<'de> for MemberSeed<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberSeed<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.builder.enter_key(self.parent, key))
    }
}
