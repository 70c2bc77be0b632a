//! Each condition of a gate begins and ends: the real program sends both alarms to a receiver that
//! records them. Conditions of hours and days need no patience, because libfaketime moves the wall
//! clock of the gate. Its timers run in real time, as those of a machine that was suspended.

mod app;
mod certificates;
pub(crate) mod gate;
mod inbox;
mod payloads;
mod receivers;
mod requests;
mod secrets;
mod silence;
mod store;

/// The tests of conditions, those with an ACME server included.
const TESTS: [&str; 9] = [
    include_str!("../acme/alarms.rs"),
    include_str!("certificates.rs"),
    include_str!("inbox.rs"),
    include_str!("payloads.rs"),
    include_str!("receivers.rs"),
    include_str!("requests.rs"),
    include_str!("secrets.rs"),
    include_str!("silence.rs"),
    include_str!("store.rs"),
];

#[test]
fn each_condition_of_the_documents_has_a_test() {
    let document = include_str!("../../../docs/alarms.md");
    let (_, conditions) = document.split_once("\n## Conditions\n").expect("a table");
    let (conditions, _) = conditions.split_once("\n## ").expect("its end");
    let rows = conditions.lines();
    let names = rows.filter_map(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0));
    let names: Vec<_> = names.collect();
    assert_eq!(names.len(), 20);
    for name in names {
        // The name and the subject of an alarm.
        let alarm = format!("\"{name} ");
        let is_tested = TESTS.iter().any(|test| test.contains(&alarm));
        assert!(is_tested, "no test of {name}");
    }
}
