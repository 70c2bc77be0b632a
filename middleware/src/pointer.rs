//! A JSON pointer (RFC 6901) and the walk along it that builds nothing: one value is read, all else is skipped.
//!
//! The walk fails wherever two JSON readers could disagree about the value. It knows nothing of events or times.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde_core::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// A JSON pointer (RFC 6901), by which one value of a verified body is read.
#[derive(Debug, Clone)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// The text at the pointer, as `read` sees it; none unless the body is JSON to its end and holds exactly one.
    pub fn text<T>(&self, body: &[u8], read: impl FnOnce(&str) -> T) -> Option<T> {
        self.walk(body, Text(read))
    }

    /// The number at the pointer, found as strictly as a text.
    pub(crate) fn number(&self, body: &[u8]) -> Option<f64> {
        // Any value would do in the same walk as a text, were it not for serde_json's `arbitrary_precision`: a crate next to
        // this one can turn it on, and whoever asks for no type is then shown a map instead of a number.
        self.walk(body, PhantomData)
    }

    /// The whole number at the pointer, found as strictly as a text. A fraction or an exponent is none, since readers round
    /// those: two values would look like one.
    ///
    /// ```
    /// # use tower_cartgate::Pointer;
    /// let id: Pointer = "/order/id".parse()?;
    /// assert_eq!(id.integer(br#"{"order":{"id":1001}}"#), Some(1001));
    /// assert_eq!(id.integer(br#"{"order":{"id":1001.0}}"#), None);
    /// assert_eq!(id.integer(br#"{"order":{"id":"1001"}}"#), None, "that is a text");
    /// assert_eq!(id.integer(br#"{"order":{"id":1001,"id":1002}}"#), None);
    /// # Ok::<(), tower_cartgate::PointerError>(())
    /// ```
    #[must_use]
    pub fn integer(&self, body: &[u8]) -> Option<i128> {
        self.walk(body, PhantomData)
    }

    fn walk<'de, E: DeserializeSeed<'de>>(&self, body: &'de [u8], end: E) -> Option<E::Value> {
        // serde_json does not look into the texts that it skips, and what is not UTF-8 is not JSON (RFC 8259, 8.1).
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
        if steps.len() > DEEPEST {
            Err(PointerError::TooDeep)
        } else {
            Ok(Self(steps))
        }
    }
}

/// Far below the nesting at which `serde_json` gives up, and more than anybody edits by hand.
const DEEPEST: usize = 32;

/// `~1` stands for a slash and `~0` for the tilde (RFC 6901, section 3); in one pass, since `~01` is `~1` and no slash.
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

/// Why a text is no JSON pointer that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointerError {
    /// It neither is empty nor begins with a slash.
    NoSlash,
    /// A tilde is followed by something other than 0 or 1.
    BadEscape,
    /// It has more than 32 steps.
    TooDeep,
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "a JSON pointer begins with a slash, as in /event",
            Self::BadEscape => {
                "in a JSON pointer a tilde is written ~0, and a slash inside a key ~1"
            }
            Self::TooDeep => "a JSON pointer may have at most 32 steps here",
        })
    }
}

impl std::error::Error for PointerError {}

/// The way that is left, and what reads the value at its end.
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
                onward: Walk {
                    steps,
                    end: self.end,
                },
            }),
        }
    }
}

/// One step into a map or a list, and the way from there.
struct Step<'w, E> {
    step: &'w str,
    onward: Walk<'w, E>,
}

/// Anything else than what is visited here is an error, by serde's default: the pointer leads nowhere.
impl<'de, E: DeserializeSeed<'de>> Visitor<'de> for Step<'_, E> {
    type Value = Option<E::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map or a list on the way of the pointer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut onward = Some(self.onward);
        let mut found = None;
        // The key is compared where it stands, and not kept.
        while let Some(is_step) = map.next_key_seed(Text(|key: &str| key == self.step))? {
            if is_step {
                // Readers differ in whether the first or the last of them counts (RFC 8259, section 4).
                let onward = onward.take();
                let onward = onward.ok_or_else(|| A::Error::custom("a key stands twice"))?;
                found = map.next_value_seed(onward)?;
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
        let found = seq.next_element_seed(self.onward)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.flatten())
    }
}

/// An index has no leading zero (RFC 6901, section 4).
fn array_index(step: &str) -> Option<usize> {
    let plain =
        step.bytes().all(|byte| byte.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    step.parse().ok().filter(|_| plain)
}

/// A text, shown to the function and not kept.
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
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}
