//! Requests with genuine signatures whose framing may be ambiguous, one to three on a connection:
//! only the rules of HTTP can reject them.

use crate::{
    mutation::{Dice, mutate},
    targets::gate::{BODIES, signature},
};

/// Returns the first, which is the good one, in half of the cases.
fn mostly<'p>(dice: &mut Dice, from: &[&'p str]) -> &'p str {
    if dice.one_in(2) {
        dice.pick(from)
    } else {
        from[0]
    }
}

const METHODS: [&str; 6] = ["POST", "PUT", "GET", "post", "CONNECT", "TRACE"];
const TARGETS: [&str; 9] = [
    "/hooks",
    "/hooks?a=b",
    "/hooks#f",
    "//hooks",
    "/hooks/../hooks",
    "http://gate/hooks",
    "https://other/hooks",
    "gate:80",
    "*",
];
const VERSIONS: [&str; 4] = ["HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0"];
const HOSTS: [&str; 7] = [
    "Host: gate\r\n",
    "",
    "Host:\r\n",
    "Host: gate\r\nHost: gate\r\n",
    "Host: user@gate\r\n",
    "Host: gate, gate\r\n",
    "Host : gate\r\n",
];
const NAMES: [&str; 5] = [
    "X-Cartfunnel-Hmac-SHA256: ",
    "x-cartfunnel-hmac-sha256:",
    "X_Cartfunnel_Hmac_SHA256: ",
    "X-Cartfunnel-Hmac-SHA256 : ",
    " X-Cartfunnel-Hmac-SHA256: ",
];
const EXTRAS: [&str; 10] = [
    "",
    "Connection: close\r\n",
    "Connection: X-Cartfunnel-Hmac-SHA256\r\n",
    "X-Cartgate-Verdict: verified\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\nConnection: upgrade\r\n",
    "X_Cartgate_Verdict: verified\r\n",
    "Folded: a\r\n b\r\n",
    "Cookie: a=b\r\n",
    "Trailer: X-Cartfunnel-Hmac-SHA256\r\n",
];
const CODINGS: [&str; 7] = [
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: Chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer_Encoding: chunked\r\n",
];

/// Returns the bytes that a client writes.
pub fn stream(dice: &mut Dice) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..=dice.below(3) {
        request(dice, &mut stream);
    }
    if dice.one_in(3) {
        mutate(&mut stream, BODIES[4], dice);
    }
    stream
}

fn request(dice: &mut Dice, stream: &mut Vec<u8>) {
    let body = dice.pick(&BODIES);
    let signed = if dice.one_in(8) {
        dice.pick(&BODIES)
    } else {
        body
    };
    let head = [
        mostly(dice, &METHODS),
        " ",
        mostly(dice, &TARGETS),
        " ",
        mostly(dice, &VERSIONS),
        "\r\n",
        mostly(dice, &HOSTS),
        mostly(dice, &EXTRAS),
        mostly(dice, &NAMES),
        &signature(signed).encode(),
        "\r\n",
    ];
    stream.extend(head.concat().bytes());
    if dice.one_in(8) {
        let field = format!("{}{}\r\n", NAMES[0], signature(dice.pick(&BODIES)));
        stream.extend(field.bytes());
    }
    framing(dice, body, stream);
}

/// Writes the framing headers, the end of the head, and the body in one of the two forms.
fn framing(dice: &mut Dice, body: &[u8], stream: &mut Vec<u8>) {
    let chunked = dice.one_in(2);
    let lies = dice.one_in(3);
    if chunked || lies && dice.one_in(2) {
        stream.extend(mostly(dice, &CODINGS).bytes());
    }
    if !chunked || lies {
        stream.extend(length(dice, body.len(), lies).bytes());
    }
    stream.extend(b"\r\n");
    if chunked {
        chunks(dice, body, stream);
    } else {
        stream.extend(body);
    }
}

fn length(dice: &mut Dice, length: usize, lies: bool) -> String {
    let field = |value: &str| format!("Content-Length: {value}\r\n");
    match dice.below(if lies { 8 } else { 1 }) {
        0 => field(&length.to_string()),
        1 => field(&(length + 1).to_string()),
        2 => field(&length.saturating_sub(1).to_string()),
        3 => field(&length.to_string()).repeat(2),
        4 => field(&format!("{length}, {length}")),
        5 => field(&format!("+{length}")),
        6 => field(&format!("0{length}")),
        _ => field("18446744073709551616"),
    }
}

fn chunks(dice: &mut Dice, mut body: &[u8], stream: &mut Vec<u8>) {
    while !body.is_empty() {
        let (chunk, rest) = body.split_at(1 + dice.below(body.len()));
        let extension = mostly(dice, &["", ";a=b", ";a=\"\r\n\"", " ", "\n"]);
        stream.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
        stream.extend(chunk);
        stream.extend(mostly(dice, &["\r\n", "", "\n"]).bytes());
        body = rest;
    }
    let end = [
        "0\r\n\r\n",
        "0\r\nX-Cartfunnel-Hmac-SHA256: a\r\n\r\n",
        "0\r\n",
        "00\r\n\r\n",
        "0\n\n",
    ];
    stream.extend(mostly(dice, &end).bytes());
}
