//! The figures that the gate is to reach, beside the results.

use std::fmt::Write;

use crate::{
    counts::{Case, Results},
    estimate::Estimate,
    footprint, growth, inbox,
    table::{GATE, Table, number},
    viewers,
};

/// A figure.
struct Figure {
    name: &'static str,
    bound: Bound,
    /// The number beyond the bound, if the gate can do even better.
    beyond: Option<f64>,
    source: Source,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// The place of the result. A row is named by the beginning of its label.
enum Source {
    /// The gate's number, divided by that of the best peer.
    Best(&'static str, &'static str),
    /// The gate's number.
    Own(&'static str, &'static str),
    /// The gate's number in the first row, divided by that in the second.
    Rows(&'static str, &'static str, &'static str),
    Count(fn(&Results) -> Option<f64>),
}

const CPU: &str = "CPU per verified request";
const RATE: &str = "Verified requests per second at saturation";
const REJECTIONS: &str = "Rejections per second at saturation";
const BY_CONNECTIONS: &str = "CPU per verified request of 200 B, by open connections";
const TAIL: &str = "99th percentile of latency at a fixed load";

#[rustfmt::skip]
const FIGURES: [Figure; 21] = [
    at_most("own instructions per direct request, 200 B, without the hash", 25_000.0, Some(18_000.0), Source::Count(own)),
    at_most("CPU per verified request, 200 B", 0.90, Some(0.80), Source::Best(CPU, "200 B")),
    at_most("CPU per verified request, 2 KiB", 0.90, Some(0.80), Source::Best(CPU, "2 KiB")),
    at_most("CPU per verified request, 64 KiB", 0.90, Some(0.85), Source::Best(CPU, "64 KiB")),
    at_most("CPU per verified request, 1 MiB", 0.90, Some(0.85), Source::Best(CPU, "1 MiB")),
    at_least("requests per second, 2 KiB", 1.15, Some(1.3), Source::Best(RATE, "2 KiB")),
    at_least("rejections per second, 2 KiB", 1.3, Some(1.6), Source::Best(REJECTIONS, "2 KiB")),
    at_most("CPU with 1,000 connections", 1.0, Some(0.9), Source::Best(BY_CONNECTIONS, "1000")),
    at_most("CPU with 6,000 connections", 1.0, Some(0.9), Source::Best(BY_CONNECTIONS, "6000")),
    at_most("access log: additional instructions per request", 4_000.0, Some(2_500.0), Source::Count(Results::log)),
    at_most("bytes per idle connection, of 1,000", 4_096.0, Some(2_048.0), Source::Own(footprint::EACH, "1000")),
    at_most("bytes per idle connection, of 5,000", 3_072.0, Some(2_048.0), Source::Own(footprint::EACH, "5000")),
    at_least("durable commits with 64 senders, against the store alone", 0.95, None, Source::Rows(inbox::TABLE, inbox::GATE_ROW, inbox::STORE_ROW)),
    at_most("99th percentile of latency, 200 B", 1.1, None, Source::Best(TAIL, "200 B")),
    at_most("99th percentile of latency, 2 KiB", 1.1, None, Source::Best(TAIL, "2 KiB")),
    at_most("99th percentile of latency, 64 KiB", 1.1, None, Source::Best(TAIL, "64 KiB")),
    at_most("CPU with ten viewers of the event stream, against none", 1.03, None, Source::Rows(viewers::TABLE, viewers::WITH, viewers::WITHOUT)),
    at_most("CPU with 1,000 endpoints, against one", 1.03, None, Source::Rows(growth::BY_ENDPOINTS, "1000", "1")),
    at_most("CPU with a Unix socket to the app, against TCP", 0.9, None, Source::Rows(growth::BY_SETTINGS, growth::UNIX, growth::DEFAULTS)),
    at_most("CPU with the sandbox, against none", 1.03, None, Source::Rows(growth::BY_SETTINGS, growth::DEFAULTS, growth::NO_SANDBOX)),
    at_most("memory after a burst of large bodies, against before", 1.1, None, Source::Rows(footprint::BURST_TABLE, footprint::LATER, footprint::BEFORE)),
];

const fn at_most(name: &'static str, most: f64, beyond: Option<f64>, source: Source) -> Figure {
    Figure {
        name,
        bound: Bound::AtMost(most),
        beyond,
        source,
    }
}

const fn at_least(name: &'static str, least: f64, beyond: Option<f64>, source: Source) -> Figure {
    Figure {
        name,
        bound: Bound::AtLeast(least),
        beyond,
        source,
    }
}

fn own(counts: &Results) -> Option<f64> {
    Some(counts.cost(Case::VERIFIED)?.own())
}

/// The result of a figure.
struct Outcome {
    estimate: Estimate,
    text: String,
    noise: Option<Estimate>,
}

/// Returns a table of all figures that were measured.
pub(crate) fn markdown(tables: &[Table], counts: Option<&Results>) -> String {
    let mut text = "### Figures\n\n\
        | figure | to reach | beyond | result | against itself | reached |\n\
        |---|---:|---:|---:|---:|---|\n"
        .to_owned();
    for figure in &FIGURES {
        let Some(outcome) = figure.outcome(tables, counts) else {
            continue;
        };
        let noise = outcome
            .noise
            .map_or_else(|| "-".to_owned(), |one| one.to_string());
        let line = format!(
            "| {} | {} | {} | {} | {noise} | {} |",
            figure.name,
            figure.bound.text(),
            figure.beyond.map_or_else(|| "-".to_owned(), limit),
            outcome.text,
            figure.verdict(&outcome)
        );
        writeln!(text, "{line}").expect("a String takes all that is written");
    }
    text + DOUBTS
}

/// The explanation below the table.
const DOUBTS: &str = "
\"Not certain\": the interval contains the bound. \"Too noisy\": the interval of \"against itself\" ends more
than 5 % from one, so the machine was too busy for this figure.
";

impl Figure {
    fn outcome(&self, tables: &[Table], counts: Option<&Results>) -> Option<Outcome> {
        let table = |name| tables.iter().find(|table| table.name() == name);
        match self.source {
            Source::Best(name, row) => {
                let table = table(name)?;
                let row = table.row(row)?;
                let best = table.best(row)?;
                Some(Outcome {
                    text: best.to_string(),
                    estimate: best.ratio,
                    noise: table.noise(row),
                })
            }
            Source::Own(name, row) => {
                let median = table(name)?.row(row)?.median(GATE)?;
                Some(Outcome::number(median))
            }
            Source::Rows(name, row, base) => {
                let estimate = table(name)?.ratio_of_rows(row, base)?;
                Some(Outcome {
                    text: estimate.to_string(),
                    estimate,
                    noise: None,
                })
            }
            Source::Count(read) => Some(Outcome::number(read(counts?)?)),
        }
    }

    /// Says whether the bound is reached, and whether chance could have decided that.
    fn verdict(&self, outcome: &Outcome) -> String {
        let median = outcome.estimate.median;
        let verdict = match self.beyond {
            _ if !self.bound.is_met(median) => "no",
            Some(beyond) if self.bound.with(beyond).is_met(median) => "beyond",
            _ => "yes",
        };
        let ends = outcome.estimate.interval.map(|(low, high)| [low, high]);
        let agree = |ends: [f64; 2]| self.bound.is_met(ends[0]) == self.bound.is_met(ends[1]);
        let doubt = if outcome.is_noisy() {
            " (too noisy)"
        } else if !ends.is_none_or(agree) {
            " (not certain)"
        } else {
            ""
        };
        format!("{verdict}{doubt}")
    }
}

/// The noise above which a figure means little: half of the smallest gain that a figure asks for.
const MOST_NOISE: f64 = 0.05;

impl Outcome {
    fn number(value: f64) -> Self {
        Self {
            estimate: Estimate {
                median: value,
                interval: None,
            },
            text: number(value),
            noise: None,
        }
    }

    fn is_noisy(&self) -> bool {
        let distance = self.noise.and_then(|noise| noise.distance());
        distance.is_some_and(|distance| distance > MOST_NOISE)
    }
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn with(self, value: f64) -> Self {
        match self {
            Self::AtMost(_) => Self::AtMost(value),
            Self::AtLeast(_) => Self::AtLeast(value),
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {}", limit(most)),
            Self::AtLeast(least) => format!("at least {}", limit(least)),
        }
    }
}

fn limit(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else {
        number(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{AGAIN, Better};

    fn lines(own: [f64; 9], again: f64) -> Vec<String> {
        let columns = ["Cartgate", "HAProxy", "nginx + Lua", AGAIN].map(str::to_owned);
        let mut table = Table::new(CPU, "us", Better::Less, columns.into());
        for one in own {
            table.add("200 B", 0, one);
            table.add("200 B", 1, 20.0);
            table.add("200 B", 2, 10.0);
            table.add("200 B", 3, one * again);
        }
        let text = markdown(&[table], None);
        let rows = text.lines().skip(4).filter(|line| line.starts_with('|'));
        rows.map(str::to_owned).collect()
    }

    #[test]
    fn a_figure_is_compared_with_the_best_peer_and_others_are_not_shown() {
        assert_eq!(
            lines([8.5; 9], 1.0),
            ["| CPU per verified request, 200 B | at most 0.90 | 0.80 | \
                 0.85 (0.85 to 0.85), nginx + Lua | 1.00 (1.00 to 1.00) | yes |"]
        );
        assert!(lines([8.0; 9], 1.0)[0].ends_with("| beyond |"));
        assert!(lines([9.1; 9], 1.0)[0].ends_with("| no |"));
    }

    #[test]
    fn doubt_is_stated() {
        let wide = [8.0, 8.0, 8.0, 8.5, 8.5, 8.5, 9.5, 9.5, 9.5];
        let line = &lines(wide, 1.0)[0];
        assert!(line.ends_with("| yes (not certain) |"), "{line}");
        let line = &lines([8.5; 9], 1.1)[0];
        assert!(line.ends_with("| yes (too noisy) |"), "{line}");
    }

    #[test]
    fn rows_and_numbers_are_figures_too() {
        let mut table = Table::new(
            inbox::TABLE,
            "1/s",
            Better::Neither,
            vec!["Cartgate".to_owned()],
        );
        table.add(inbox::STORE_ROW, 0, 1_000.0);
        table.add(inbox::GATE_ROW, 0, 900.0);
        let mut memory = Table::new(
            footprint::EACH,
            "bytes",
            Better::Less,
            vec!["Cartgate".to_owned()],
        );
        memory.add("1000 connections", 0, 3_000.0);
        let text = markdown(&[table, memory], None);
        let rows = text.lines().skip(4);
        let lines: Vec<&str> = rows.filter(|line| line.starts_with('|')).collect();
        assert_eq!(
            lines,
            [
                "| bytes per idle connection, of 1,000 | at most 4,096 | 2,048 | 3,000 | - | yes |",
                "| durable commits with 64 senders, against the store alone | at least 0.95 | - | 0.90 | - | no |",
            ]
        );
    }
}
