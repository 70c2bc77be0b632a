//! A JSON pointer (RFC 6901) and the walk along it that builds nothing: one text is read, all else is skipped.
//!
//! The walk fails wherever two JSON readers could disagree about the text. It knows nothing of events.

use std::{fmt, str::FromStr};

use serde_core::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

#[derive(Debug, Clone)]
pub(crate) struct Pointer(Vec<String>);

impl Pointer {
    /// The text at the pointer, as `read` sees it; none unless the body is JSON to its end and holds exactly one.
    pub(crate) fn text<T>(&self, body: &[u8], read: impl FnOnce(&str) -> T) -> Option<T> {
        // serde_json does not look into the texts that it skips, and what is not UTF-8 is not JSON (RFC 8259, 8.1).
        let body = std::str::from_utf8(body).ok()?;
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let mut found = None;
        let walk = Walk {
            steps: &self.0,
            found: &mut found,
            read: &mut Some(read),
        };
        walk.deserialize(&mut deserializer).ok()?;
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

/// One value on the way (or, without steps, at its end).
struct Walk<'w, T, F> {
    steps: &'w [String],
    found: &'w mut Option<T>,
    read: &'w mut Option<F>,
}

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Walk<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.steps.is_empty() {
            deserializer.deserialize_str(self)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

/// Anything else than what is visited here is an error, by serde's default: the pointer leads nowhere.
impl<'de, T, F: FnOnce(&str) -> T> Visitor<'de> for Walk<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text at the pointer")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let read = self.read.take().filter(|_| self.steps.is_empty());
        let read = read.ok_or_else(|| E::custom("no text is expected here"))?;
        *self.found = Some(read(text));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((step, steps)) = self.steps.split_first() else {
            return Err(A::Error::custom("a text is expected here"));
        };
        let mut seen = false;
        while let Some(is_step) = map.next_key_seed(IsStep(step))? {
            if is_step && seen {
                // Readers differ in whether the first or the last of them counts (RFC 8259, section 4).
                return Err(A::Error::custom("a key stands twice"));
            } else if is_step {
                seen = true;
                map.next_value_seed(Walk {
                    steps,
                    found: &mut *self.found,
                    read: &mut *self.read,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((step, steps)) = self.steps.split_first() else {
            return Err(A::Error::custom("a text is expected here"));
        };
        for _ in 0..array_index(step).ok_or_else(|| A::Error::custom("no index"))? {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        seq.next_element_seed(Walk {
            steps,
            found: self.found,
            read: self.read,
        })?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// An index has no leading zero (RFC 6901, section 4).
fn array_index(step: &str) -> Option<usize> {
    let plain =
        step.bytes().all(|byte| byte.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    step.parse().ok().filter(|_| plain)
}

/// Whether a key is the step, found out without keeping the key.
#[derive(Clone, Copy)]
struct IsStep<'s>(&'s str);

impl<'de> DeserializeSeed<'de> for IsStep<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsStep<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}
