//! Tests of the inbox and of durable endpoints in a file, and of the findings about their mistakes.

use std::time::Duration;

use tower_cartgate::EventKind;

use crate::{
    config::{plan::Plan, sections::destination::DestinationPlan},
    destination,
    inbox::{Queue, Settings, settings::StoreAddress},
};

const DURABLE: &str = r#"
[server]
listen = "127.0.0.1:0"
[inbox]
store = "sqlite:inbox.db"
max_copies = 3
[secret.current]
file = "secret"
[[endpoint]]
name = "hooks"
path = "/hooks"
secrets = ["current"]
event = { pointer = "/event", order = ["o"], abandoned-cart = ["c"], only = ["order", "abandoned-cart"] }
durable = true
unique = "/order/id"
[[endpoint.destination]]
url = "http://127.0.0.1:1/a"
events = ["order"]
retry = ["1s", "1m"]
concurrency = 2
timeout = "9s"
[[endpoint.destination]]
name = "crm"
url = "http://127.0.0.1:1/b"
"#;

fn said(text: &str) -> Vec<String> {
    let findings = Plan::from_text(text).expect_err("mistakes");
    findings.iter().map(ToString::to_string).collect()
}

/// The text with one part replaced, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(DURABLE.contains(from), "{from}");
    DURABLE.replace(from, to)
}

fn queues(plan: &Plan) -> Vec<&DestinationPlan> {
    plan.endpoints[0].queues().collect()
}

#[test]
fn an_inbox_and_its_queues_are_read_as_they_are_meant() {
    let plan = Plan::from_text(DURABLE).expect("a plan");
    let inbox = plan.inbox.as_ref().expect("an inbox");
    assert_eq!(inbox.store, StoreAddress::Sqlite("inbox.db".into()));
    let default = Settings::new(inbox.store.clone());
    assert_eq!(
        (inbox.limits.copies, inbox.limits.events, inbox.retain),
        (3, default.limits.events, default.retain)
    );
    assert!(plan.endpoints[0].durable);
    assert_eq!(plan.endpoints[0].unique.as_deref(), Some("/order/id"));
    let [first, second] = queues(&plan)[..] else {
        panic!("not two queues")
    };
    assert_eq!((&*first.name, &*second.name), ("hooks", "crm"));
    assert_eq!(
        (&first.kinds[..], first.concurrency),
        (&[EventKind::Order][..], 2)
    );
    let waits = [Duration::from_secs(1), Duration::from_secs(60)];
    assert_eq!(first.waits, waits);
    assert_eq!(first.settings.response_timeout, Duration::from_secs(9));
    assert!(
        second.kinds.is_empty() && plan.warnings.is_empty(),
        "{:?}",
        plan.warnings
    );
    let shown = plan.to_string();
    for line in [
        "store = \"sqlite:inbox.db\"",
        "max_events = 1000000",
        "max_bytes = \"4GiB\"",
        "disk_floor = \"256MiB\"",
        "max_copies = 3",
        "retain = \"7d\"",
        "durable = true",
        "unique = \"/order/id\"",
        "events = [\"order\"]",
        "retry = [\"1s\", \"1m\"]",
        "concurrency = 2",
        "timeout = \"9s\"",
        "concurrency = 8",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in {shown}"
        );
    }
    let again = Plan::from_text(&shown).expect(&shown);
    assert_eq!(again.to_string(), shown);
}

#[test]
fn an_attempt_may_take_as_long_by_default_as_an_answer_may() {
    assert_eq!(
        Queue::TIMEOUT,
        destination::Settings::default().response_timeout
    );
}

#[test]
fn each_mistake_is_found_at_its_place() {
    for (from, to, expected) in [
        (
            "max_copies",
            "max_copys",
            "6:1: this key is unknown; did you mean `max_copies`?",
        ),
        (
            "[\"order\"]\nretry",
            "[\"ordr\"]\nretry",
            "18:11: an event kind is order, abandoned-cart or other; did you mean `order`?",
        ),
        (
            "[\"order\"]\nretry",
            "[]\nretry",
            "18:10: expected at least one",
        ),
        (
            "only = [\"order\"",
            "only = [\"oder\"",
            "13:78: an event kind is order, abandoned-cart or other; did you mean `order`?",
        ),
        ("\"1m\"", "60", "19:16: expected a text in quotes"),
        (
            "concurrency = 2",
            "concurrency = 0",
            "20:15: expected a number from 1 to 1000",
        ),
        ("= true", "= \"yes\"", "14:11: expected true or false"),
        (
            "\"/order/id\"",
            "\"order\"",
            "15:10: a JSON pointer begins with a slash",
        ),
        (
            "\"crm\"",
            "\"hooks\"",
            "22:1: the durable destination at 16:1 has the same name",
        ),
        (
            "\"sqlite:inbox.db\"",
            "\"sqlit:inbox.db\"",
            "5:9: expected sqlite:FILE, such as",
        ),
        (
            "\"sqlite:inbox.db\"",
            "\"postgres://u:planted@h/d\"",
            "5:9: the address holds a password",
        ),
        (
            "\"sqlite:inbox.db\"",
            "\"postgres://u@h/d\"",
            "5:9: PostgreSQL needs a key",
        ),
        (
            "max_copies = 3",
            "password = { env = \"P\" }",
            "6:12: SQLite needs no password",
        ),
        (
            "max_copies = 3",
            "ca_file = \"x\"",
            "6:11: SQLite is a file and has",
        ),
        (
            "max_copies = 3",
            "max_copies = 0",
            "6:14: expected a number of at least 1",
        ),
        (
            "max_copies = 3",
            "max_bytes = \"1KiB\"",
            "5:9: the inbox may hold less than one body",
        ),
        (
            "max_copies = 3",
            "key = { file = \"a\", env = \"B\" }",
            "6:7: expected exactly one of",
        ),
        (
            "store = \"sqlite:inbox.db\"\n",
            "",
            "4:1: `store` is missing",
        ),
        (
            "[inbox]\nstore = \"sqlite:inbox.db\"\nmax_copies = 3",
            "",
            "1:1: `inbox` is missing",
        ),
    ] {
        let said = said(&changed(from, to));
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(
            said[0].starts_with(expected),
            "{}\n  should be {expected}",
            said[0]
        );
        assert!(!said[0].contains("planted"));
    }
}

#[test]
fn what_goes_with_durable_endpoints_is_not_read_past_at_a_direct_one() {
    let said = said(&changed("durable = true\n", ""));
    let expected = [
        "4:1: no endpoint is `durable`",
        "9:1: an endpoint has exactly one destination, unless it is `durable`",
        "14:10: `unique` goes with `durable = true`",
        "17:10: `events` goes with `durable = true`",
        "18:9: `retry` goes with `durable = true`",
        "19:15: `concurrency` goes with `durable = true`",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}\n  should be {expected}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
}

#[test]
fn how_full_the_disk_of_postgresql_is_cannot_be_asked() {
    let store = "\"postgres://u@h/d\"\nkey = { file = \"k\" }\nca_file = \"c\"\npassword = { credential = \"p\" }";
    let shared = changed("\"sqlite:inbox.db\"", store);
    let plan = Plan::from_text(&shared).expect("a plan");
    let shown = plan.to_string();
    assert!(!shown.contains("disk_floor"), "{shown}");
    assert_eq!(Plan::from_text(&shown).expect(&shown).to_string(), shown);
    let said = said(&shared.replace("max_copies = 3", "disk_floor = \"1MiB\""));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("9:14: PostgreSQL does not report its free space"),
        "{said:?}"
    );
}

#[test]
fn events_that_no_destination_would_want_are_warned_of() {
    let without_crm = DURABLE
        .split("[[endpoint.destination]]\nname")
        .next()
        .expect("a part");
    let by_event = |event: &str| {
        let begins = without_crm.find("event = ").expect("an event");
        let rest = &without_crm[begins..];
        let ends = begins + rest.find('\n').expect("a line");
        format!(
            "{}event = {event}{}",
            &without_crm[..begins],
            &without_crm[ends..]
        )
    };
    let texts = "order = [\"o\"], abandoned-cart = [\"c\"]";
    for (event, expected) in [
        ("{ kind = \"order\" }".to_owned(), None),
        (
            "{ kind = \"other\" }".to_owned(),
            Some("`other` can arrive"),
        ),
        (
            format!("{{ pointer = \"/e\", {texts} }}"),
            Some("`abandoned-cart` and `other` can arrive"),
        ),
        (
            "{ pointer = \"/e\", order = [\"o\"] }".to_owned(),
            Some("`other` can arrive"),
        ),
        (
            format!("{{ pointer = \"/e\", {texts}, only = [\"order\"] }}"),
            None,
        ),
    ] {
        let plan = Plan::from_text(&by_event(&event)).expect("a plan");
        let warnings: Vec<_> = plan.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings.len(),
            usize::from(expected.is_some()),
            "{event} {warnings:?}"
        );
        if let Some(expected) = expected {
            assert!(warnings[0].starts_with("9:1: "), "{warnings:?}");
            assert!(warnings[0].contains(expected), "{warnings:?}");
        }
    }
}

#[test]
fn variables_of_the_inbox_are_known() {
    let plan = changed(
        "max_copies = 3",
        "key = { env = \"K\" }\nencryption_key = { env = \"E\" }",
    );
    assert_eq!(
        Plan::from_text(&plan).expect("a plan").variables(),
        ["K", "E"]
    );
}

#[test]
fn another_inbox_needs_a_restart_and_other_queues_do_not() {
    let running = Plan::from_text(DURABLE).expect("a plan");
    let needs = |text: &str| {
        Plan::from_text(text)
            .expect("a plan")
            .needs_restart(&running)
    };
    assert!(needs(DURABLE).is_empty());
    assert!(needs(&changed("\"crm\"", "\"sales\"").replace("concurrency = 2", "")).is_empty());
    // Elsewhere in the file, and the same.
    assert!(needs(&("\n".to_owned() + DURABLE)).is_empty());
    // Compared by its bytes, once it is read.
    assert!(
        needs(&changed(
            "max_copies = 3",
            "max_copies = 3\nkey = { file = \"k\" }"
        ))
        .is_empty()
    );
    for to in ["max_copies = 4", "retain = \"1d\""] {
        assert_eq!(needs(&changed("max_copies = 3", to)), ["inbox"], "{to}");
    }
    assert_eq!(needs(&changed("inbox.db", "other.db")), ["inbox"]);
}
