//! The one comparison that an attacker can time, in a file of its own: it depends on `subtle` alone, so that it can be
//! compiled into a harness that proves it free of branches on the expected tags. Nothing else belongs here.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Whether `presented` is one of `expected`, and the place of the first that it is.
///
/// All of them are compared, and each to its end: neither which secret matched, nor how many bytes of a forgery
/// were right, shows in the time. Only the number of secrets does, and it is no secret.
pub(crate) fn position(
    expected: impl IntoIterator<Item = [u8; 32]>,
    presented: &[u8; 32],
) -> (Choice, u32) {
    let mut found = Choice::from(0);
    let mut place = 0u32;
    for (index, tag) in (0u32..).zip(expected) {
        let equal = tag.ct_eq(presented);
        place.conditional_assign(&index, equal & !found);
        found |= equal;
    }
    (found, place)
}
