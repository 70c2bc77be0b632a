//! Event kind and freshness by JSON pointer from any bytes, compared with the plain way: build the
//! whole tree, then look up.
//!
//! Input: a pointer up to the first line feed, then the document.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tower_cartgate::{EventKind, EventRule, EventSource, FreshRule};

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
    judge(event.kind, has_time(pointer, document), pointer, document);
}

/// Returns whether a rule that accepts any time finds one.
fn has_time(pointer: &str, document: &[u8]) -> bool {
    let rule = FreshRule::new(pointer, Duration::MAX).expect("a pointer, as before");
    let any = rule.with_skew(Duration::MAX);
    any.judge(document, SystemTime::UNIX_EPOCH).is_ok()
}

fn judge(kind: EventKind, has_time: bool, pointer: &str, document: &[u8]) {
    if serde_json::from_slice::<IgnoredAny>(document).is_err() {
        assert_eq!(kind, EventKind::Other, "read from what is no JSON");
        assert!(!has_time, "a time read from what is no JSON");
    }
    // A number that is too large for any type, or deep nesting, in a part that is skipped: no tree
    // can be built, so there is nothing to compare with.
    let Ok(tree) = serde_json::from_slice::<Tree>(document) else {
        return;
    };
    let place = tree.at(pointer);
    let plain = match place {
        Some(Tree::Text(text)) if text == ORDER => EventKind::Order,
        Some(Tree::Text(text)) if text == CART => EventKind::AbandonedCart,
        _ => EventKind::Other,
    };
    assert_eq!(kind, plain);
    match place {
        // The tests of the rule cover the texts that are times.
        Some(Tree::Text(text)) => assert!(!has_time || text.contains(|c: char| c.is_ascii_digit())),
        Some(Tree::Number(number)) => assert_eq!(has_time, is_time(*number)),
        _ => assert!(!has_time, "a time from nowhere"),
    }
    let value: Value = serde_json::from_slice(document).expect("a tree could be built");
    let text = value.pointer(pointer).and_then(Value::as_str);
    assert!(kind == EventKind::Other || text == Some(ORDER) || text == Some(CART));
}

fn is_time(seconds: f64) -> bool {
    let since_1970 = Duration::try_from_secs_f64(seconds).ok();
    since_1970.is_some_and(|since| SystemTime::UNIX_EPOCH.checked_add(since).is_some())
}

/// JSON with every key as written, duplicates included.
enum Tree {
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
    Text(String),
    Number(f64),
    Another,
}

impl Tree {
    /// Returns the value at the pointer if every parser finds the same one.
    fn at(&self, pointer: &str) -> Option<&Self> {
        let mut place = self;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            place = place.child(&step)?;
        }
        Some(place)
    }

    fn child(&self, step: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => {
                let mut values = pairs.iter().filter(|(key, _)| key == step);
                let (_, value) = values.next()?;
                values.next().is_none().then_some(value)
            }
            // An index of RFC 6901 is spelled like the number.
            Self::List(items) => {
                let index: usize = step.parse().ok()?;
                items.get(index).filter(|_| index.to_string() == step)
            }
            Self::Text(_) | Self::Number(_) | Self::Another => None,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Tree::Map(pairs))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Another)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(number))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Another)
    }
}
