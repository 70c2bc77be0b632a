//! The rows. `@` at the end of a line stands for the header line of the signature.

/// The expected result of a row.
pub(super) enum Expect {
    /// The gate responds once, and closes the connection; the app gets nothing.
    Refused(u16),
    /// The app gets one request with this body.
    Passed(&'static [u8]),
    /// The gate sends these responses, after which the connection may stay open, and the app gets
    /// these bodies.
    Kept(&'static [u16], &'static [&'static [u8]]),
    /// The connection closes without a response; the app gets nothing.
    Closed,
}

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) wire: &'static [u8],
    /// The signed bytes.
    pub(super) signed: &'static [u8],
    /// Whether the client ends its side at once.
    pub(super) ends: bool,
    pub(super) expect: Expect,
}

use Expect::{Closed, Kept, Passed, Refused};

/// Returns a row whose client waits for the response.
const fn row(name: &'static str, wire: &'static [u8], expect: Expect) -> Row {
    signed(name, b"hello", wire, expect)
}

/// Returns a row with the signature for another parser of its framing.
const fn signed(
    name: &'static str,
    signed: &'static [u8],
    wire: &'static [u8],
    expect: Expect,
) -> Row {
    Row {
        name,
        wire,
        signed,
        ends: false,
        expect,
    }
}

/// Returns a row whose client ends its side at once.
const fn torn(name: &'static str, wire: &'static [u8], expect: Expect) -> Row {
    Row {
        name,
        wire,
        signed: b"hello",
        ends: true,
        expect,
    }
}

/// A request with these lines and a body of five bytes.
macro_rules! sized {
    ($lines:literal) => {
        concat!(
            "POST /h HTTP/1.1\r\nHost: gate\r\n@\n",
            $lines,
            "\r\n\r\nhello"
        )
        .as_bytes()
    };
}

/// A request with these lines and a body in one chunk.
macro_rules! chunked {
    ($lines:literal) => {
        concat!(
            "POST /h HTTP/1.1\r\nHost: gate\r\n@\n",
            $lines,
            "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
        .as_bytes()
    };
}

/// A request in chunks, from the size of its first chunk on.
macro_rules! chunks {
    ($chunks:literal) => {
        concat!(
            "POST /h HTTP/1.1\r\nHost: gate\r\n@\nTransfer-Encoding: chunked\r\n\r\n",
            $chunks
        )
        .as_bytes()
    };
}

/// A request with this first line and this line for the host.
macro_rules! to {
    ($line:literal, $host:literal) => {
        concat!($line, "\r\n", $host, "@\nContent-Length: 5\r\n\r\nhello").as_bytes()
    };
}

const GET_SMUGGLED: &[u8] =
    b"0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\n\r\nhello";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Transfer-Encoding: anything but one `chunked`.
    row("coding twice in a list", chunked!("Transfer-Encoding: chunked, chunked"), Refused(400)),
    row("coding twice on two lines", chunked!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), Refused(400)),
    row("coding identity", sized!("Transfer-Encoding: identity\r\nContent-Length: 5"), Refused(400)),
    row("coding identity alone", chunked!("Transfer-Encoding: identity"), Refused(400)),
    row("coding identity, then chunked", chunked!("Transfer-Encoding: identity, chunked"), Refused(400)),
    row("coding identity and chunked on two lines", chunked!("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), Refused(400)),
    row("coding chunked, then identity", chunked!("Transfer-Encoding: chunked, identity"), Refused(400)),
    row("coding gzip, then chunked", chunked!("Transfer-Encoding: gzip, chunked"), Refused(400)),
    row("coding xchunked", chunked!("Transfer-Encoding: xchunked"), Refused(400)),
    row("coding x chunked", chunked!("Transfer-Encoding: x chunked"), Refused(400)),
    row("coding chunkedx", chunked!("Transfer-Encoding: chunkedx"), Refused(400)),
    row("coding in quotes", chunked!("Transfer-Encoding: \"chunked\""), Refused(400)),
    row("coding with a parameter", chunked!("Transfer-Encoding: chunked;q=1"), Refused(400)),
    row("coding with a comma after", chunked!("Transfer-Encoding: chunked,"), Refused(400)),
    row("coding with a comma before", chunked!("Transfer-Encoding: ,chunked"), Refused(400)),
    row("coding empty", chunked!("Transfer-Encoding:"), Refused(400)),
    row("coding empty beside a length", sized!("Transfer-Encoding: \r\nContent-Length: 5"), Refused(400)),
    row("coding with a vertical tab", chunked!("Transfer-Encoding: \x0bchunked"), Refused(400)),
    row("coding with a vertical tab after", chunked!("Transfer-Encoding: chunked\x0b"), Refused(400)),
    row("coding with a form feed", chunked!("Transfer-Encoding: \x0cchunked"), Refused(400)),
    row("coding with a NUL", chunked!("Transfer-Encoding: chunked\0"), Refused(400)),
    row("coding with a bare CR", chunked!("Transfer-Encoding: chunked\r "), Refused(400)),
    row("coding folded", chunked!("Transfer-Encoding:\r\n chunked"), Refused(400)),
    row("coding with a space before the colon", chunked!("Transfer-Encoding : chunked"), Refused(400)),
    row("coding with a tab before the colon", chunked!("Transfer-Encoding\t: chunked"), Refused(400)),
    row("coding on a line that begins with a space", chunked!("X: y\r\n Transfer-Encoding: chunked"), Refused(400)),
    row("coding under an underscore, no length", chunked!("Transfer_Encoding: chunked"), Kept(&[401, 400], &[])),
    row("coding under an underscore beside a length", sized!("Transfer_Encoding: chunked\r\nContent-Length: 5"), Passed(b"hello")),
    row("coding in capitals", chunked!("TRANSFER-ENCODING: CHUNKED"), Passed(b"hello")),
    row("coding after a tab", chunked!("Transfer-Encoding:\tchunked"), Passed(b"hello")),
    row("coding with spaces around", chunked!("Transfer-Encoding:   chunked  "), Passed(b"hello")),
    row("coding in HTTP/1.0", b"POST /h HTTP/1.0\r\nHost: gate\r\n@\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Refused(400)),

    // Two framings at once. hyper takes the coding and drops the length (RFC 9112, section 6.3).
    row("length then coding, signed for the coding", chunked!("Content-Length: 15\r\nTransfer-Encoding: chunked"), Passed(b"hello")),
    row("coding then length, signed for the coding", chunked!("Transfer-Encoding: chunked\r\nContent-Length: 15"), Passed(b"hello")),
    signed("coding and length, signed for the length", GET_SMUGGLED, b"POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 68\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\n\r\nhello", Refused(401)),

    // Content-Length.
    row("length twice, equal", sized!("Content-Length: 5\r\nContent-Length: 5"), Passed(b"hello")),
    row("length twice, different", sized!("Content-Length: 5\r\nContent-Length: 6"), Refused(400)),
    row("length twice, the first shorter", sized!("Content-Length: 0\r\nContent-Length: 5"), Refused(400)),
    row("length twice, one padded", sized!("Content-Length: 5\r\nContent-Length: 05"), Passed(b"hello")),
    row("length in a list, equal", sized!("Content-Length: 5, 5"), Refused(400)),
    row("length in a list, different", sized!("Content-Length: 5, 6"), Refused(400)),
    row("length with a plus", sized!("Content-Length: +5"), Refused(400)),
    row("length with a minus", sized!("Content-Length: -5"), Refused(400)),
    row("length minus nothing", sized!("Content-Length: -0"), Refused(400)),
    row("length in hex", sized!("Content-Length: 0x5"), Refused(400)),
    row("length in hex digits", sized!("Content-Length: a"), Refused(400)),
    row("length with a space inside", sized!("Content-Length: 5 5"), Refused(400)),
    row("length with a unit", sized!("Content-Length: 5B"), Refused(400)),
    row("length with a point", sized!("Content-Length: 5.0"), Refused(400)),
    row("length with an exponent", sized!("Content-Length: 5e0"), Refused(400)),
    row("length with an underscore", sized!("Content-Length: 0_5"), Refused(400)),
    row("length in quotes", sized!("Content-Length: \"5\""), Refused(400)),
    row("length empty", sized!("Content-Length:"), Refused(400)),
    row("length only of spaces", sized!("Content-Length:    "), Refused(400)),
    row("length beyond 64 bits", sized!("Content-Length: 18446744073709551621"), Refused(400)),
    row("length of 64 bits", sized!("Content-Length: 18446744073709551615"), Refused(400)),
    row("length a byte below that", sized!("Content-Length: 18446744073709551613"), Refused(413)),
    row("length with zeros before", sized!("Content-Length: 00000005"), Passed(b"hello")),
    row("length in fullwidth digits", sized!("Content-Length: \u{ff15}"), Refused(400)),
    row("length with a vertical tab", sized!("Content-Length: \x0b5"), Refused(400)),
    row("length with a NUL", sized!("Content-Length: 5\0"), Refused(400)),
    row("length folded", sized!("Content-Length:\r\n 5"), Refused(400)),
    row("length with a space before the colon", sized!("Content-Length : 5"), Refused(400)),
    row("length under an underscore", sized!("Content_Length: 5"), Kept(&[401], &[])),
    row("length with a bare CR after", sized!("Content-Length: 5\rX: y"), Refused(400)),
    torn("length longer than the body", sized!("Content-Length: 6"), Refused(400)),
    row("length shorter than the body, signed for all of it", sized!("Content-Length: 4"), Kept(&[401], &[])),

    // Lines.
    row("bare LF in place of each CRLF", b"POST /h HTTP/1.1\nHost: gate\n@\nContent-Length: 5\n\nhello", Passed(b"hello")),
    row("bare LF ends one header", sized!("X: a\nContent-Length: 5"), Passed(b"hello")),
    row("bare CR ends one header", sized!("X: a\rContent-Length: 5"), Refused(400)),
    row("CR CR LF", sized!("X: a\r\r\nContent-Length: 5"), Refused(400)),
    row("NUL in a value", sized!("X: a\0b\r\nContent-Length: 5"), Refused(400)),
    row("NUL in a name", sized!("X\0: a\r\nContent-Length: 5"), Refused(400)),
    row("escape in a value", sized!("X: \x1b[31m\r\nContent-Length: 5"), Refused(400)),
    row("delete in a value", sized!("X: \x7f\r\nContent-Length: 5"), Refused(400)),
    row("line without a colon", sized!("Content-Length\r\nContent-Length: 5"), Refused(400)),
    row("line without a name", sized!(": x\r\nContent-Length: 5"), Refused(400)),
    row("name with a space inside", sized!("X Y: z\r\nContent-Length: 5"), Refused(400)),
    row("name with a bracket", sized!("X[1]: z\r\nContent-Length: 5"), Refused(400)),
    row("first header after a space", b"POST /h HTTP/1.1\r\n Host: gate\r\n@\nContent-Length: 5\r\n\r\nhello", Refused(400)),
    row("value folded by a space", sized!("X: a\r\n b\r\nContent-Length: 5"), Refused(400)),
    row("value folded by a tab", sized!("X: a\r\n\tb\r\nContent-Length: 5"), Refused(400)),
    row("an empty line before", b"\r\nPOST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello", Passed(b"hello")),
    row("many empty lines before", b"\r\n\r\n\r\n\r\nPOST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello", Passed(b"hello")),
    row("a space before", b" POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello", Refused(400)),
    torn("a head that breaks off", b"POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Le", Closed),

    // The first line.
    row("raw space in the target", to!("POST /h h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("two spaces before the target", to!("POST  /h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("two spaces after the target", to!("POST /h  HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("tab before the target", to!("POST\t/h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("space after the version", to!("POST /h HTTP/1.1 ", "Host: gate\r\n"), Refused(400)),
    row("no target", to!("POST HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("target without a slash", to!("POST h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("target of a query alone", to!("POST ?a=b HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("asterisk", to!("POST * HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("NUL in the target", to!("POST /h\0 HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("CR in the target", to!("POST /h\rX HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("lower case method", to!("post /h HTTP/1.1", "Host: gate\r\n"), Kept(&[405], &[])),
    row("CONNECT with an authority", to!("CONNECT gate:443 HTTP/1.1", "Host: gate:443\r\n"), Refused(400)),
    row("CONNECT with a path", to!("CONNECT /h HTTP/1.1", "Host: gate\r\n"), Kept(&[405], &[])),
    row("authority-form", to!("POST gate:80 HTTP/1.1", "Host: gate:80\r\n"), Refused(400)),
    row("absolute-form of this host", to!("POST http://gate/h HTTP/1.1", "Host: gate\r\n"), Passed(b"hello")),
    row("absolute-form in another case", to!("POST http://GATE/h HTTP/1.1", "Host: gate\r\n"), Passed(b"hello")),
    row("absolute-form of another host", to!("POST http://other/h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("absolute-form of another port", to!("POST http://gate:81/h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("absolute-form of another scheme", to!("POST https://gate/h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("absolute-form of ftp", to!("POST ftp://gate/h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("absolute-form with userinfo", to!("POST http://user@gate/h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("absolute-form with userinfo in both", to!("POST http://user@gate/h HTTP/1.1", "Host: user@gate\r\n"), Refused(400)),
    row("absolute-form without a host", to!("POST http:///h HTTP/1.1", "Host: gate\r\n"), Refused(400)),
    row("absolute-form without Host", to!("POST http://gate/h HTTP/1.1", ""), Refused(400)),
    row("HTTP/0.9", b"POST /h\r\n", Refused(400)),
    row("HTTP/1.2", to!("POST /h HTTP/1.2", "Host: gate\r\n"), Refused(400)),
    row("HTTP/2.0 in a first line", to!("POST /h HTTP/2.0", "Host: gate\r\n"), Refused(400)),
    row("HTTP/3", to!("POST /h HTTP/3", "Host: gate\r\n"), Refused(400)),
    row("http in lower case", to!("POST /h http/1.1", "Host: gate\r\n"), Refused(400)),
    row("version with zeros", to!("POST /h HTTP/01.1", "Host: gate\r\n"), Refused(400)),
    row("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", Refused(400)),
    row("TLS in place of HTTP", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", Refused(400)),
    row("fragment in the target", to!("POST /h#x HTTP/1.1", "Host: gate\r\n"), Passed(b"hello")),

    // Host.
    row("no Host", to!("POST /h HTTP/1.1", ""), Refused(400)),
    row("no Host in HTTP/1.0", to!("POST /h HTTP/1.0", ""), Refused(400)),
    row("two Hosts, equal", to!("POST /h HTTP/1.1", "Host: gate\r\nHost: gate\r\n"), Refused(400)),
    row("two Hosts, different", to!("POST /h HTTP/1.1", "Host: gate\r\nHost: other\r\n"), Refused(400)),
    row("Host empty", to!("POST /h HTTP/1.1", "Host:\r\n"), Refused(400)),
    row("Host with a list", to!("POST /h HTTP/1.1", "Host: gate, other\r\n"), Refused(400)),
    row("Host with userinfo", to!("POST /h HTTP/1.1", "Host: user@gate\r\n"), Refused(400)),
    row("Host with a path", to!("POST /h HTTP/1.1", "Host: gate/x\r\n"), Refused(400)),
    row("Host with a query", to!("POST /h HTTP/1.1", "Host: gate?x\r\n"), Refused(400)),
    row("Host with a space", to!("POST /h HTTP/1.1", "Host: gate other\r\n"), Refused(400)),
    row("Host with a scheme", to!("POST /h HTTP/1.1", "Host: http://gate\r\n"), Refused(400)),
    row("Host with a port of letters", to!("POST /h HTTP/1.1", "Host: gate:http\r\n"), Refused(400)),
    row("Host with too large a port", to!("POST /h HTTP/1.1", "Host: gate:65536\r\n"), Refused(400)),
    row("Host with a negative port", to!("POST /h HTTP/1.1", "Host: gate:-1\r\n"), Refused(400)),
    row("Host with two ports", to!("POST /h HTTP/1.1", "Host: gate:80:80\r\n"), Refused(400)),
    row("Host of a bare IPv6 address", to!("POST /h HTTP/1.1", "Host: ::1\r\n"), Refused(400)),
    row("Host with an open bracket", to!("POST /h HTTP/1.1", "Host: [::1\r\n"), Refused(400)),
    row("Host with bytes above ASCII", to!("POST /h HTTP/1.1", "Host: gat\u{e9}\r\n"), Refused(400)),
    row("Host with a backslash", to!("POST /h HTTP/1.1", "Host: gate\\x\r\n"), Refused(400)),
    row("Host before a space and a colon", to!("POST /h HTTP/1.1", "Host : gate\r\n"), Refused(400)),
    row("Host of an IPv6 address", to!("POST /h HTTP/1.1", "Host: [::1]:80\r\n"), Passed(b"hello")),
    row("Host with a port", to!("POST /h HTTP/1.1", "Host: gate:8080\r\n"), Passed(b"hello")),

    // Chunks.
    row("chunk's size with 0x", chunks!("0x5\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size with a plus", chunks!("+5\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size with a minus", chunks!("-5\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size empty", chunks!("\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size of 65 bits", chunks!("10000000000000005\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size not in hex", chunks!("g\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size with an underscore", chunks!("0_5\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size after a space", chunks!(" 5\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size and another", chunks!("5 5\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size before a space", chunks!("5 \r\nhello\r\n0\r\n\r\n"), Passed(b"hello")),
    row("chunk's size with zeros before", chunks!("0005\r\nhello\r\n0\r\n\r\n"), Passed(b"hello")),
    row("chunk's size ended by LF", chunks!("5\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size ended by CR", chunks!("5\rhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's size ended by CR and a byte", chunks!("5\rXhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk without CRLF after", chunks!("5\r\nhello0\r\n\r\n"), Refused(400)),
    row("chunk with LF after", chunks!("5\r\nhello\n0\r\n\r\n"), Refused(400)),
    row("chunk with two bytes in place of CRLF", chunks!("5\r\nhelloXX0\r\n\r\n"), Refused(400)),
    row("chunk longer than its size", chunks!("4\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's extension", chunks!("5;a=b\r\nhello\r\n0\r\n\r\n"), Passed(b"hello")),
    row("chunk's extension in quotes", chunks!("5;a=\"b\"\r\nhello\r\n0;c\r\n\r\n"), Passed(b"hello")),
    row("chunk's extension with LF", chunks!("5;a\nb\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's extension with LF in quotes", chunks!("5;a=\"\n0\n\n\"\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("chunk's extension with CR", chunks!("5;a\rb\r\nhello\r\n0\r\n\r\n"), Refused(400)),
    row("last chunk of many zeros", chunks!("5\r\nhello\r\n000\r\n\r\n"), Passed(b"hello")),
    row("two chunks", chunks!("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), Passed(b"hello")),
    row("a trailer", chunks!("5\r\nhello\r\n0\r\nSmuggled: 1\r\n\r\n"), Passed(b"hello")),
    row("trailers that no trailer may be", chunks!("5\r\nhello\r\n0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nHost: other\r\nX-Cartgate-Verdict: smuggled\r\nX-Cartfunnel-Hmac-SHA256: smuggled\r\n\r\n"), Passed(b"hello")),
    row("a trailer without a colon", chunks!("5\r\nhello\r\n0\r\nsmuggled\r\n\r\n"), Refused(400)),
    torn("no last chunk", chunks!("5\r\nhello\r\n"), Refused(400)),
    torn("a chunk that breaks off", chunks!("6\r\nhello"), Refused(400)),
    torn("a last chunk without its empty line", chunks!("5\r\nhello\r\n0\r\n"), Refused(400)),

    // Several requests on one connection.
    row("a second request in the body", sized!("Content-Length: 5"), Passed(b"hello")),
    row("two that are genuine", concat!("POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello", "POST /h HTTP/1.1\r\nHost: gate\r\n@\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").as_bytes(), Kept(&[200, 200], &[b"hello", b"hello"])),
    row("a genuine one, then a forged one", concat!("POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello", "POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\njello").as_bytes(), Kept(&[200, 401], &[b"hello"])),
    row("a forged one, then a genuine one", concat!("POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\njello", "POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello").as_bytes(), Kept(&[401, 200], &[b"hello"])),
    row("a genuine one, then a broken one", concat!("POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello", "POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: +5\r\n\r\nhello").as_bytes(), Kept(&[200, 400], &[b"hello"])),
    row("an ambiguous one hides a genuine one", concat!("POST /h HTTP/1.1\r\nHost: gate\r\n@\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello").as_bytes(), Refused(400)),
    row("a genuine one behind a length of nothing", concat!("POST /h HTTP/1.1\r\nHost: gate\r\nContent-Length: 0\r\n\r\n", "POST /h HTTP/1.1\r\nHost: gate\r\n@\nContent-Length: 5\r\n\r\nhello").as_bytes(), Kept(&[401, 200], &[b"hello"])),
];
