//! Two comparisons that leak. valgrind must report both; otherwise the check detects nothing.

use subtle::{Choice, ConstantTimeEq};

/// Stops at the first byte that differs, so that a forger finds a tag byte by byte.
pub fn by_byte(
    expected: impl IntoIterator<Item = [u8; 32]>,
    presented: &[u8; 32],
) -> (Choice, u32) {
    for (index, tag) in (0u32..).zip(expected) {
        if tag.iter().zip(presented).all(|(one, other)| one == other) {
            return (Choice::from(1), index);
        }
    }
    (Choice::from(0), 0)
}

/// Stops at the first tag that is equal, so that the time reveals the secret in use.
pub fn by_tag(expected: impl IntoIterator<Item = [u8; 32]>, presented: &[u8; 32]) -> (Choice, u32) {
    for (index, tag) in (0u32..).zip(expected) {
        let equal = tag.ct_eq(presented);
        if equal.into() {
            return (equal, index);
        }
    }
    (Choice::from(0), 0)
}
