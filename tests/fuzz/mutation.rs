//! Reproducible randomness, and small changes of bytes.

use std::ops::Range;

/// SplitMix64: the same seed gives the same numbers on every machine.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw() % end as u64).expect("below a usize")
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn byte(&mut self) -> u8 {
        self.throw().to_le_bytes()[0]
    }

    /// Returns a short range within this length, which may be empty.
    fn stretch(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length + 1);
        let most = (length - start).min(16);
        start..start + self.below(most + 1)
    }
}

/// The words with a meaning for one of the parsers.
const WORDS: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b"=",
    b"\"",
    b"\\",
    b"{",
    b"[",
    b"/",
    b"~1",
    b"0",
    b"\x00",
    b"\xff",
    b"chunked",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 0\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.0",
    b"POST ",
];

/// Changes `data` in one place.
pub fn mutate(data: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let stretch = dice.stretch(data.len());
    match dice.below(7) {
        0 => drop(data.splice(stretch, [])),
        1 => drop(data.splice(stretch, dice.pick(&WORDS).iter().copied())),
        2 => drop(data.splice(
            stretch.start..stretch.start,
            dice.pick(&WORDS).iter().copied(),
        )),
        3 => drop(data.splice(stretch, other[dice.stretch(other.len())].iter().copied())),
        4 => data.extend_from_within(stretch),
        5 if dice.one_in(4) => data.truncate(stretch.start),
        _ => {
            let byte = if dice.one_in(2) {
                1 << dice.below(8)
            } else {
                dice.byte()
            };
            data[stretch]
                .iter_mut()
                .take(1)
                .for_each(|place| *place ^= byte);
        }
    }
}
