//! A stand-in for the gate that leaks on purpose: it compares byte by byte, stops at the first
//! difference, and then takes a fixed time per equal byte. Otherwise it does a gate's work: it reads the
//! request, computes the signatures by both secrets, and sends the same response.

use std::{
    hint::black_box,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Instant,
};

use tower_cartgate::{Signature, Signer};

use crate::{
    exchange::{HEAD, SIGNATURE},
    forgery::{Forgeries, signers},
};

/// The length of a signature in bytes.
const TAG: usize = 32;

/// Serves rejections. A signature that is wrong only in its last byte takes `leak` nanoseconds
/// longer than one that is wrong in its first.
pub fn serve(leak: u32) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let turns = f64::from(leak) * turns_per_nanosecond();
    let server = Server {
        signers: signers(),
        turns: turns as u64,
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            server.rejections(stream);
        }
    });
    address
}

struct Server {
    signers: [Signer; 2],
    /// The turns of the loop that the whole leak takes.
    turns: u64,
}

impl Server {
    fn rejections(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).expect("no delay");
        let body = Forgeries::new().wrong_at(0, 0, 0, 1).body.len();
        let rest = format!("\r\nContent-Length: {body}\r\n\r\n").len();
        let mut request = vec![0; HEAD.len() + SIGNATURE + rest + body];
        let response = response();
        while stream.read_exact(&mut request).is_ok() {
            let presented = &request[HEAD.len()..HEAD.len() + SIGNATURE];
            let presented = Signature::parse(presented).expect("a signature");
            let body = &request[request.len() - body..];
            let tags = self.signers.each_ref().map(|signer| signer.sign(body));
            let equal = self.compare(black_box(&tags)[0].as_bytes(), presented.as_bytes());
            assert!(!equal, "only forgeries are sent");
            if stream.write_all(&response).is_err() {
                return;
            }
        }
    }

    fn compare(&self, expected: &[u8; TAG], presented: &[u8; TAG]) -> bool {
        for (place, (one, other)) in (0_u64..).zip(expected.iter().zip(presented)) {
            if one != other {
                // Once at the end, because each call takes time of its own.
                spin(self.turns * place / (TAG as u64 - 1));
                return false;
            }
        }
        true
    }
}

/// A response like that of the gate.
fn response() -> Vec<u8> {
    let body = r#"{"title":"Unauthorized","status":401}"#;
    let length = body.len();
    format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json\r\n\
         www-authenticate: Cartfunnel-HMAC-SHA256\r\nproxy-status: cartgate; error=http_request_denied\r\n\
         x-cartgate-delivery: 00000000-0000-7000-8000-000000000000\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Turns a loop. Each turn depends on the one before it.
fn spin(turns: u64) {
    let mut number = black_box(1_u64);
    for _ in 0..turns {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005));
    }
    black_box(number);
}

/// Returns the speed of the loop, as the best of several attempts.
fn turns_per_nanosecond() -> f64 {
    const TURNS: u64 = 10_000_000;
    let attempt = |_| {
        let begun = Instant::now();
        spin(TURNS);
        TURNS as f64 / begun.elapsed().as_nanos() as f64
    };
    (0..5).map(attempt).fold(0.0, f64::max)
}
