//! JSON pointers (RFC 6901), and a walk along one that reads one value and skips all others.
//!
//! The walk fails if two JSON readers could disagree about the value.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde_core::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// A JSON pointer (RFC 6901) to one value of a verified body.
#[derive(Debug, Clone)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Passes the string at the pointer to `read`. Returns `None` unless the body is JSON to its
    /// end and has exactly one string there.
    pub fn text<T>(&self, body: &[u8], read: impl FnOnce(&str) -> T) -> Option<T> {
        self.walk(body, Text(read))
    }

    /// Returns the number at the pointer, with the strictness of [`text`](Self::text).
    pub(crate) fn number(&self, body: &[u8]) -> Option<f64> {
        // Strings and numbers need separate walks because any crate of the build may enable
        // serde_json's `arbitrary_precision`, with which a number without a requested type appears
        // as a map.
        self.walk(body, PhantomData)
    }

    /// Returns the integer at the pointer, with the strictness of [`text`](Self::text). Rejects
    /// fractions and exponents, because readers round them: two values would look like one.
    ///
    /// ```
    /// # use tower_cartgate::Pointer;
    /// let id: Pointer = "/order/id".parse()?;
    /// assert_eq!(id.integer(br#"{"order":{"id":1001}}"#), Some(1001));
    /// assert_eq!(id.integer(br#"{"order":{"id":1001.0}}"#), None);
    /// assert_eq!(id.integer(br#"{"order":{"id":"1001"}}"#), None, "that is a string");
    /// assert_eq!(id.integer(br#"{"order":{"id":1001,"id":1002}}"#), None);
    /// # Ok::<(), tower_cartgate::PointerError>(())
    /// ```
    #[must_use]
    pub fn integer(&self, body: &[u8]) -> Option<i128> {
        self.walk(body, PhantomData)
    }

    fn walk<'de, E: DeserializeSeed<'de>>(&self, body: &'de [u8], end: E) -> Option<E::Value> {
        // serde_json does not check the strings that it skips, and JSON is UTF-8 (RFC 8259, section
        // 8.1).
        let body = std::str::from_utf8(body).ok()?;
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let walk = Walk {
            steps: &self.0,
            end,
        };
        let found = walk.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        found
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        let Some(steps) = text.strip_prefix('/') else {
            return if text.is_empty() {
                Ok(Self(Vec::new()))
            } else {
                Err(PointerError::NoSlash)
            };
        };
        let steps: Vec<_> = steps.split('/').map(unescape).collect::<Result<_, _>>()?;
        if steps.len() > MAX_DEPTH {
            Err(PointerError::TooDeep)
        } else {
            Ok(Self(steps))
        }
    }
}

/// The largest number of steps: far below the depth at which `serde_json` fails, and more than
/// payloads need.
const MAX_DEPTH: usize = 32;

/// Decodes `~1` to a slash and `~0` to a tilde (RFC 6901, section 3), in one pass: `~01` means
/// `~1`.
fn unescape(step: &str) -> Result<String, PointerError> {
    let mut plain = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::BadEscape),
            },
            other => other,
        });
    }
    Ok(plain)
}

/// The reason why a text is not a usable JSON pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointerError {
    /// The text is not empty and does not begin with a slash.
    NoSlash,
    /// A tilde is not followed by 0 or 1.
    BadEscape,
    /// The pointer has more than 32 steps.
    TooDeep,
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "a JSON pointer begins with a slash, as in /event",
            Self::BadEscape => {
                "in a JSON pointer a tilde is written ~0, and a slash inside a key ~1"
            }
            Self::TooDeep => "a JSON pointer may have at most 32 steps",
        })
    }
}

impl std::error::Error for PointerError {}

/// The remaining steps, and the seed that reads the value at their end.
struct Walk<'w, E> {
    steps: &'w [String],
    end: E,
}

impl<'de, E: DeserializeSeed<'de>> DeserializeSeed<'de> for Walk<'_, E> {
    type Value = Option<E::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.steps.split_first() {
            None => self.end.deserialize(deserializer).map(Some),
            Some((step, steps)) => deserializer.deserialize_any(Step {
                step,
                rest: Walk {
                    steps,
                    end: self.end,
                },
            }),
        }
    }
}

/// One step into an object or an array, and the walk from there.
struct Step<'w, E> {
    step: &'w str,
    rest: Walk<'w, E>,
}

/// Values other than objects and arrays are errors by serde's default: the pointer leads nowhere.
impl<'de, E: DeserializeSeed<'de>> Visitor<'de> for Step<'_, E> {
    type Value = Option<E::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array on the path of the pointer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rest = Some(self.rest);
        let mut found = None;
        // The key is compared in place and not copied.
        while let Some(is_step) = map.next_key_seed(Text(|key: &str| key == self.step))? {
            if is_step {
                // Readers differ in whether the first or the last value of a key counts (RFC 8259,
                // section 4).
                let rest = rest.take();
                let rest = rest.ok_or_else(|| A::Error::custom("a key occurs twice"))?;
                found = map.next_value_seed(rest)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        for _ in 0..array_index(self.step).ok_or_else(|| A::Error::custom("no index"))? {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = seq.next_element_seed(self.rest)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.flatten())
    }
}

/// Parses an array index, which has no leading zero (RFC 6901, section 4).
fn array_index(step: &str) -> Option<usize> {
    let plain =
        step.bytes().all(|byte| byte.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    step.parse().ok().filter(|_| plain)
}

/// A seed that passes a string to a function without a copy.
struct Text<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}
