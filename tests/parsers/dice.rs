//! Dice of one purpose each. Dice with the same seed would otherwise decide several things alike,
//! and some of their combinations would never occur.

use crate::mutation::Dice;

/// Returns the dice of a purpose. The same purpose and seed give the same numbers in every run.
pub(crate) fn dice(purpose: &str, seed: u64) -> Dice {
    // FNV-1a
    let hash = purpose
        .bytes()
        .chain(seed.to_be_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    Dice::new(hash)
}

#[test]
fn two_purposes_decide_independently() {
    let throws = |purpose| (0..1000).map(move |seed| dice(purpose, seed).below(8));
    let alike = |one, other| {
        let pairs = throws(one).zip(throws(other));
        pairs.filter(|(one, other)| one == other).count()
    };
    assert_eq!(alike("body", "body"), 1000);
    for (one, other) in [("body", "head"), ("body", "pieces"), ("body", "cut")] {
        let count = alike(one, other);
        assert!((80..170).contains(&count), "{one} and {other}: {count}");
    }
}
