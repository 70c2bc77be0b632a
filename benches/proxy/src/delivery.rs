//! The requests, genuine and forged, which are created before the measurement.

use tower_cartgate::{Secret, Signature, Signer};

/// The path at which every peer expects deliveries.
pub(crate) const PATH: &str = "/webhooks/orders";

/// The secret of all peers, without NUL or newline.
pub(crate) const SECRET: &str = "bench-secret-that-guards-nothing-0123456789";

/// The number of different requests, so that no peer benefits from repeating one.
const VARIANTS: u32 = 4;

/// The requests of one size, as bytes on the wire.
pub(crate) struct Deliveries {
    pub(crate) genuine: Vec<Vec<u8>>,
    pub(crate) forged: Vec<Vec<u8>>,
    pub(crate) unsigned: Vec<u8>,
}

impl Deliveries {
    pub(crate) fn new(size: usize, path: &str) -> Self {
        let secret = Secret::new(SECRET).expect("it is neither empty nor ends in NUL");
        let signer = Signer::new(&secret);
        let mut made = Self {
            genuine: Vec::new(),
            forged: Vec::new(),
            unsigned: request(path, None, &body(size, 0)),
        };
        for number in 0..VARIANTS {
            let mut body = body(size, number);
            let signature = signer.sign(&body);
            made.genuine.push(request(path, Some(&signature), &body));
            // Flips one bit in the middle, which a peer that hashes only part of the body would
            // accept.
            body[size / 2] ^= 1;
            made.forged.push(request(path, Some(&signature), &body));
        }
        made
    }
}

fn request(path: &str, signature: Option<&Signature>, body: &[u8]) -> Vec<u8> {
    let name = Signature::HEADER;
    let signature = signature.map_or(String::new(), |one| format!("{name}: {one}\r\n"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Cartfunnel/1.0\r\nAccept: */*\r\n\
         Content-Type: application/json\r\n{signature}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn body(size: usize, number: u32) -> Vec<u8> {
    let begin = format!("{{\"event\":\"order.processed\",\"number\":{number:04},\"note\":\"");
    let mut body = begin.into_bytes();
    let text = b"a pair of shoes, and a hat. ";
    let room = size
        .checked_sub(body.len() + 2)
        .expect("larger than its frame");
    body.extend(text.iter().cycle().take(room));
    body.extend(b"\"}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgery_differs_in_one_bit_of_its_body() {
        let made = Deliveries::new(200, PATH);
        for (genuine, forged) in made.genuine.iter().zip(&made.forged) {
            let bits: u32 = genuine
                .iter()
                .zip(forged)
                .map(|(a, b)| (a ^ b).count_ones())
                .sum();
            assert_eq!((bits, genuine.len()), (1, forged.len()));
            assert_ne!(genuine[genuine.len() - 100], forged[forged.len() - 100]);
        }
        let head = String::from_utf8_lossy(&made.genuine[0]);
        assert!(head.contains("Content-Length: 200\r\n"), "{head}");
    }
}
