//! Random forgeries. Each differs from a genuine request in a random way, over connections that
//! stay open and carry genuine requests in between. None may pass.
//!
//! `CARTGATE_FORGERIES` sets their number, `CARTGATE_SEED` the seed.

use std::thread;

use tower_cartgate::Signature;

use crate::support::{App, Gate, request, sign, sign_with};

const NAME: &str = "X-Cartfunnel-Hmac-SHA256";

const CONNECTIONS: u64 = 4;

/// Requests that are sent before the first response is read.
const BATCH: usize = 50;

fn number(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |text| text.parse().expect("a number"))
}

/// Marsaglia's xorshift: the same seed gives the same forgeries.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is below a usize")
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn secret(&mut self) -> Vec<u8> {
        let mut secret = self.bytes(24);
        secret.push(1);
        secret
    }
}

/// A delivery before it is written: a body with its signature.
struct Delivery {
    names: &'static str,
    signatures: Vec<String>,
    body: Vec<u8>,
}

impl Delivery {
    fn genuine(chance: &mut Chance) -> Self {
        let length = 1 + chance.below(300);
        let body = if chance.below(2) == 0 {
            chance.bytes(length)
        } else {
            format!(r#"{{"event":"order.paid","n":{}}}"#, chance.next()).into_bytes()
        };
        Self {
            names: NAME,
            signatures: vec![sign(&body)],
            body,
        }
    }

    /// Returns a delivery that is forged in one of the known ways.
    fn forged(chance: &mut Chance) -> Self {
        let mut one = Self::genuine(chance);
        match chance.below(4) {
            0 | 1 => one.change_body(chance),
            2 => one.change_signature(chance),
            _ => one.replace_signature(chance),
        }
        one
    }

    fn change_body(&mut self, chance: &mut Chance) {
        let place = chance.below(self.body.len());
        match chance.below(6) {
            0 => self.body[place] ^= 1 << chance.below(8),
            1 => drop(self.body.remove(place)),
            2 => self.body.insert(place, chance.next().to_le_bytes()[0]),
            3 => self.body.truncate(place),
            4 => self
                .body
                .extend([b"\n", b"\0", b" ", b"\r"][chance.below(4)]),
            _ => self.body.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        }
        // A byte that is inserted beside the same byte can leave the body unchanged.
        if self.signatures[0] == sign(&self.body) {
            self.body.push(b'x');
        }
    }

    fn change_signature(&mut self, chance: &mut Chance) {
        let right = self.signatures[0].clone();
        let place = chance.below(right.len());
        let other = b"ABCabc019+/=-_ ,\"\t~"[chance.below(19)];
        let mut changed = right.clone().into_bytes();
        match chance.below(6) {
            0 => changed[place] = other,
            1 => drop(changed.remove(place)),
            2 => changed.insert(1 + chance.below(right.len() - 1), other),
            3 => changed[place] = changed[place].swap_case(),
            // The last letter has two bits that decoders ignore.
            4 => {
                changed[42] = if changed[42] == b'A' {
                    b'B'
                } else {
                    changed[42] + 1
                }
            }
            _ => changed.extend(right.bytes()),
        }
        if changed == right.as_bytes() {
            changed.swap(0, 43);
        }
        self.signatures = vec![String::from_utf8(changed).expect("ASCII")];
    }

    fn replace_signature(&mut self, chance: &mut Chance) {
        let right = self.signatures[0].clone();
        self.signatures = match chance.below(8) {
            0 => vec![sign_with(&chance.secret(), &self.body)],
            1 => vec![sign(&chance.bytes(20))],
            2 => vec![sign(b"")],
            3 => vec![],
            4 => vec![right.clone(), right],
            5 => vec![right, sign(b"")],
            6 => vec![format!("{right},{}", sign(b""))],
            _ => {
                self.names = [
                    "X_Cartfunnel_Hmac_SHA256",
                    "X-Cartfunnel-Hmac",
                    "X-Hmac-SHA256",
                ][chance.below(3)];
                vec![right]
            }
        };
    }

    /// Returns whether the gate reads the body. If not, a body of unknown length ends the
    /// connection and the batch.
    fn body_is_read(&self) -> bool {
        let well_formed = |value: &String| Signature::parse(value.as_bytes()).is_ok();
        self.names == NAME && self.signatures.len() == 1 && self.signatures.iter().all(well_formed)
    }

    fn wire(&self, chance: &mut Chance) -> Vec<u8> {
        let lines: String = self
            .signatures
            .iter()
            .map(|value| format!("{}: {value}\r\n", self.names))
            .collect();
        let method = ["POST", "PUT"][chance.below(2)];
        let line = format!("{method} /hooks HTTP/1.1");
        if !self.body_is_read() || chance.below(3) > 0 {
            return request(&line, &lines, &self.body);
        }
        let mut wire =
            format!("{line}\r\nHost: gate.example\r\n{lines}Transfer-Encoding: chunked\r\n\r\n")
                .into_bytes();
        for chunk in self.body.chunks(1 + chance.below(100)) {
            wire.extend(format!("{:X}\r\n", chunk.len()).bytes());
            wire.extend(chunk);
            wire.extend(b"\r\n");
        }
        wire.extend(b"0\r\n\r\n");
        wire
    }
}

trait SwapCase {
    fn swap_case(self) -> Self;
}

impl SwapCase for u8 {
    fn swap_case(self) -> Self {
        if self.is_ascii_lowercase() {
            self.to_ascii_uppercase()
        } else {
            self.to_ascii_lowercase()
        }
    }
}

/// Sends a batch of forgeries with one genuine delivery at its end.
fn send_batch(gate: &Gate, client: &mut crate::support::Client, chance: &mut Chance) {
    let mut wire = Vec::new();
    for _ in 1..BATCH {
        wire.extend(Delivery::forged(chance).wire(chance));
    }
    wire.extend(Delivery::genuine(chance).wire(chance));
    client.send(&wire);
    for n in 1..=BATCH {
        let answer = client.answer();
        let expected = if n < BATCH { 401 } else { 200 };
        assert_eq!(
            answer.status,
            expected,
            "request {n} of {}",
            String::from_utf8_lossy(&wire)
        );
        assert!(!answer.closes());
    }
    if chance.below(20) == 0 {
        *client = gate.client();
    }
}

#[test]
fn no_forgery_passes() {
    let count = number("CARTGATE_FORGERIES", 20_000);
    let seed = number("CARTGATE_SEED", 0x5eed);
    let batches = count.div_ceil(CONNECTIONS * (BATCH as u64 - 1));
    let app = App::content();
    let gate = Gate::before(&app);
    thread::scope(|scope| {
        for n in 0..CONNECTIONS {
            let gate = &gate;
            scope.spawn(move || {
                let mut chance = Chance((seed + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                let mut client = gate.client();
                (0..batches).for_each(|_| send_batch(gate, &mut client, &mut chance));
            });
        }
    });
    // Only the genuine ones; the app has verified each of them.
    assert_eq!(app.count() as u64, batches * CONNECTIONS);
}
