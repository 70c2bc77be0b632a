//! Compares tags that valgrind treats as secret, with the module that ships or with a leaky one.
//!
//! Usage: `valgrind constant-time honest`, or `by-byte`, or `by-tag` for the leaky ones. It exits
//! with 0 if the results were right; valgrind reports whether a secret leaked.

#[path = "../../../middleware/src/compare.rs"]
mod compare;
mod leaky;
mod taint;

use std::process::ExitCode;

use subtle::Choice;

const TAGS: [[u8; 32]; 3] = [[0x11; 32], [0x22; 32], [0x33; 32]];

fn main() -> ExitCode {
    if !taint::is_watched() {
        eprintln!("constant-time: outside valgrind this proves nothing");
        return ExitCode::from(2);
    }
    match std::env::args().nth(1).as_deref() {
        Some("honest") => try_all(compare::position),
        Some("by-byte") => try_all(leaky::by_byte),
        Some("by-tag") => try_all(leaky::by_tag),
        _ => {
            eprintln!("constant-time: expected honest, by-byte or by-tag");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Presents each tag, one that differs only in its first byte, one only in its last, and one that
/// differs in all.
fn try_all(position: impl Fn([[u8; 32]; 3], &[u8; 32]) -> (Choice, u32)) {
    for (index, tag) in (0u32..).zip(TAGS) {
        assert_eq!(ask(&position, tag), Some(index));
        for place in [0, 31] {
            let mut nearly = tag;
            nearly[place] ^= 1;
            assert_eq!(ask(&position, nearly), None);
        }
    }
    assert_eq!(ask(&position, [0x44; 32]), None);
}

fn ask(
    position: impl Fn([[u8; 32]; 3], &[u8; 32]) -> (Choice, u32),
    presented: [u8; 32],
) -> Option<u32> {
    let mut tags = TAGS;
    tags.iter_mut().for_each(|tag| taint::hide(tag));
    let (found, place) = position(tags, &presented);
    // Only the result may be revealed.
    let (mut found, mut place) = ([found.unwrap_u8()], place.to_ne_bytes());
    taint::reveal(&mut found);
    taint::reveal(&mut place);
    (found == [1]).then(|| u32::from_ne_bytes(place))
}
