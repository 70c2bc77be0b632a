//! A profile as an inbox stores it: a line with the version, a tag, and JSON.
//!
//! The JSON contains names, counts and keyed digests. The tag is keyed, too, so a broken value, one
//! of another endpoint and one under another key are recognized before they are read.

use subtle::ConstantTimeEq as _;

use super::{digest::DigestKey, learned::Learned};

/// The first line.
const VERSION: &[u8] = b"cartgate profile 1\n";

/// The length of the tag.
const TAG: usize = 32;

/// The beginning of the names of stored profiles.
const PREFIX: &str = "profile:";

/// The reason why a stored profile cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoredError {
    #[error("another version wrote it")]
    Version,
    #[error("it is broken, or was written under another key")]
    Tag,
    #[error("its content is malformed")]
    Content,
}

/// Returns the name under which an endpoint's profile is stored.
pub(super) fn name(endpoint: &str) -> String {
    format!("{PREFIX}{endpoint}")
}

/// Returns the beginning of all such names.
pub(super) fn prefix() -> &'static str {
    PREFIX
}

/// Returns the endpoint of a stored profile's name.
pub(super) fn endpoint(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// Encodes a profile.
pub(super) fn encode(learned: &Learned, endpoint: &str, key: &DigestKey) -> Vec<u8> {
    let json = serde_json::to_vec(learned).expect("a profile can be written as JSON");
    let tag = key.tag(endpoint, &json);
    [VERSION, tag.as_ref(), &json].concat()
}

/// Decodes a profile.
///
/// # Errors
///
/// When this program did not write it, or wrote it under another key.
pub(super) fn decode(
    stored: &[u8],
    endpoint: &str,
    key: &DigestKey,
) -> Result<Learned, StoredError> {
    let rest = stored.strip_prefix(VERSION).ok_or(StoredError::Version)?;
    let (tag, json) = rest.split_at_checked(TAG).ok_or(StoredError::Tag)?;
    let expected = key.tag(endpoint, json);
    if !bool::from(tag.ct_eq(expected.as_ref())) {
        return Err(StoredError::Tag);
    }
    serde_json::from_slice(json).map_err(|_| StoredError::Content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_or_foreign_value_is_recognized() {
        let key = DigestKey::new(&[1; 32]);
        let learned = Learned {
            deliveries: 7,
            ..Learned::default()
        };
        let stored = encode(&learned, "orders", &key);
        let read = |stored: &[u8]| decode(stored, "orders", &key).map(|read| read.deliveries);
        assert_eq!(read(&stored), Ok(7));
        for length in 0..stored.len() {
            assert!(read(&stored[..length]).is_err(), "{length}");
        }
        for place in 0..stored.len() {
            let mut broken = stored.clone();
            broken[place] ^= 1;
            assert!(read(&broken).is_err(), "{place}");
        }
        let other = DigestKey::new(&[2; 32]);
        let foreign = decode(&stored, "orders", &other).map(drop);
        assert_eq!(foreign, Err(StoredError::Tag));
        let moved = decode(&stored, "carts", &key).map(drop);
        assert_eq!(moved, Err(StoredError::Tag));
        assert_eq!(
            read(b"cartgate profile 2\n").map(drop),
            Err(StoredError::Version)
        );
    }
}
