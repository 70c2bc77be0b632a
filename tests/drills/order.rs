//! The bodies that drills send. Each has a number of its own.

/// Returns the body of an order. Its length depends on the number, from 100 bytes to 4 KiB.
pub(crate) fn body(number: u64) -> Vec<u8> {
    let padding = "x".repeat(usize::try_from(number * 97 % 4000).expect("small"));
    format!(r#"{{"order":{number},"note":"{padding}","customer":"Eva Example, Example Street 1"}}"#)
        .into_bytes()
}

/// Returns the number of an order. Returns `None` if any byte differs from what was sent.
pub(crate) fn number(came: &[u8]) -> Option<u64> {
    let document: serde_json::Value = serde_json::from_slice(came).ok()?;
    let number = document["order"].as_u64()?;
    (body(number) == came).then_some(number)
}

#[test]
fn an_order_is_known_by_its_number_only_while_it_is_whole() {
    for sent in [0, 1, 41, 1_000_000] {
        let mut whole = body(sent);
        assert_eq!(number(&whole), Some(sent));
        let last = whole.len() - 5;
        whole[last] ^= 1;
        assert_eq!(number(&whole), None);
    }
    assert_ne!(body(1), body(2));
}
