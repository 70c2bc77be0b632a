//! The budget of each count, in a file that `make counts BLESS=1` writes and `make budget`
//! compares.

use std::{fs, io, path::Path};

use serde_json::{Value, json};

use super::{decimal::decimal, results::Results};
use crate::table::number;

/// The largest excess, as a part of the budget.
const TOLERANCE: f64 = 0.02;

/// The same for a gate of another compiler, which inlines other functions and for which there may be
/// no profile of the optimiser, or with another C library, whose `memcpy` takes other paths.
const OTHER_TOLERANCE: f64 = 0.35;

const UPDATE: &str = "`make counts BLESS=1` writes the counts of this build as the new budget";

/// The budget.
pub(crate) struct Budget(Value);

/// The comparison of results with the budget.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// The counts above the budget, and those without a budget.
    pub(crate) exceeded: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Budget {
    pub(crate) fn read(file: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(file)?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    pub(crate) fn write(results: &Results, file: &Path) -> io::Result<()> {
        let Self(value) = Self::of(results);
        fs::write(file, format!("{value:#}\n"))
    }

    fn of(results: &Results) -> Self {
        let mut requests = serde_json::Map::new();
        for (case, cost) in &results.costs {
            let figures = cost.budgeted(*case).into_iter();
            let figures = figures.map(|(name, value)| (name.to_owned(), json!(value as i64)));
            requests.insert(case.name(), Value::Object(figures.collect()));
        }
        Self(json!({ "made_with": results.made_with, "requests": requests }))
    }

    /// Compares each count.
    pub(crate) fn compare(&self, results: &Results) -> Comparison {
        let mut comparison = Comparison::default();
        let made_with = self.0["made_with"].as_str().unwrap_or_default();
        let architecture = |text: &str| text.rsplit(' ').next().map(str::to_owned);
        if architecture(made_with) != architecture(&results.made_with) {
            comparison.notes.push(format!(
                "the budget is for {made_with}, and says nothing about {}",
                results.made_with
            ));
            return comparison;
        }
        let mut tolerance = TOLERANCE;
        if made_with != results.made_with {
            tolerance = OTHER_TOLERANCE;
            comparison.notes.push(format!(
                "the budget is for {made_with}, and this is {}: the tolerance is {:.0} % instead of {:.0} %",
                results.made_with,
                OTHER_TOLERANCE * 100.0,
                TOLERANCE * 100.0
            ));
        }
        for (case, cost) in &results.costs {
            let request = case.name();
            for (name, value) in cost.budgeted(*case) {
                let budget = &self.0["requests"][&request][name];
                comparison.add(
                    &format!("{request}: {name}"),
                    value,
                    budget.as_f64(),
                    tolerance,
                );
            }
        }
        comparison
    }
}

impl Comparison {
    fn add(&mut self, what: &str, value: f64, budget: Option<f64>, tolerance: f64) {
        let Some(budget) = budget else {
            let line = format!("{what}: {} without a budget", shown(value));
            return self.exceeded.push(line);
        };
        let line = || format!("{what}: {}, budget {}", shown(value), shown(budget));
        if value > budget * (1.0 + tolerance) {
            self.exceeded.push(line());
        } else if value < budget * (1.0 - tolerance) {
            self.notes.push(format!("less than the budget: {}", line()));
        }
    }

    /// Returns the lines that a reader needs, with the way to a new budget.
    pub(crate) fn text(&self) -> String {
        let exceeded = self.exceeded.iter();
        let exceeded = exceeded.map(|line| format!("over the budget: {line}"));
        let mut lines: Vec<String> = exceeded.chain(self.notes.iter().cloned()).collect();
        if lines.is_empty() {
            return "all counts are within the budget\n".to_owned();
        }
        lines.push(UPDATE.to_owned());
        lines.join("\n") + "\n"
    }
}

fn shown(value: f64) -> String {
    if value < 1_000.0 {
        decimal(value)
    } else {
        number(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::results::tests::results, *};

    #[test]
    fn a_written_budget_is_that_of_its_results() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("budget.json");
        let results = results(40_000.0, 3_350.0);
        Budget::write(&results, &file).expect("written");
        let comparison = Budget::read(&file).expect("read").compare(&results);
        assert_eq!(comparison, Comparison::default());
        assert!(
            comparison.text().starts_with("all counts"),
            "{}",
            comparison.text()
        );
    }

    #[test]
    fn two_percent_more_are_too_many_and_two_percent_less_a_note() {
        let budget = Budget::of(&results(40_000.0, 3_350.0));
        let within = budget.compare(&results(40_790.0, 3_350.0));
        assert_eq!(within, Comparison::default());
        let over = budget.compare(&results(40_810.0, 3_350.0));
        // The own instructions of a large body have no budget.
        assert_eq!(over.exceeded.len(), 5);
        assert_eq!(
            over.exceeded[0],
            "verified, 200 B: own instructions: 40,810, budget 40,000"
        );
        assert!(over.text().contains("BLESS=1"), "{}", over.text());
        let under = budget.compare(&results(39_190.0, 3_350.0));
        assert_eq!((under.exceeded.len(), under.notes.len()), (0, 5));
        assert!(under.text().contains("BLESS=1"), "{}", under.text());
    }

    #[test]
    fn another_compiler_may_need_a_third_more() {
        let budget = Budget::of(&results(40_000.0, 3_350.0));
        let other = |own| Results {
            made_with: "rustc 1.96.0, glibc 2.36, x86_64".to_owned(),
            ..results(own, 3_350.0)
        };
        let within = budget.compare(&other(53_900.0));
        assert_eq!((within.exceeded.len(), within.notes.len()), (0, 1));
        assert_eq!(budget.compare(&other(54_100.0)).exceeded.len(), 5);
    }

    #[test]
    fn another_architecture_is_not_compared() {
        let budget = Budget::of(&results(40_000.0, 3_350.0));
        let other = Results {
            made_with: "rustc 1.95.0, glibc 2.36, aarch64".to_owned(),
            ..results(90_000.0, 3_350.0)
        };
        let comparison = budget.compare(&other);
        assert_eq!((comparison.exceeded.len(), comparison.notes.len()), (0, 1));
    }

    #[test]
    fn a_count_without_a_budget_is_too_many() {
        let mut budget = Budget::of(&results(40_000.0, 3_350.0));
        budget.0["requests"]["verified, 2 KiB"] = json!({ "own instructions": 40_000 });
        let comparison = budget.compare(&results(40_000.0, 3_350.0));
        assert_eq!(comparison.exceeded.len(), 3, "{comparison:?}");
    }
}
