//! Tests of response heads as bytes.

use super::*;

fn take(text: &str) -> Result<Option<ResponseHead>, MalformedResponse> {
    ResponseHead::take(&mut BytesMut::from(text), &mut 0, &mut HeaderMap::new())
}

fn head(text: &str) -> ResponseHead {
    take(text).expect(text).expect(text)
}

#[test]
fn a_head_is_taken_once_it_is_whole_and_leaves_what_comes_behind_it() {
    let text = "HTTP/1.1 201 Made\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 3\r\n\r\n";
    for end in 0..text.len() {
        assert!(take(&text[..end]).expect("so far").is_none(), "{end}");
    }
    let mut read = BytesMut::from(&*format!("{text}abc"));
    let head = ResponseHead::take(&mut read, &mut 0, &mut HeaderMap::new()).expect("right");
    let head = head.expect("whole");
    assert_eq!(&read[..], b"abc");
    assert_eq!(head.response.status(), 201);
    let values: Vec<_> = head.response.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(head.decoder, BodyDecoder::length(3));
    assert!(head.keeps_alive);
}

#[test]
fn the_length_is_what_rfc_9112_says() {
    for (text, decoder) in [
        ("200 OK\r\ncontent-length: 7", BodyDecoder::length(7)),
        (
            "200 OK\r\ncontent-length: 7\r\ncontent-length: 7",
            BodyDecoder::length(7),
        ),
        (
            "200 OK\r\ntransfer-encoding: Chunked",
            BodyDecoder::chunked(),
        ),
        ("200 OK", BodyDecoder::UntilClose),
        (
            "204 No Content\r\ncontent-length: 7",
            BodyDecoder::length(0),
        ),
        (
            "304 Not Modified\r\ntransfer-encoding: chunked",
            BodyDecoder::length(0),
        ),
        ("103 Early Hints", BodyDecoder::length(0)),
    ] {
        let head = head(&format!("HTTP/1.1 {text}\r\n\r\n"));
        assert_eq!(head.decoder, decoder, "{text}");
        let headers = head.response.headers();
        let lengths = headers.get_all(CONTENT_LENGTH).iter();
        assert!(lengths.count() <= 1, "{text}");
    }
}

#[test]
fn a_status_counts_whatever_is_wrong_with_a_header() {
    for (text, decoder, keeps_alive, header) in [
        ("x-a: 1\r\n folded", BodyDecoder::UntilClose, true, "x-a"),
        ("x-a : 1", BodyDecoder::UntilClose, true, "x-a"),
        (
            "content-length : 7",
            BodyDecoder::length(7),
            true,
            "content-length",
        ),
        ("content-length: 7, 7", BodyDecoder::length(7), true, ""),
        (
            "content-length: 7,7\r\ncontent-length: 7",
            BodyDecoder::length(7),
            true,
            "",
        ),
        (
            "transfer-encoding:\r\n chunked",
            BodyDecoder::chunked(),
            true,
            "transfer-encoding",
        ),
        ("x a: 1", BodyDecoder::UntilClose, false, ""),
        ("no colon", BodyDecoder::UntilClose, false, ""),
        ("x-a: \0", BodyDecoder::UntilClose, false, "x-a"),
        (
            "transfer-encoding: identity",
            BodyDecoder::UntilClose,
            true,
            "transfer-encoding",
        ),
        (
            "transfer-encoding: identity\r\ncontent-length: 7",
            BodyDecoder::length(7),
            false,
            "transfer-encoding",
        ),
    ] {
        let head = head(&format!("HTTP/1.1 200 OK\r\n{text}\r\n\r\n"));
        let found = head.fault.as_ref();
        let name = found.and_then(|fault| fault.header.as_ref());
        assert_eq!(name.map_or("", |name| name.as_str()), header, "{text}");
        assert!(found.is_none_or(|fault| !fault.is_framing), "{text}");
        assert_eq!(
            (&head.decoder, head.keeps_alive),
            (&decoder, keeps_alive),
            "{text}"
        );
        let headers = head.response.headers();
        let lengths: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().collect();
        assert!(lengths.is_empty() || lengths == ["7"], "{text}");
    }
}

#[test]
fn ambiguous_framing_costs_the_body_and_the_connection() {
    for text in [
        "1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked",
        "1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
        "1.1 200 OK\r\ntransfer-encoding: gzip",
        "1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked",
        "1.1 200 OK\r\ncontent-length: 7\r\ncontent-length: 8",
        "1.1 200 OK\r\ncontent-length: 7, 8",
        "1.1 200 OK\r\ncontent-length: 7,",
        "1.1 200 OK\r\ncontent-length: +7",
        "1.1 200 OK\r\ncontent-length: -7",
        "1.1 200 OK\r\ncontent-length: 0x7",
        "1.1 200 OK\r\ncontent-length: ",
        "1.1 200 OK\r\ncontent-length: 18446744073709551616",
        "1.1 200 OK\r\ncontent-length 7",
        "1.1 200 OK\r\ntransfer-encoding: chunked\0",
        "1.1 204 None\r\ncontent-length: x",
    ] {
        let text = format!("HTTP/{text}\r\ncontent-encoding: gzip\r\nx-a: 1\r\n\r\n");
        let head = head(&text);
        assert!(head.response.status().is_success(), "{text}");
        assert_eq!(
            (&head.decoder, head.keeps_alive),
            (&BodyDecoder::length(0), false),
            "{text}"
        );
        let names: Vec<_> = head.response.headers().keys().collect();
        let connection = text.contains("connection").then_some("connection");
        let left: Vec<_> = connection.into_iter().chain(["x-a"]).collect();
        assert_eq!(names, left, "{text}");
        assert!(head.fault.expect(&text).is_framing, "{text}");
    }
}

#[test]
fn without_a_status_there_is_no_response() {
    for text in [
        "HTTP/1.1 099 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1200 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1",
        "HTTP/2.0 200 OK",
        "SSH-2.0-OpenSSH_9.2",
    ] {
        assert!(take(&format!("{text}\r\n\r\n")).is_err(), "{text}");
    }
    for text in [
        "HTTP/1.1  200 OK",
        "HTTP/1.2 200 OK",
        "\r\n\r\nHTTP/1.1 200",
    ] {
        let head = head(&format!("{text}\r\n\r\n"));
        assert_eq!(head.response.status(), 200, "{text}");
    }
}

#[test]
fn what_never_becomes_an_answer_is_not_waited_for() {
    for text in [
        "S",
        "HTTP/2",
        "\r\nx",
        "\rH",
        "\r\r\nHTTP/1.1 200 OK",
        "HTTQ",
        "220 mail.example ESMTP\r\n",
        "\u{15}\u{3}\u{1}",
    ] {
        assert!(take(text).is_err(), "{text:?}");
    }
    for text in ["", "\r", "\n\r", "\r\n", "H", "\nHTTP/1.", "HTTP/1.1 2"] {
        assert!(take(text).expect("so far").is_none(), "{text:?}");
    }
}

#[test]
fn a_reason_is_passed_on_if_it_is_the_apps_own() {
    for (line, own) in [
        ("200 OK", None),
        ("413 Too Large", Some("Too Large")),
        ("299 Odd", Some("Odd")),
        ("200", Some("")),
    ] {
        let head = head(&format!("HTTP/1.1 {line}\r\n\r\n"));
        let reason = head.response.extensions().get::<ReasonPhrase>();
        let reason = reason.map(ReasonPhrase::as_bytes);
        assert_eq!(reason, own.map(str::as_bytes), "{line}");
    }
}

#[test]
fn of_a_head_that_is_too_long_only_the_status_counts() {
    let long = format!("HTTP/1.1 201 Made\r\nx: {}", "x".repeat(MAX_HEAD));
    for text in [long.clone(), format!("{long}\r\n\r\nbody")] {
        let head = head(&text);
        assert_eq!(head.response.status(), 201);
        assert!(head.response.headers().is_empty());
        assert_eq!(
            (head.decoder, head.keeps_alive),
            (BodyDecoder::length(0), false)
        );
    }
    assert!(take(&long.replace("201", "103")).is_err());
    assert!(take(&format!("HTTP/1.1 200 {}", "x".repeat(MAX_HEAD))).is_err());
}

#[test]
fn headers_beyond_those_that_clients_take_are_dropped_but_frame_the_body() {
    let many: String = (0..150).map(|n| format!("x-{n}: 1\r\n")).collect();
    let head = head(&format!(
        "HTTP/1.1 200 OK\r\n{many}content-length: 7\r\n\r\n"
    ));
    assert_eq!(head.response.headers().len(), MAX_HEADERS + 1);
    assert_eq!(
        (head.decoder, head.keeps_alive),
        (BodyDecoder::length(7), true)
    );
    let fault = head.fault.expect("one");
    assert_eq!(fault.header.expect("named").as_str(), "x-96");
}

#[test]
fn a_connection_is_used_again_unless_the_app_says_otherwise() {
    for (text, keeps_alive) in [
        ("1.1 200 OK", true),
        ("1.1 200 OK\r\nconnection: keep-alive, Close", false),
        ("1.1 200 OK\r\nconnection: x\r\nconnection: close", false),
        ("1.0 200 OK", false),
        ("1.0 200 OK\r\nconnection: Keep-Alive", true),
        ("1.1 204 None", true),
        ("1.1 204 None\r\ntransfer-encoding: chunked", false),
    ] {
        let head = head(&format!("HTTP/{text}\r\ncontent-length: 0\r\n\r\n"));
        assert_eq!(head.keeps_alive, keeps_alive, "{text}");
    }
}
