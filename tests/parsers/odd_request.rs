//! Odd requests with genuine signatures: mostly within the grammar of HTTP, so that the gate
//! forwards them, and a few that break it.

use crate::{dice::dice, mutation::Dice, support::sign};

/// Returns the request of this number, which is the same in every run.
pub(crate) fn odd_request(number: u64) -> Vec<u8> {
    let body = odd_body(number);
    let mut bytes = head(&mut dice("head", number), number, &body).into_bytes_of_latin1();
    let mut dice = dice("framing", number);
    if dice.one_in(3) {
        chunked(&mut dice, &body, &mut bytes);
    } else {
        let zeros = if dice.one_in(20) { "0" } else { "" };
        bytes.extend(format!("Content-Length: {zeros}{}\r\n\r\n", body.len()).bytes());
        bytes.extend(&body);
    }
    bytes
}

/// Returns the body of the request of this number.
pub(crate) fn odd_body(number: u64) -> Vec<u8> {
    body(&mut dice("body", number))
}

/// Text in which each character stands for one byte.
trait Latin1 {
    fn into_bytes_of_latin1(self) -> Vec<u8>;
}

impl Latin1 for String {
    fn into_bytes_of_latin1(self) -> Vec<u8> {
        self.chars().map(|letter| letter as u8).collect()
    }
}

/// Returns the first, which is the usual one, in most cases.
fn mostly<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    if dice.one_in(4) {
        dice.pick(from)
    } else {
        from[0]
    }
}

const SIZES: [usize; 12] = [
    0, 1, 2, 17, 255, 256, 1023, 4096, 8191, 8192, 16_385, 65_537,
];

fn body(dice: &mut Dice) -> Vec<u8> {
    const TEXTS: [&[u8]; 8] = [
        b"0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: inner\r\nContent-Length: 0\r\n\r\n",
        b"POST /smuggled HTTP/1.1\r\nHost: inner\r\nContent-Length: 5\r\n\r\nhello",
        b"\r\n\r\nGET /smuggled HTTP/1.0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"{\"event\":\"order.processed\",\"order\":{\"id\":\"1\"}}",
        b"a=b&a=c&d[]=%00",
        b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nc\r\n--x--\r\n",
        b"\xef\xbb\xbf\x00\xff",
    ];
    match dice.below(8) {
        0..=3 => dice.pick(&TEXTS).to_vec(),
        4..=5 => (0..dice.below(300))
            .map(|_| dice.below(256) as u8)
            .collect(),
        6 => dice.pick(&TEXTS).repeat(1 + dice.below(40)),
        _ => {
            let size = dice.pick(&SIZES) + dice.below(2);
            // A body that repeats would look the same after a cut at a period.
            (0..size)
                .map(|place| (place * place / 7 + place) as u8)
                .collect()
        }
    }
}

fn head(dice: &mut Dice, number: u64, body: &[u8]) -> String {
    let host = mostly(
        dice,
        &[
            "gate.example",
            "gate.example:80",
            "GATE.Example",
            "gate",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::1]:8080",
            "xn--bcher-kva.example",
            "a_b.example",
            "gate.example.",
            "1",
            "gate.example:",
            "a-.b",
            "*.example",
            "gate..example",
            "gate.example:65536",
        ],
    );
    let method = if dice.one_in(2) { "POST" } else { "PUT" };
    let version = mostly(dice, &["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
    let target = target(dice, host);
    let signature = sign(body);
    let mut lines = vec![
        format!(
            "{}{host}",
            mostly(dice, &["Host: ", "host:", "HOST:\t", "Host:   "])
        ),
        format!(
            "{}{signature}",
            mostly(
                dice,
                &["X-Cartfunnel-Hmac-SHA256: ", "x-cartfunnel-hmac-sha256:"]
            )
        ),
        format!("X-Number: {number}"),
    ];
    for _ in 0..dice.below(6) {
        lines.push(line(dice));
    }
    if dice.one_in(50) {
        let count = dice.below(60);
        lines.extend((0..count).map(|place| format!("X-Many-{place}: {place}")));
    }
    let at = dice.below(lines.len());
    lines.swap(0, at);
    let blank = if dice.one_in(30) { "\r\n" } else { "" };
    format!(
        "{blank}{method} {target} {version}\r\n{}\r\n",
        lines.join("\r\n")
    )
}

fn target(dice: &mut Dice, host: &str) -> String {
    const SEGMENTS: [&str; 40] = [
        "hooks",
        "orders",
        "",
        ".",
        "..",
        "...",
        "%2e",
        "%2E%2e",
        "%2f",
        "%2F..%2f",
        "%5c",
        "%00",
        "%0d%0a",
        "%20",
        "%25",
        "%252e",
        "%c3%a9",
        "%C3%28",
        "%ff",
        "a;b=c",
        ";",
        "..;",
        "a:b",
        "@",
        "~user",
        "!$&'()*+,=",
        "index.php",
        "a.jsp",
        "WEB-INF",
        "*",
        "-",
        "_",
        "%E2%80%AE",
        "a%2",
        "%zz",
        "%",
        "b\\c",
        "a|b",
        "\u{e9}",
        "{a}",
    ];
    /// The number of segments within the grammar.
    const ODD: usize = 33;
    const QUERIES: [&str; 24] = [
        "",
        "",
        "?",
        "??",
        "?a=b",
        "?a=b&a=c",
        "?a",
        "?=",
        "?&",
        "?a=/../b",
        "?a=%00",
        "?a=%zz",
        "?a=%",
        "?a=b;c=d",
        "?http://x/",
        "?a[]=b",
        "?a=b#c",
        "?%3f",
        "?a+b",
        "?-d+allow_url",
        "?a=b?c",
        "?a=\u{e9}",
        "?_method=DELETE",
        "?\\",
    ];
    // Most servers reject some of the odd paths, so most paths are plain. The last entries break the
    // grammar.
    let segment = |dice: &mut Dice| match dice.below(24) {
        0 => dice.pick(&SEGMENTS),
        1..=5 => dice.pick(&SEGMENTS[..ODD]),
        _ => dice.pick(&[
            "hooks",
            "orders",
            "a-b_c.d~",
            "!$&'()*+,=",
            "a:b",
            "@",
            "index.php",
        ]),
    };
    let mut path = String::new();
    for _ in 0..=dice.below(4) {
        path.push('/');
        path.push_str(segment(dice));
    }
    if dice.one_in(60) {
        path.push('/');
        path.push_str(&"long-".repeat(dice.below(300)));
    }
    let queries = if dice.one_in(3) { QUERIES.len() } else { 6 };
    let query = QUERIES[dice.below(queries)];
    match dice.below(20) {
        0 => format!("http://{host}{path}{query}"),
        1 => format!("HTTP://{host}{path}{query}"),
        2 => format!("/{path}{query}"),
        3 => format!("http://{host}{query}"),
        4 if dice.one_in(10) => format!("https://{host}{path}"),
        4 if dice.one_in(10) => "*".to_owned(),
        _ => format!("{path}{query}"),
    }
}

/// Returns a header line without its end.
fn line(dice: &mut Dice) -> String {
    const NAMES: [&str; 28] = [
        "X-A",
        "x-a",
        "X-B",
        "X-a-",
        "X-1",
        "1",
        "A",
        "X--A",
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Cache-Control",
        "Date",
        "If-Match",
        "Range",
        "User-Agent",
        "Via",
        "Origin",
        "Referer",
        "Content-Language",
        "Version",
        "Method",
        "Content-Type",
        "Content-Encoding",
        "X_A",
        "X.A",
        "X!#$%&'*+^`|~",
        "Traceparent",
    ];
    const WHOLE: [&str; 44] = [
        "Connection: keep-alive",
        "Connection: close",
        "Connection: X-A, X-B",
        "Connection: Content-Length",
        "Connection: Host, Transfer-Encoding",
        "Connection: X-Cartfunnel-Hmac-SHA256",
        "Connection: upgrade\r\nUpgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Upgrade: TLS/1.0",
        "Expect: 100-continue",
        "TE: trailers",
        "TE: gzip, chunked;q=0.5",
        "Trailer: X-A",
        "Trailer: Content-Length",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: close",
        "Proxy-Authorization: a",
        "Max-Forwards: 0",
        "Content-MD5: a",
        "Cookie: a=b",
        "X-HTTP-Method-Override: DELETE",
        "X-Forwarded-For: 192.0.2.1",
        "X-Original-URL: /admin",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: multipart/form-data",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: text/plain;charset=utf-16",
        "Content-Type: a/b\r\nContent-Type: c/d",
        "Content-Encoding: gzip",
        "Content-Encoding: gzip\r\nContent-Encoding: br",
        "Transfer_Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Content_Length: 0",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "X-A: b\r\n folded",
        "Content-Length: 0",
        "Host: other",
        " X-A: b",
        "no colon",
        "X-A : b",
        "X-A: b\rc",
        "X-A: \u{0}",
    ];
    // The last entries break the grammar.
    if dice.one_in(3) {
        let end = if dice.one_in(12) { WHOLE.len() } else { 33 };
        return WHOLE[dice.below(end)].to_owned();
    }
    let name = dice.pick(&NAMES);
    let space = mostly(dice, &[" ", "", "\t", "   "]);
    let end = mostly(dice, &["", " ", "\t \t"]);
    format!("{name}:{space}{}{end}", value(dice))
}

fn value(dice: &mut Dice) -> String {
    const VALUES: [&str; 30] = [
        "b",
        "",
        "a, b",
        "a,b",
        ",",
        ", ,",
        "\"a, b\"",
        "\"",
        "\\",
        "a\tb",
        "a  b",
        "a: b",
        ":",
        ";",
        "\u{e9}",
        "\u{c3}\u{a9}",
        "\u{ff}\u{80}",
        "%0d%0a",
        "=?utf-8?q?a?=",
        "<a>",
        "$(a)",
        "`",
        "0",
        "-1",
        "chunked",
        "close",
        "HTTP/1.1",
        "${jndi:a}",
        "() { :;};",
        "\u{a0}a\u{a0}",
    ];
    match dice.below(40) {
        0 => "long ".repeat(dice.below(500)) + "end",
        1 => "\u{e9}".repeat(1 + dice.below(200)),
        _ => dice.pick(&VALUES).to_owned(),
    }
}

fn chunked(dice: &mut Dice, mut body: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(
        mostly(
            dice,
            &["Transfer-Encoding: chunked", "transfer-encoding:CHUNKED"],
        )
        .bytes(),
    );
    bytes.extend(b"\r\n\r\n");
    while !body.is_empty() {
        let most = if dice.one_in(2) {
            body.len()
        } else {
            body.len().min(700)
        };
        let (chunk, rest) = body.split_at(1 + dice.below(most));
        let zeros = mostly(dice, &["", "0", "0000"]);
        let extension = mostly(
            dice,
            &[
                "",
                ";a=b",
                ";a=\"b\"",
                "; a",
                " ;a",
                ";a=\"\\\"\"",
                " ",
                "\n",
            ],
        );
        bytes.extend(format!("{zeros}{:x}{extension}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
        body = rest;
    }
    let end = [
        "0\r\n\r\n",
        "000\r\n\r\n",
        "0;a=b\r\n\r\n",
        "0\r\nX-A: trailer\r\n\r\n",
        "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX-Cartgate-Verdict: verified\r\n\r\n",
    ];
    bytes.extend(mostly(dice, &end).bytes());
}
