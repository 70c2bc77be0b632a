//! The event kind by JSON pointer from any bytes, against the plain way: build the whole value, then look.
//!
//! Input: a pointer up to the first line feed, then the document.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tower_cartgate::{EventKind, EventRule, EventSource};

const ORDER: &str = "order.paid";
const CART: &str = "cart.left";

pub fn run(data: &[u8]) {
    let end = data
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(data.len());
    let (pointer, document) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(pointer) = std::str::from_utf8(pointer) else {
        return;
    };
    let Ok(rule) = EventRule::pointer(pointer) else {
        return;
    };
    let event = rule.order([ORDER]).abandoned_cart([CART]).read(document);
    assert_eq!(event.source, EventSource::Payload);
    judge(event.kind, pointer, document);
}

fn judge(kind: EventKind, pointer: &str, document: &[u8]) {
    if serde_json::from_slice::<IgnoredAny>(document).is_err() {
        assert_eq!(kind, EventKind::Other, "read from what is no JSON");
    }
    // A number too great for any type, or deep nesting, in a part that is skipped: a value cannot be built, so there is
    // nothing to compare with.
    let Ok(value) = serde_json::from_slice::<Value>(document) else {
        return;
    };
    let plain = match value.pointer(pointer).and_then(Value::as_str) {
        Some(ORDER) => EventKind::Order,
        Some(CART) => EventKind::AbandonedCart,
        _ => EventKind::Other,
    };
    if serde_json::from_slice::<SingleKeys>(document).is_ok() {
        assert_eq!(kind, plain);
    } else {
        // Doubled keys beside the way do not matter; on it, nothing may be read.
        assert!([plain, EventKind::Other].contains(&kind));
    }
}

/// JSON in which no object has a key twice.
struct SingleKeys;

impl<'de> Deserialize<'de> for SingleKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for SingleKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without doubled keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Self)) = map.next_entry::<String, Self>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}
