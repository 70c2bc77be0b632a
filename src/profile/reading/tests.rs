//! Tests with hostile payloads.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::profile::{digest::DigestKey, types::ValueType};

fn read(body: impl AsRef<[u8]>) -> Option<PayloadReading> {
    PayloadReading::of(body.as_ref(), &DigestKey::new(&[1; 32]), 0)
}

/// Returns the steps to each place, joined by slashes.
fn paths(reading: &PayloadReading) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for spot in &reading.spots {
        let step = match &spot.key {
            Key::Name(name, _) => name,
            Key::Any => "*",
        };
        let parent = paths.get(spot.parent).cloned();
        paths.push(parent.map_or_else(String::new, |parent| format!("{parent}/{step}")));
    }
    paths
}

#[test]
fn elements_and_keys_like_values_are_one_place() {
    let body = r#"{"id":1,"items":[{"sku":"a"},{"sku":2,"n":null},[]],"by":{"a@b.example":{"x":1},"c@d.example":{"y":1}}}"#;
    let reading = read(body).expect("JSON");
    assert!(reading.is_whole);
    assert_eq!(
        paths(&reading),
        [
            "",
            "/id",
            "/items",
            "/items/*",
            "/items/*/sku",
            "/items/*/n",
            "/by",
            "/by/*",
            "/by/*/x",
            "/by/*/y"
        ]
    );
    let sku = &reading.spots[4];
    assert_eq!(sku.types.names(), ["integer", "string"]);
    assert!(sku.scalar.is_none(), "its values are not one");
    assert!(reading.spots[1].types.are_only(ValueType::Integer));
    assert!(reading.spots[1].scalar.is_some());
}

#[test]
fn a_doubled_key_is_marked_with_all_below_it() {
    let reading = read(r#"{"a":{"b":1},"c":1,"a":{"b":2},"d":[{"e":1},{"e":2}]}"#).expect("JSON");
    let doubled = reading.spots.iter().map(|spot| spot.is_doubled);
    let doubled: Vec<_> = paths(&reading).into_iter().zip(doubled).collect();
    for (path, is_doubled) in doubled {
        assert_eq!(is_doubled, path.starts_with("/a"), "{path}");
    }
}

#[test]
fn bodies_that_are_no_json_give_nothing() {
    for body in [
        &b""[..],
        b"no JSON",
        b"{\"a\":1}x",
        b"{\"a\":1",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"\\ud800\":1}",
        b"a=1&b=2",
    ] {
        assert!(read(body).is_none(), "{body:?}");
    }
    assert!(PayloadReading::nothing().spots.is_empty());
}

#[test]
fn depth_is_bounded() {
    let deep = |count: usize| "[".repeat(count) + &"]".repeat(count);
    let deep_object = |count: usize| r#"{"a":"#.repeat(count) + "1" + &"}".repeat(count);
    for body in [deep(100_000), deep_object(100_000)] {
        let reading = read(body).expect("JSON");
        assert_eq!(reading.spots.len(), builder::MAX_DEPTH + 1);
        assert!(reading.is_whole, "down to the limit of depth");
    }
}

#[test]
fn number_is_bounded() {
    let keys: Vec<_> = (0..200_000)
        .map(|key| format!(r#""k{}":0"#, letters(key)))
        .collect();
    let reading = read(format!("{{{}}}", keys.join(","))).expect("JSON");
    assert!(reading.spots.len() <= 2_048 && !reading.is_whole);

    let elements = vec!["0"; 200_000].join(",");
    let reading = read(format!("[{elements}]")).expect("JSON");
    assert_eq!(reading.spots.len(), 2);
    assert!(!reading.is_whole);
}

/// Returns a number in letters.
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    while number > 0 {
        let digit = u8::try_from(number % 26).expect("small");
        text.push(char::from(b'a' + digit));
        number /= 26;
    }
    text
}

#[test]
fn huge_texts_numbers_and_keys_are_read() {
    let text = "x".repeat(1_000_000);
    let reading = read(format!(
        r#"{{"a":"{text}","{text}":1,"n":1e999999,"i":{}}}"#,
        "9".repeat(1_000)
    ));
    // serde_json rejects numbers out of range, so such a payload is no JSON for it.
    assert!(reading.is_none());
    let reading = read(format!(
        r#"{{"a":"{text}","{text}":1,"i":{}}}"#,
        "9".repeat(30)
    ))
    .expect("JSON");
    assert_eq!(paths(&reading), ["", "/a", "/*", "/i"]);
    let scalar = |place: usize| reading.spots[place].scalar.expect("a scalar");
    assert_eq!(scalar(1).digest, None);
    assert_eq!(scalar(3).digest, None, "a reader rounds it");
}

/// Returns any JSON text.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(8, 200, 8, |inner| {
        let key = any::<String>().prop_map(|text| serde_json::Value::from(text).to_string());
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            vec(inner, 0..8).prop_map(|all| format!("[{}]", all.join(","))),
            vec(member, 0..8).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_no_json(bytes in vec(any::<u8>(), 0..200)) {
        let is_json = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
        prop_assert_eq!(read(&bytes).is_some(), is_json);
    }

    #[test]
    fn any_json_is_a_tree(text in any_json()) {
        let reading = read(&text).expect("JSON");
        for (place, spot) in reading.spots.iter().enumerate().skip(1) {
            prop_assert!(spot.parent < place);
        }
    }
}
