//! Each condition of the table has its Prometheus rule, or a reason why it has none, and its row in
//! `docs/alarms.md`.

use std::collections::BTreeMap;

use cartgate::alarm::{AlertRule, Condition};

const RULES: &str = include_str!("../../../packaging/prometheus/alerts.yml");

const PAGE: &str = include_str!("../../../docs/alarms.md");

/// Rules without a condition, each with the reason.
const ALONE: [(&str, &str); 4] = [
    ("CartgateGone", "a gate that is gone sends no alarm"),
    ("CartgateFull", "an attacker could cause it at will"),
    ("CartgateLogLinesDropped", "it concerns the log alone"),
    ("CartgateInboxCopies", "an attacker could cause it at will"),
];

/// Returns the severity of each rule by its name.
fn rules() -> BTreeMap<&'static str, &'static str> {
    let rules = RULES.split("- alert: ").skip(1).map(|rule| {
        let name = rule.lines().next().expect("a name");
        let severity = rule.split_once("severity: ").expect("a severity").1;
        (name, severity.split(' ').next().unwrap_or_default())
    });
    rules.collect()
}

#[test]
fn each_condition_has_a_rule_of_its_severity_or_a_reason() {
    let mut rules = rules();
    assert!(rules.len() > 15, "{rules:?}");
    for condition in Condition::ALL {
        match condition.alert_rule() {
            AlertRule::Named(name) => {
                let severity = rules.remove(name);
                assert_eq!(
                    severity,
                    Some(condition.severity().as_str()),
                    "{condition}: {name}"
                );
            }
            AlertRule::Missing(reason) => assert!(reason.len() > 20, "{condition}: {reason}"),
        }
    }
    for (name, reason) in ALONE {
        assert!(rules.remove(name).is_some(), "there is no {name}: {reason}");
    }
    assert!(rules.is_empty(), "rules without a condition: {rules:?}");
}

#[test]
fn each_condition_has_its_row_in_the_documents() {
    for condition in Condition::ALL {
        let rule = match condition.alert_rule() {
            AlertRule::Named(name) => format!("`{name}`"),
            AlertRule::Missing(reason) => format!("none: {reason}"),
        };
        let (severity, when) = (condition.severity().as_str(), condition.when());
        let over = condition.over();
        let row = format!("| `{condition}` | {severity} | {when} | {over} | {rule} |");
        assert!(
            PAGE.lines().any(|line| line == row),
            "not in docs/alarms.md:\n{row}"
        );
    }
    let section = PAGE.split_once("\n## Conditions").expect("the section").1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section
        .lines()
        .filter(|line| line.ends_with("` |") || line.contains("| none: "));
    let rows = rows.filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), Condition::ALL.len());
}
