//! Bodies with signatures that are wrong in one byte.

use tower_cartgate::{Secret, Signature, Signer};

/// The two secrets of the gate, in its order.
pub const SECRETS: [&str; 2] = [
    "the first secret of the measurement",
    "the other secret of the measurement",
];

/// A body, and a signature that is wrong in one byte.
pub struct Forgery<'a> {
    pub body: &'a [u8],
    pub signature: String,
}

/// Bodies of equal length, each with its signature by both secrets.
pub struct Forgeries(Vec<(Vec<u8>, [[u8; 32]; 2])>);

impl Forgeries {
    /// The number of bodies.
    pub const COUNT: usize = 64;

    pub fn new() -> Self {
        let signers = signers();
        let bodies = (0..Self::COUNT).map(|number| {
            let lines = "\"order processed\",".repeat(20);
            let body = format!("{{\"id\":{number:04},\"lines\":[{lines}0]}}").into_bytes();
            let tags = [0, 1].map(|secret: usize| *signers[secret].sign(&body).as_bytes());
            (body, tags)
        });
        Self(bodies.collect())
    }

    /// Returns a body and its signature by a secret, with one wrong byte.
    pub fn wrong_at(&self, choice: usize, secret: usize, place: usize, mask: u8) -> Forgery<'_> {
        let (body, tags) = &self.0[choice];
        let mut tag = tags[secret];
        tag[place] ^= mask;
        Forgery {
            body,
            signature: Signature::from(tag).encode(),
        }
    }
}

/// Returns the signers of both secrets.
pub fn signers() -> [Signer; 2] {
    SECRETS.map(|secret| Signer::new(&Secret::new(secret).expect("a secret")))
}
