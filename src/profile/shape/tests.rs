//! Tests of learning.

use serde_json::{Value, json};
use tower_cartgate::EventKind::{self, AbandonedCart, Order};

use super::*;
use crate::{
    profile::{digest::DigestKey, reading::PayloadReading},
    runtime::clock::Millis,
};

const DAY: Millis = 24 * 60 * 60 * 1_000;

/// A shape, and a clock.
#[derive(Default)]
struct Fixture {
    shape: PayloadShape,
    now: Millis,
}

impl Fixture {
    fn learn_as(&mut self, kind: EventKind, payload: &Value) -> Vec<ShapeEvent> {
        self.now += 1_000;
        let body = serde_json::to_vec(payload).expect("JSON");
        let reading = PayloadReading::of(&body, &DigestKey::new(&[1; 32]), self.now);
        let reading = reading.expect("JSON");
        self.shape.learn(&reading, kind, self.now)
    }

    fn learn(&mut self, payload: &Value) -> Vec<ShapeEvent> {
        self.learn_as(Order, payload)
    }

    fn learn_many(&mut self, count: usize, payload: impl Fn(usize) -> Value) {
        for index in 0..count {
            let events = self.learn(&payload(index));
            assert!(events.is_empty(), "{index}: {events:?}");
        }
    }

    fn pointers(&self) -> Vec<String> {
        let places = self.shape.places().into_iter();
        places.map(|(pointer, _)| pointer).collect()
    }

    fn missing(&self) -> Vec<String> {
        let changes = self.shape.changes().into_iter();
        changes.map(|change| change.pointer).collect()
    }

    /// Returns the shape as after a restart.
    fn restarted(&self) -> PayloadShape {
        let json = serde_json::to_string(&self.shape).expect("JSON");
        serde_json::from_str(&json).expect("JSON")
    }
}

fn order(index: usize) -> Value {
    json!({"event": "order.paid", "order": {"id": format!("o-{index}"), "items": [{"sku": "a"}]}})
}

#[test]
fn pointers_are_named_after_some_bodies_in_the_order_of_the_payload() {
    let mut fixture = Fixture::default();
    fixture.learn_many(4, order);
    assert_eq!(fixture.pointers(), [""]);
    fixture.learn_many(1, order);
    assert_eq!(
        fixture.pointers(),
        [
            "",
            "/event",
            "/order",
            "/order/id",
            "/order/items",
            "/order/items/*",
            "/order/items/*/sku"
        ]
    );
}

#[test]
fn keys_that_are_values_are_neither_named_nor_stored() {
    let mut fixture = Fixture::default();
    let names = [
        "anna", "bert", "cleo", "dora", "emil", "finn", "gina", "hugo",
    ];
    let name = |index: usize| format!("{} {}", names[index % 8], names[index / 8 % 8]);
    fixture.learn_many(600, |index| {
        let one = format!("x{}", "abcdefgh".repeat(1 + index % 5));
        json!({
            "by_name": {name(index): {"total": 1}},
            "by_mail": {format!("p{index}@planted.example"): {"total": 1}},
            "by_id": {format!("{index}"): 1},
            "usual": {one: 1},
        })
    });
    let pointers = fixture.pointers();
    for expected in [
        "/by_name",
        "/by_mail/*",
        "/by_mail/*/total",
        "/by_id/*",
        "/usual",
    ] {
        assert!(
            pointers.iter().any(|one| one == expected),
            "{expected}: {pointers:?}"
        );
    }
    let stored = serde_json::to_string(&fixture.shape).expect("JSON");
    let shown = pointers.join(" ");
    for planted in ["planted", "anna", "hugo", "599"] {
        assert!(!stored.contains(&format!("\"{planted}")), "{planted}");
        assert!(!shown.contains(planted), "{planted}: {shown}");
    }
}

#[test]
fn an_object_with_very_many_keys_is_one_place() {
    let mut fixture = Fixture::default();
    let word = |index: usize| -> String {
        let letter = |at: usize| {
            char::from(b'a' + u8::try_from(index / 26_usize.pow(at as u32) % 26).expect("small"))
        };
        (0..3).map(letter).collect()
    };
    fixture.learn_many(
        500,
        |index| json!({"stock": {word(index): {"count": 1}}, "id": index}),
    );
    assert!(
        fixture.pointers().contains(&"/stock/*/count".to_owned()),
        "{:?}",
        fixture.pointers()
    );
    assert!(fixture.shape.places().len() < 10);
}

#[test]
fn a_large_object_with_fixed_keys_stays_one() {
    let mut fixture = Fixture::default();
    let word = |index: usize| format!("field_{}", "x".repeat(index / 2) + &"y".repeat(index % 2));
    let payload: serde_json::Map<_, _> = (0..100).map(|index| (word(index), json!(1))).collect();
    fixture.learn_many(60, |_| Value::Object(payload.clone()));
    assert_eq!(fixture.pointers().len(), 101);
}

#[test]
fn the_tree_is_bounded_whatever_comes() {
    let mut fixture = Fixture::default();
    let mut state = 1_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    for _ in 0..60 {
        let mut object = || -> Value {
            let keys = (0..60).map(|_| {
                let key: String = (0..8)
                    .map(|_| char::from(b'a' + (random() % 26) as u8))
                    .collect();
                (key, json!({"x": {"y": random()}}))
            });
            Value::Object(keys.collect())
        };
        let payload = json!({"a": object(), "b": [object(), object()], "c": {"d": object()}});
        fixture.learn(&payload);
        let stored = serde_json::to_vec(&fixture.shape).expect("JSON");
        assert!(stored.len() < 1_000_000, "{}", stored.len());
    }
    assert!(fixture.shape.places().len() <= 512);
}

#[test]
fn a_missing_pointer_is_a_change_until_it_is_back() {
    let mut fixture = Fixture::default();
    fixture.learn_many(50, order);
    let broken = |index: usize| json!({"event": "order.paid", "order": {"items": [], "n": index}});
    fixture.learn_many(2, broken);
    let events = fixture.learn(&broken(2));
    // The elements of the array are missing with it.
    let missing: Vec<_> = events
        .iter()
        .map(|event| match event {
            ShapeEvent::Missing(change) => (&*change.pointer, change.bodies, change.absent),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(missing, [("/order/id", 50, 3), ("/order/items/*", 50, 3)]);
    assert!(fixture.learn(&broken(3)).is_empty(), "reported once");
    assert_eq!(fixture.missing(), ["/order/id", "/order/items/*"]);

    fixture.shape = fixture.restarted();
    assert_eq!(fixture.missing(), ["/order/id", "/order/items/*"]);
    let back = |pointer: &str| ShapeEvent::Back {
        kind: Order,
        pointer: pointer.to_owned(),
    };
    let events = fixture.learn(&order(99));
    assert_eq!(events, [back("/order/id"), back("/order/items/*")]);
    assert!(fixture.missing().is_empty());
}

#[test]
fn only_the_highest_missing_pointer_is_reported() {
    let mut fixture = Fixture::default();
    fixture.learn_many(60, order);
    fixture.learn_many(2, |index| json!({"event": "a", "n": index}));
    fixture.learn(&json!({"event": "a"}));
    assert_eq!(fixture.missing(), ["/order"]);
}

#[test]
fn kinds_have_shapes_of_their_own() {
    let mut fixture = Fixture::default();
    fixture.learn_many(60, order);
    for index in 0..60 {
        let cart = json!({"event": "cart.left", "cart": {"id": index}});
        assert!(fixture.learn_as(AbandonedCart, &cart).is_empty());
    }
    let places = fixture.shape.places();
    let (_, order) = places
        .iter()
        .find(|(pointer, _)| pointer == "/order/id")
        .expect("known");
    assert!(order.kinds.of(Order).is_always(60));
    assert_eq!(order.kinds.of(AbandonedCart).count, 0);
}

#[test]
fn an_accepted_shape_is_learned_anew() {
    let mut fixture = Fixture::default();
    fixture.learn_many(60, order);
    let new = |index: usize| json!({"event": "a", "sale": {"id": format!("s-{index}")}});
    for index in 0..10 {
        fixture.learn(&new(index));
    }
    assert_eq!(fixture.missing(), ["/order"]);
    assert_eq!(fixture.shape.accept(), 1);
    assert!(fixture.missing().is_empty());
    assert!(
        !fixture
            .pointers()
            .iter()
            .any(|one| one.starts_with("/order"))
    );
    fixture.learn_many(60, new);
    // The new shape is watched as well.
    for _ in 0..3 {
        fixture.learn(&json!({"event": "a"}));
    }
    assert_eq!(fixture.missing(), ["/sale"]);
    assert_eq!(fixture.shape.accept(), 1);
    assert_eq!(fixture.shape.accept(), 0);
}

#[test]
fn a_new_shape_becomes_usual_by_itself_after_a_day() {
    let mut fixture = Fixture::default();
    fixture.learn_many(60, order);
    let new = json!({"event": "a"});
    for _ in 0..100 {
        fixture.learn(&new);
    }
    assert_eq!(fixture.missing(), ["/order"], "many bodies are not enough");
    fixture.now += DAY;
    let events = fixture.learn(&new);
    let usual = ShapeEvent::Usual {
        kind: Order,
        pointer: "/order".to_owned(),
    };
    assert_eq!(events, [usual]);
    assert!(fixture.missing().is_empty());
}

#[test]
fn payloads_that_are_no_json_any_more_are_one_change() {
    let mut fixture = Fixture::default();
    fixture.learn_many(60, order);
    for _ in 0..3 {
        let now = fixture.now;
        fixture.shape.learn(&PayloadReading::nothing(), Order, now);
    }
    assert_eq!(fixture.missing(), [""]);
}

#[test]
fn a_payload_that_was_not_read_to_its_end_proves_no_absence() {
    let mut fixture = Fixture::default();
    fixture.learn_many(60, order);
    for _ in 0..10 {
        let cut = PayloadReading {
            is_whole: false,
            ..PayloadReading::nothing()
        };
        assert!(fixture.shape.learn(&cut, Order, 0).is_empty());
    }
    assert!(fixture.missing().is_empty());
}

#[test]
fn an_optional_pointer_causes_no_alarm() {
    let mut fixture = Fixture::default();
    for index in 0..2_000 {
        let mut payload = order(index);
        // Present in nine of ten bodies, and absent for three in a row now and then.
        if index % 40 >= 4 {
            payload["coupon"] = json!("x");
        }
        assert!(fixture.learn(&payload).is_empty(), "{index}");
    }
}

#[test]
fn a_stored_tree_that_is_none_is_rejected() {
    let mut fixture = Fixture::default();
    fixture.learn_many(10, order);
    let stored = serde_json::to_value(&fixture.shape).expect("JSON");
    let read = |stored: Value| serde_json::from_value::<PayloadShape>(stored);
    assert!(read(stored.clone()).is_ok());
    let mut cyclic = stored.clone();
    cyclic["nodes"][1]["parent"] = json!(5);
    let mut empty = stored.clone();
    empty["nodes"] = json!([]);
    let mut endless = stored;
    endless["nodes"] = Value::Array(vec![endless["nodes"][0].clone(); 1_000]);
    for broken in [cyclic, empty, endless] {
        assert!(read(broken).is_err());
    }
}
