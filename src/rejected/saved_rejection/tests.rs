//! Tests of the file format.

use super::*;

fn rejection(lines: &[(&'static str, &'static [u8])], body: &[&'static [u8]]) -> SavedRejection {
    let (mut head, ()) = http::Request::post("http://gate/a?b=%20c")
        .body(())
        .expect("a request")
        .into_parts();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value).expect("a value");
        head.headers.append(*name, value);
    }
    let body: Vec<_> = body.iter().map(|piece| Bytes::from_static(piece)).collect();
    let source = "192.0.2.1".parse().expect("a source");
    SavedRejection::new(&RejectedRequest {
        id: Uuid::now_v7(),
        endpoint: "hooks",
        peer: &Peer::Tcp("192.0.2.1:80".parse().expect("an address")),
        source,
        head: &head,
        body: &body,
    })
}

fn written(rejection: &SavedRejection) -> Vec<u8> {
    [rejection.head(), rejection.bytes().to_vec()].concat()
}

#[test]
fn what_is_written_is_read_again() {
    let lines: [(&str, &[u8]); 4] = [
        ("host", b"gate"),
        ("x-twice", b"1"),
        ("x-twice", b"2"),
        ("x-latin", b"caf\xe9\tnoir"),
    ];
    let saved = rejection(&lines, &[b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]);
    let read = SavedRejection::read(&written(&saved).into()).expect("well formed");
    assert_eq!(read.headers, saved.headers);
    assert_eq!(read.bytes(), saved.bytes());
    assert_eq!(
        (&read.method, read.target.as_str()),
        (&Method::POST, "/a?b=%20c")
    );
    assert_eq!((read.id, read.source), (saved.id, saved.source));
    assert_eq!((&read.endpoint, &read.peer), (&saved.endpoint, &saved.peer));
    assert_eq!(read.received(), saved.received());
    assert_eq!(written(&read), written(&saved));
}

#[test]
fn an_empty_body_is_one_too() {
    for body in [&[][..], &[&b""[..]]] {
        let file = written(&rejection(&[], body));
        assert_eq!(
            SavedRejection::read(&file.into())
                .expect("well formed")
                .bytes(),
            ""
        );
    }
}

#[test]
fn nobody_else_says_what_the_gate_says_nor_how_the_body_is_framed() {
    let lines: [(&str, &[u8]); 5] = [
        ("x-cartgate-source", b"198.51.100.1"),
        ("x-cartgate-verdict", b"verified"),
        ("content-length", b"77"),
        ("transfer-encoding", b"chunked"),
        ("x-else", b"stays"),
    ];
    let read = SavedRejection::read(&written(&rejection(&lines, &[b"body"])).into()).expect("read");
    assert_eq!(read.source.to_string(), "192.0.2.1");
    assert_eq!(read.headers.keys().collect::<Vec<_>>(), ["x-else"]);
}

#[test]
fn a_file_changed_by_hand_is_rejected_without_repeating_it() {
    let good = String::from_utf8(written(&rejection(&[], &[b"planted"]))).expect("ASCII");
    for (from, to, why) in [
        ("HTTP/1.1", "HTTP/1.0", Malformed::Head),
        ("POST /", "POST ", Malformed::Head),
        ("x-cartgate-peer", "x planted", Malformed::Head),
        ("planted", "planted\n", Malformed::Length),
        ("content-length: 7", "content-length: 07", Malformed::Length),
        (
            "content-length: 7",
            "content-length: 7\r\ncontent-length: 7",
            Malformed::Length,
        ),
        (
            "content-length: 7",
            "content-length: 7\r\ntransfer-encoding: chunked",
            Malformed::Length,
        ),
        ("x-cartgate-peer", "x-peer", Malformed::OwnLines),
        (
            "content-length: 7",
            "content-length: 7\r\nx-cartgate-event: order",
            Malformed::OwnLines,
        ),
        (
            "x-cartgate-received: 20",
            "x-cartgate-received: 21",
            Malformed::OwnLines,
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let error = SavedRejection::read(&good.replacen(from, to, 1).into()).expect_err(to);
        assert_eq!(error, why, "{to}");
        assert!(!error.to_string().contains("planted"));
    }
    assert!(SavedRejection::read(&Bytes::new()).is_err());
    assert!(SavedRejection::read(&good.into()).is_ok());
}

#[test]
fn an_id_that_no_gate_makes_is_no_time() {
    let good = String::from_utf8(written(&rejection(&[], &[]))).expect("ASCII");
    let own = SavedRejection::read(&good.clone().into())
        .expect("well formed")
        .id;
    let far = Uuid::try_parse("ffffffff-ffff-7fff-bfff-ffffffffffff").expect("an id");
    let timeless = Uuid::nil();
    for id in [far, timeless] {
        assert_eq!(arrival_time(id), None);
        let file = good.replace(&own.to_string(), &id.to_string());
        let error = SavedRejection::read(&file.into()).expect_err("no id of a gate");
        assert_eq!(error, Malformed::OwnLines);
    }
}
