//! Small JSON documents of few keys and texts, so that pointers find values and keys are
//! duplicated.

use crate::mutation::Dice;

const KEYS: [&str; 9] = ["a", "b", "", "0", "1", "01", "~", "/", "a\\u0062"];
const STEPS: [&str; 10] = ["a", "b", "", "0", "1", "01", "~0", "~1", "-", "ab"];
const LEAVES: [&str; 11] = [
    "\"order.paid\"",
    "\"cart.left\"",
    "\"order\\u002epaid\"",
    "\"other\"",
    "null",
    "1",
    "-0.5e3",
    "true",
    "\"\\ud800\"",
    "1e999",
    "\"2026-11-24T10:00:00Z\"",
];

/// Returns a pointer, a line feed, and a document.
pub fn document(dice: &mut Dice) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..dice.below(4) {
        text.push('/');
        text.push_str(name(dice, &STEPS));
    }
    text.push('\n');
    value(dice, 4, &mut text);
    if dice.one_in(20) {
        text.push('}');
    }
    text.into_bytes()
}

/// Returns mostly one of two names, so that pointers and documents share names.
fn name(dice: &mut Dice, names: &[&'static str]) -> &'static str {
    let any = dice.one_in(4);
    dice.pick(if any { names } else { &names[..2] })
}

fn value(dice: &mut Dice, depth: usize, text: &mut String) {
    let length = dice.below(4);
    match dice.below(3) {
        0 if depth > 0 => list(dice, length, "[]", text, |dice, text| {
            value(dice, depth - 1, text);
        }),
        1 if depth > 0 => list(dice, length, "{}", text, |dice, text| {
            text.push_str(&format!("\"{}\":", name(dice, &KEYS)));
            value(dice, depth - 1, text);
        }),
        _ => text.push_str(dice.pick(&LEAVES)),
    }
}

fn list(
    dice: &mut Dice,
    length: usize,
    brackets: &str,
    text: &mut String,
    mut item: impl FnMut(&mut Dice, &mut String),
) {
    text.push_str(&brackets[..1]);
    for place in 0..length {
        if place > 0 {
            text.push(',');
        }
        item(dice, text);
    }
    text.push_str(&brackets[1..]);
}
