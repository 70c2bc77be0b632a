//! Compares the reading of a server with the request that the gate wrote.

use crate::reading::Reading;

/// The way in which a server hands repeated headers to its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// Each value by itself.
    Separate,
    /// All values in one, with this text between them (RFC 9110, section 5.3).
    Joined(&'static str),
    /// The last one only.
    Last,
}

/// Returns the kinds of differences, each with a detail.
pub(crate) fn differences(
    sent: &Reading,
    read: &Reading,
    repeats: Repeats,
) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if sent.method != read.method {
        found.push(("another method", shown(&read.method)));
    }
    if sent.target != read.target {
        let target = String::from_utf8_lossy(&read.target).into_owned();
        found.push(("another target", target));
    }
    if sent.body != read.body {
        found.push(("another body", read.body.clone()));
    }
    for (name, values) in &sent.headers {
        let expected = as_handed_over(values, repeats);
        match read.headers.get(name) {
            None => found.push(("a header is missing", name.clone())),
            Some(values) if *values == expected => {}
            Some(values) => {
                let values: Vec<_> = values.iter().map(|value| shown(value)).collect();
                found.push(("another value", format!("{name}: {values:?}")));
            }
        }
    }
    for name in read.headers.keys() {
        if !sent.headers.contains_key(name) {
            found.push(("a header is added", name.clone()));
        }
    }
    found
}

fn as_handed_over(values: &[Vec<u8>], repeats: Repeats) -> Vec<Vec<u8>> {
    match repeats {
        Repeats::Separate => values.to_vec(),
        Repeats::Joined(between) => vec![values.join(between.as_bytes())],
        Repeats::Last => values.last().cloned().into_iter().collect(),
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn a_planted_difference_is_found() {
    let text = b"method 50\ntarget 2f61\nheader 61 62\nheader 61 63\nheader 62 64\nbody 00";
    let sent = Reading::parse(text).expect("a reading");
    assert_eq!(differences(&sent, &sent, Repeats::Separate), []);
    let joined = b"method 50\ntarget 2f61\nheader 61 622c63\nheader 62 64\nbody 00";
    let joined = Reading::parse(joined).expect("a reading");
    assert_eq!(differences(&sent, &joined, Repeats::Joined(",")), []);
    let changes: [fn(&mut Reading); 7] = [
        |read| read.method.push(b'!'),
        |read| _ = read.target.pop(),
        |read| read.body.push('0'),
        |read| _ = read.headers.remove("b"),
        |read| _ = read.headers.insert("c".to_owned(), vec![Vec::new()]),
        |read| _ = read.headers.insert("b".to_owned(), vec![b"e".to_vec()]),
        |read| read.headers.get_mut("a").expect("one").reverse(),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut read = sent.clone();
        change(&mut read);
        let found = differences(&sent, &read, Repeats::Separate);
        assert_eq!(found.len(), 1, "number {place}: {found:?}");
    }
}
