//! Tests of the event rule, and of payloads that are ambiguous.

use bytes::Bytes;
use tower_cartgate::{
    Event, EventKind, EventRule, EventSource, PointerError, RejectionKind, VerifyLayer, verify,
};

use crate::support::{Steps, delivery, judge, policy, whole};

fn rule(pointer: &str) -> EventRule {
    EventRule::pointer(pointer)
        .unwrap()
        .order(["order.paid", "sold"])
        .abandoned_cart(["cart.left"])
}

fn kind(pointer: &str, body: impl AsRef<[u8]>) -> EventKind {
    let Event { kind, source } = rule(pointer).read(body.as_ref());
    assert_eq!(source, EventSource::Payload);
    kind
}

#[test]
fn a_text_at_the_pointer_decides() {
    assert_eq!(
        kind("/event", r#"{"id":7,"event":"order.paid","x":[1]}"#),
        EventKind::Order
    );
    assert_eq!(kind("/event", r#"{"event":"sold"}"#), EventKind::Order);
    assert_eq!(
        kind("/event", r#" {"event" : "cart.left" } "#),
        EventKind::AbandonedCart
    );
    assert_eq!(
        kind("/event", r#"{"event":"order.refunded"}"#),
        EventKind::Other
    );
    assert_eq!(kind("", r#""sold""#), EventKind::Order);
    assert_eq!(
        kind("/a/1/b", r#"{"a":[{"b":"cart.left"},{"b":"sold"},{}]}"#),
        EventKind::Order
    );
}

#[test]
fn keys_are_compared_as_they_are_meant() {
    assert_eq!(
        kind("/a~1b/c~0d/~01", r#"{"a/b":{"c~d":{"~1":"sold"}}}"#),
        EventKind::Order
    );
    assert_eq!(
        kind("/event", r#"{"\u0065vent":"s\u006fld"}"#),
        EventKind::Order
    );
    assert_eq!(kind("/ключ", r#"{"ключ":"sold"}"#), EventKind::Order);
    assert_eq!(kind("/", r#"{"":"sold"}"#), EventKind::Order);
    assert_eq!(kind("/0", r#"{"0":"sold"}"#), EventKind::Order);
    assert_eq!(kind("/event", r#"{"Event":"sold"}"#), EventKind::Other);
}

#[test]
fn where_two_readers_could_disagree_it_is_other() {
    let cases: [(&str, &[u8]); 19] = [
        (
            "key twice, same text",
            br#"{"event":"sold","event":"sold"}"#,
        ),
        (
            "key twice, other text",
            br#"{"event":"sold","event":"cart.left"}"#,
        ),
        (
            "key twice, once escaped",
            br#"{"event":"sold","\u0065vent":"cart.left"}"#,
        ),
        ("invalid after the field", br#"{"event":"sold","x":}"#),
        ("ends after the field", br#"{"event":"sold""#),
        ("more after the end", br#"{"event":"sold"}{}"#),
        ("trailing comma", br#"{"event":"sold",}"#),
        ("no such field", br#"{"x":"sold"}"#),
        ("deeper", br#"{"x":{"event":"sold"}}"#),
        ("a number", br#"{"event":1}"#),
        ("null", br#"{"event":null}"#),
        ("a list", br#"{"event":["sold"]}"#),
        ("an object", br#"{"event":{"event":"sold"}}"#),
        ("no object", br#"["event","sold"]"#),
        ("no JSON", b"event=sold"),
        ("empty", b""),
        ("a byte order mark", b"\xEF\xBB\xBF{\"event\":\"sold\"}"),
        ("no UTF-8 elsewhere", b"{\"event\":\"sold\",\"x\":\"\xFF\"}"),
        ("no UTF-8 in the text", b"{\"event\":\"sold\xFF\"}"),
    ];
    for (why, body) in cases {
        assert_eq!(kind("/event", body), EventKind::Other, "{why}");
    }
    assert_eq!(
        kind("/a/event", br#"{"a":{"event":"sold"},"a":{}}"#),
        EventKind::Other
    );
    assert_eq!(
        kind("/event", br#"{"x":1,"x":2,"event":"sold"}"#),
        EventKind::Order,
        "not on the way"
    );
}

#[test]
fn an_index_is_a_plain_number_within_the_list() {
    let body = r#"["sold","cart.left"]"#;
    assert_eq!(kind("/0", body), EventKind::Order);
    assert_eq!(kind("/1", body), EventKind::AbandonedCart);
    for step in [
        "/2",
        "/00",
        "/01",
        "/+1",
        "/-",
        "/",
        "/-1",
        "/99999999999999999999999",
    ] {
        assert_eq!(kind(step, body), EventKind::Other, "{step}");
    }
}

/// Each of these overflows the stack of a recursive reader.
#[test]
fn deep_nesting_and_huge_numbers_do_no_harm() {
    let deep = 200_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let inner = if open == "[" { "" } else { "1" };
        let nested = format!("{}{inner}{}", open.repeat(deep), close.repeat(deep));
        assert_eq!(
            kind("/event", format!(r#"{{"x":{nested},"event":"sold"}}"#)),
            EventKind::Order
        );
        assert_eq!(
            kind("/event", format!(r#"{{"event":{nested}}}"#)),
            EventKind::Other
        );
        assert_eq!(kind("/0/0/0/0", &nested), EventKind::Other);
        assert_eq!(kind("/a/a/a/a", &nested), EventKind::Other);
        assert_eq!(kind("/event", open.repeat(deep)), EventKind::Other);
    }
    let huge = format!(
        r#"{{"x":{}e99999999999,"y":-0.1e-999999,"event":"sold"}}"#,
        "9".repeat(10_000)
    );
    assert_eq!(kind("/event", huge), EventKind::Order);
}

#[test]
fn a_pointer_of_32_steps_is_the_longest() {
    let body = format!("{}\"sold\"{}", "[".repeat(32), "]".repeat(32));
    assert_eq!(kind(&"/0".repeat(32), body), EventKind::Order);
    assert_eq!(
        EventRule::pointer(&"/0".repeat(33)).unwrap_err(),
        PointerError::TooDeep
    );
    assert_eq!(
        EventRule::pointer("event").unwrap_err(),
        PointerError::NoSlash
    );
    for escape in ["/~", "/~2", "/a~/b"] {
        assert_eq!(
            EventRule::pointer(escape).unwrap_err(),
            PointerError::BadEscape
        );
    }
}

#[test]
fn a_text_named_for_both_kinds_names_neither() {
    let rule = EventRule::pointer("/e")
        .unwrap()
        .order(["a", "b"])
        .abandoned_cart(["b", "c"]);
    let kinds =
        ["a", "b", "c"].map(|text| rule.read(format!(r#"{{"e":"{text}"}}"#).as_bytes()).kind);
    assert_eq!(
        kinds,
        [EventKind::Order, EventKind::Other, EventKind::AbandonedCart]
    );
}

#[test]
fn a_given_kind_does_not_look_at_the_body() {
    let given = Event {
        kind: EventKind::Order,
        source: EventSource::Endpoint,
    };
    assert_eq!(EventRule::given(EventKind::Order).read(b"not JSON"), given);
    assert_eq!(EventRule::default().read(b"{}").kind, EventKind::Other);
}

#[test]
fn only_binds_an_endpoint_by_signed_content() {
    let order = r#"{"event":"sold"}"#;
    let bound = policy().with_event_rule(rule("/event").only([EventKind::Order]));
    let layer = VerifyLayer::new(bound.clone());
    assert_eq!(judge(&layer, whole(order)), Ok(order.into()));
    for other in [r#"{"event":"cart.left"}"#, r#"{"event":"?"}"#, "{}", ""] {
        assert_eq!(judge(&layer, whole(other)), Err(RejectionKind::WrongKind));
    }
    // An unverified body is not read, and gets the response of a forgery.
    let forged = delivery(
        "another",
        http_body_util::Full::<Bytes>::from(r#"{"event":"cart.left"}"#),
    );
    assert_eq!(judge(&layer, forged), Err(RejectionKind::Mismatch));
    assert!(bound.event_rule().permits(EventKind::Order));
    assert!(!bound.event_rule().permits(EventKind::Other));
}

#[test]
fn a_body_in_pieces_is_read_as_one() {
    let order = r#"{"event":"sold"}"#;
    let layer = VerifyLayer::new(policy().with_event_rule(rule("/event").only([EventKind::Order])));
    let pieces = order.as_bytes().chunks(1).map(Bytes::copy_from_slice);
    assert_eq!(
        judge(&layer, delivery(order, Steps::data(pieces))),
        Ok(order.into())
    );
    let request = whole(order);
    let verified = verify(
        &policy().with_event_rule(rule("/event")),
        request.headers(),
        order,
    )
    .unwrap();
    assert_eq!(
        verified.event(),
        Event {
            kind: EventKind::Order,
            source: EventSource::Payload
        }
    );
}

#[test]
fn kinds_and_sources_have_stable_words() {
    for &kind in EventKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert_eq!(
        EventKind::ALL
            .iter()
            .map(|kind| kind.as_str())
            .collect::<Vec<_>>(),
        ["order", "abandoned-cart", "other"]
    );
    assert!("Order".parse::<EventKind>().is_err());
    assert_eq!(
        [EventSource::Payload, EventSource::Endpoint].map(EventSource::as_str),
        ["payload", "endpoint"]
    );
}
