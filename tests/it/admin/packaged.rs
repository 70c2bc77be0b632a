//! Alert rules, their tests and the dashboard use existing metrics and labels. promtool checks the
//! rules themselves (`tests/machine`).

use std::collections::{BTreeMap, BTreeSet};

use super::{metrics, with_everything};
use crate::support::App;

const FILES: [(&str, &str); 3] = [
    (
        "alerts.yml",
        include_str!("../../../packaging/prometheus/alerts.yml"),
    ),
    (
        "alerts.test.yml",
        include_str!("../../../packaging/prometheus/alerts.test.yml"),
    ),
    (
        "cartgate.json",
        include_str!("../../../packaging/grafana/cartgate.json"),
    ),
];

/// The labels that Prometheus adds to each series.
const OF_PROMETHEUS: [&str; 2] = ["job", "instance"];

/// Returns the names and labels of all samples that a gate can have.
fn there_are() -> BTreeMap<String, BTreeSet<String>> {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let gate = with_everything(&app, dir.path());
    let page = metrics(&gate);
    let samples = page.names().into_iter().map(|series| {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        (name.to_owned(), selected(labels))
    });
    samples.collect()
}

/// Returns the names before `=`, `!=`, `=~` or `!~` in `a="b",c!="d"}`.
fn selected(labels: &str) -> BTreeSet<String> {
    let labels = labels.split('}').next().unwrap_or_default();
    let parts = labels.split(',').filter_map(|part| part.split_once('='));
    parts
        .map(|(name, _)| name.trim_end_matches('!').trim().to_owned())
        .collect()
}

/// Returns each name in `text` with the text after it.
fn names(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let of_a_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.match_indices(['c', 'p']).filter(move |(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| of_a_name(c) || c.is_ascii_alphanumeric())
    });
    words.filter_map(move |(at, _)| {
        let rest = &text[at..];
        let (name, rest) = rest.split_at(rest.find(|c| !of_a_name(c)).unwrap_or(rest.len()));
        let ours = name.starts_with("cartgate_") || name.starts_with("process_");
        ours.then_some((name, rest))
    })
}

/// Returns each `by (labels) (…)` in `text`: the labels, and the expression that must have them.
fn groupings(text: &str) -> impl Iterator<Item = (BTreeSet<String>, &str)> {
    text.split(" by (").skip(1).map(|rest| {
        let (labels, rest) = rest.split_once(')').expect("an end of labels");
        let labels = labels.split(',').map(|label| label.trim().to_owned());
        let group = rest.strip_prefix(" (").expect("what is grouped");
        let mut depth = 1;
        let end = group.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        (labels.collect(), &group[..end.expect("an end")])
    })
}

#[test]
fn the_packaged_rules_and_the_dashboard_ask_for_what_there_is() {
    let there_are = there_are();
    let mut asked = BTreeSet::new();
    let (mut selectors, mut grouped) = (0, 0);
    for (file, text) in FILES {
        // The dashboard is JSON, where the quotes of an expression are escaped.
        let text = text.replace("\\\"", "\"");
        let check = |name: &str, labels: BTreeSet<String>| {
            let own = there_are.get(name);
            let own = own.unwrap_or_else(|| panic!("{file}: there is no {name}"));
            let known =
                |label: &String| own.contains(label) || OF_PROMETHEUS.contains(&label.as_str());
            let foreign: Vec<_> = labels.iter().filter(|label| !known(label)).collect();
            assert!(foreign.is_empty(), "{file}: {name} has no {foreign:?}");
        };
        for (name, rest) in names(&text) {
            let labels = rest.strip_prefix('{').map(selected).unwrap_or_default();
            selectors += usize::from(!labels.is_empty());
            check(name, labels);
            asked.insert(name.to_owned());
        }
        for (labels, group) in groupings(&text).filter(|(_, group)| !group.contains("ALERTS")) {
            let mut inside = names(group).peekable();
            assert!(inside.peek().is_some(), "{file}: {group}");
            inside.for_each(|(name, _)| check(name, labels.clone()));
            grouped += 1;
        }
    }
    assert!(asked.len() >= 15, "{asked:?}");
    assert!(selectors >= 30 && grouped >= 20, "{selectors}, {grouped}");
}
