//! The comparison over the corpus and over generated responses, and planted differences.

use std::{cell::Cell, fs, path::Path};

use http::StatusCode;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    agreement::{Agreement, compare},
    hyper_client,
    input::Input,
    own_client, run,
    view::{BodyEnd, ClientView, SeenResponse},
};

/// Returns the number of generated responses.
fn cases() -> u32 {
    let times = std::env::var("CARTGATE_FUZZ_RUNS").ok();
    1500 * times.map_or(1, |times| times.parse::<u32>().expect("a number"))
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/response");
    let files = fs::read_dir(folder).expect("a corpus");
    let files = files.map(|file| {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), fs::read(&path).expect("readable"))
    });
    files.collect()
}

fn agreement(input: &Input) -> Result<Agreement, String> {
    compare(input, &own_client::read(input), &hyper_client::read(input))
}

/// The first word of a file's name tells how the clients agree.
#[test]
fn both_clients_read_the_corpus_alike() {
    let corpus = corpus();
    assert!(corpus.len() >= 40, "{} files", corpus.len());
    for (name, data) in corpus {
        run(&data);
        let input = Input::parse(&data).expect("an input");
        let found = agreement(&input).expect(&name);
        let word = match found {
            Agreement::Same => "same",
            Agreement::NoResponse => "none",
            Agreement::OwnRejects => "rejected",
            Agreement::Tolerated(_) => "tolerated",
        };
        let expected = name.split('-').next();
        assert_eq!(expected, Some(word), "{name}: {found:?}");
    }
}

/// Generates responses from valid and invalid pieces, and cuts them into reads.
fn inputs() -> impl Strategy<Value = Vec<u8>> {
    const FIRST: [&[u8]; 14] = [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 202 Accepted\r\n",
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 204 None\r\n",
        b"HTTP/1.1 304 Same\r\n",
        b"HTTP/1.1 503 Busy\n",
        b"HTTP/1.2 200 OK\r\n",
        b"HTTP/1.1  200 OK\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 101 Switch\r\n",
    ];
    const LINES: [&[u8]; 30] = [
        b"Content-Length: 5\r\n",
        b"content-length: 12\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 05\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length : 5\r\n",
        b" Content-Length: 5\r\n",
        b"Content-Length:\r\n 5\r\n",
        b"Content-Length: \r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: Chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked\0\r\n",
        b"Connection: close\r\n",
        b"Connection: Keep-Alive\r\n",
        b"Connection: keep-alive, close\r\n",
        b"Connection: keep-alive,\xff\r\n",
        b"Content-Encoding: gzip\r\n",
        b"X-A: b\r\n",
        b"X-A: b\n",
        b"X-A:\t\xe9 \t\r\n",
        b"X-A: b\r\n c\r\n",
        b"X-A: \r\n\t\r\n",
        b"X-A \t: b\r\n",
        b"X A: b\r\n",
        b"no colon\r\n",
        b": b\r\n",
        b"X-A: a\rb\r\n",
        b"X-A: \x7f\r\n",
    ];
    const BODIES: [&[u8]; 16] = [
        b"hello",
        b"hello, world",
        b"5\r\nhello\r\n",
        b"5;x=\"\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"00c\r\nhello, world\r\n",
        b"5\nhello\n",
        b"fffffffffffffffff\r\n",
        b"0\r\n\r\n",
        b"0\r\nx: y\r\n\r\n",
        b"0\r\nx y\n\n",
        b"0\r\n",
        b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"\0",
        b"\n",
    ];
    let line = prop_oneof![4 => select(&LINES[..12]), 3 => select(&LINES[..])];
    let text = (
        select(&FIRST[..]),
        vec(line, 0..4),
        vec(select(&BODIES[..]), 0..4),
    );
    let text = text.prop_map(|(first, lines, bodies)| {
        [first, &lines.concat(), b"\r\n", &bodies.concat()].concat()
    });
    let change = proptest::option::weighted(0.2, (any::<usize>(), any::<u8>()));
    let cuts = prop_oneof![Just(Vec::new()), vec(0_u8..40, 0..8), Just(vec![1; 80])];
    (0_u8..4, cuts, text, change).prop_map(|(flags, cuts, mut text, change)| {
        if let Some((place, byte)) = change {
            let place = place % text.len();
            text[place] = byte;
        }
        let count = u8::try_from(cuts.len()).expect("few");
        [&[flags, count][..], &cuts, &text].concat()
    })
}

/// Both accept a good part of the responses; otherwise the comparison would have nothing to judge.
#[test]
fn both_clients_read_generated_responses_alike() {
    let same = Cell::new(0_u32);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases())
    };
    proptest!(config, |(data in inputs())| {
        let input = Input::parse(&data).expect("an input");
        let found = agreement(&input);
        prop_assert_eq!(found.as_ref().err(), None, "{:?}", input);
        same.set(same.get() + u32::from(found == Ok(Agreement::Same)));
    });
    assert!(same.get() > cases() / 5, "{} of {}", same.get(), cases());
}

/// A comparison that accepts everything would find nothing.
#[test]
fn a_planted_difference_is_found() {
    let response = b"\0\0HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let input = Input::parse(response).expect("an input");
    let (own, other) = (own_client::read(&input), hyper_client::read(&input));
    assert_eq!(compare(&input, &own, &other), Ok(Agreement::Same));
    let changes: [fn(&mut SeenResponse); 7] = [
        |seen| seen.status = StatusCode::ACCEPTED,
        |seen| _ = seen.headers.remove("x-a"),
        |seen| _ = seen.headers.insert("x-b", "c".parse().expect("a value")),
        |seen| seen.body.push(b'!'),
        |seen| _ = seen.body.pop(),
        |seen| seen.end = BodyEnd::Waiting,
        |seen| seen.is_reusable = false,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut own = own.clone();
        let ClientView::Head(seen) = &mut own else {
            panic!("{own:?}");
        };
        change(seen);
        assert!(compare(&input, &own, &other).is_err(), "number {place}");
    }
    let mut closing = other;
    let ClientView::Head(seen) = &mut closing else {
        panic!("{closing:?}");
    };
    seen.is_reusable = false;
    assert!(compare(&input, &own, &closing).is_err());
    assert!(compare(&input, &ClientView::NoHead, &closing).is_err());
    assert!(compare(&input, &own, &ClientView::Failed(String::new())).is_err());
}
