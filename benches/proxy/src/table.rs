//! Samples by row and peer, with their medians, and the gate's ratios to its peers.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::estimate::Estimate;

/// The column of the gate.
pub(crate) const GATE: usize = 0;

/// The name of another gate like the first. Their ratio is the noise of the machine.
pub(crate) const AGAIN: &str = "Cartgate again";

/// Which number of a quantity is the best.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Better {
    Less,
    More,
    /// No number is, so the peers are not compared.
    Neither,
}

/// A measured quantity.
pub(crate) struct Table {
    name: String,
    unit: String,
    columns: Vec<String>,
    rows: Vec<Row>,
    better: Better,
}

/// The samples of a row.
pub(crate) struct Row {
    pub(crate) label: String,
    /// The samples by column and round, empty if not measured.
    cells: Vec<Vec<f64>>,
}

/// The gate beside its best peer.
pub(crate) struct Best<'t> {
    pub(crate) peer: &'t str,
    /// The gate's number, divided by that of the peer.
    pub(crate) ratio: Estimate,
}

impl Table {
    pub(crate) fn new(name: &str, unit: &str, better: Better, columns: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            columns,
            rows: Vec::new(),
            better,
        }
    }

    pub(crate) fn add(&mut self, label: &str, column: usize, sample: f64) {
        let place = self.rows.iter().position(|row| row.label == label);
        let place = place.unwrap_or_else(|| {
            self.rows.push(Row {
                label: label.to_owned(),
                cells: vec![Vec::new(); self.columns.len()],
            });
            self.rows.len() - 1
        });
        self.rows[place].cells[column].push(sample);
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the first row whose label begins with this text.
    pub(crate) fn row(&self, label: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.label.starts_with(label))
    }

    /// Returns the ratio of two rows of the gate.
    pub(crate) fn ratio_of_rows(&self, label: &str, base: &str) -> Option<Estimate> {
        let [own, base] = [label, base].map(|label| Some(&self.row(label)?.cells[GATE]));
        Estimate::of_ratio(own?, base?)
    }

    /// Returns the ratio of the gate to a peer.
    pub(crate) fn ratio(&self, row: &Row, column: usize) -> Option<Estimate> {
        if self.better == Better::Neither || column == GATE {
            return None;
        }
        Estimate::of_ratio(&row.cells[GATE], &row.cells[column])
    }

    /// Returns the peer with the best median, in comparison to the gate.
    pub(crate) fn best(&self, row: &Row) -> Option<Best<'_>> {
        let peers = (0..self.columns.len()).filter(|column| {
            *column != GATE && self.columns[*column] != AGAIN && !row.cells[*column].is_empty()
        });
        let of = |column: &usize| row.median(*column).unwrap_or(f64::NAN);
        let column = match self.better {
            Better::Less => peers.min_by(|a, b| of(a).total_cmp(&of(b))),
            Better::More => peers.max_by(|a, b| of(a).total_cmp(&of(b))),
            Better::Neither => None,
        }?;
        Some(Best {
            peer: &self.columns[column],
            ratio: self.ratio(row, column)?,
        })
    }

    /// Returns the ratio of the gate to another one like it.
    pub(crate) fn noise(&self, row: &Row) -> Option<Estimate> {
        let again = self.columns.iter().position(|name| name == AGAIN)?;
        self.ratio(row, again)
    }

    pub(crate) fn markdown(&self) -> String {
        let filled = |column: &usize| self.rows.iter().any(|row| !row.cells[*column].is_empty());
        let peers = |column: &usize| self.columns[*column] != AGAIN;
        let columns = 0..self.columns.len();
        let columns: Vec<usize> = columns.filter(filled).filter(peers).collect();
        let is_compared = self.rows.iter().any(|row| self.best(row).is_some());
        let has_noise = self.rows.iter().any(|row| self.noise(row).is_some());
        let mut head: Vec<&str> = vec![""];
        head.extend(columns.iter().map(|column| self.columns[*column].as_str()));
        if is_compared {
            head.push("against the best peer");
        }
        if has_noise {
            head.push("against itself");
        }
        let mut text = format!("### {} ({})\n\n", self.name, self.unit);
        line(&mut text, head.iter().map(|name| (*name).to_owned()));
        let rule = head.iter().enumerate();
        line(
            &mut text,
            rule.map(|(place, _)| if place == 0 { "---" } else { "---:" }.to_owned()),
        );
        for row in &self.rows {
            let mut cells = vec![row.label.clone()];
            cells.extend(columns.iter().map(|column| self.cell(row, *column)));
            if is_compared {
                let best = self.best(row);
                cells.push(best.map_or_else(dash, |best| best.to_string()));
            }
            if has_noise {
                let noise = self.noise(row);
                cells.push(noise.map_or_else(dash, |noise| noise.to_string()));
            }
            line(&mut text, cells.into_iter());
        }
        text
    }

    fn cell(&self, row: &Row, column: usize) -> String {
        let Some(median) = row.median(column) else {
            return dash();
        };
        match self.ratio(row, column) {
            Some(ratio) => format!("{} ({:.2})", number(median), ratio.median),
            None => number(median),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells = (0..self.columns.len()).filter(|column| !row.cells[*column].is_empty());
            let cells = cells.map(|column| {
                let ratio = self.ratio(row, column);
                json!({
                    "peer": self.columns[column],
                    "median": row.median(column),
                    "ratio": ratio.map(|one| one.median),
                    "interval": ratio.and_then(|one| one.interval),
                    "samples": row.cells[column],
                })
            });
            json!({ "row": row.label, "cells": cells.collect::<Vec<_>>() })
        });
        json!({ "table": self.name, "unit": self.unit, "rows": rows.collect::<Vec<_>>() })
    }
}

impl Row {
    pub(crate) fn median(&self, column: usize) -> Option<f64> {
        Some(Estimate::of(&self.cells[column])?.median)
    }
}

impl std::fmt::Display for Best<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { peer, ratio } = self;
        if ratio.interval.is_none() || ratio.differs() {
            write!(f, "{ratio}, {peer}")
        } else {
            write!(f, "no difference: {ratio}, {peer}")
        }
    }
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes all that is written");
}

fn dash() -> String {
    "-".to_owned()
}

/// Formats a number with three significant digits and separated thousands.
pub(crate) fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(better: Better) -> Table {
        let columns = ["Cartgate", "HAProxy", "nginx", "absent", AGAIN].map(str::to_owned);
        let mut table = Table::new("CPU", "us", better, columns.to_vec());
        let rounds = [10.0, 11.0, 40.0, 10.0, 12.0, 10.0];
        for (row, column, factor) in [
            ("2 KiB", 0, 0.9),
            ("2 KiB", 1, 1.0),
            ("2 KiB", 2, 2.0),
            ("2 KiB", 4, 0.9),
        ] {
            for one in rounds {
                table.add(row, column, one * factor);
            }
        }
        for (column, one) in [(0, 9.0), (1, 10.0), (2, 8.0)] {
            table.add("1 MiB", column, one);
        }
        table
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [0.123, 9.87, 15.04, 999.6, 1_234_567.0].map(number);
        assert_eq!(shown, ["0.12", "9.87", "15.0", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_gate_is_compared_with_the_best_peer_of_each_row() {
        let table = filled(Better::Less);
        let best: Vec<_> = table.rows().iter().map(|row| table.best(row)).collect();
        let text = |place: usize| best[place].as_ref().expect("a peer").to_string();
        assert_eq!(text(0), "0.90 (0.90 to 0.90), HAProxy");
        assert_eq!(text(1), "1.12, nginx");
        let more = filled(Better::More);
        let best = more.best(&more.rows()[0]).expect("a peer");
        assert_eq!(best.peer, "nginx");
        let neither = filled(Better::Neither);
        assert!(neither.best(&neither.rows()[0]).is_none());
    }

    #[test]
    fn an_interval_with_one_is_no_difference() {
        let mut table = filled(Better::Less);
        for (own, base) in [(9.0, 10.0), (9.0, 10.0), (11.0, 10.0)] {
            for _ in 0..3 {
                table.add("200 B", 0, own);
                table.add("200 B", 1, base);
            }
        }
        let best = table.best(&table.rows()[2]).expect("a peer").to_string();
        assert_eq!(best, "no difference: 0.90 (0.90 to 1.10), HAProxy");
    }

    #[test]
    fn markdown_has_medians_and_ratios_and_no_empty_column() {
        let text = filled(Better::Less).markdown();
        for line in [
            "|  | Cartgate | HAProxy | nginx | against the best peer | against itself |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            "| 2 KiB | 9.45 | 10.5 (0.90) | 21.0 (0.45) | 0.90 (0.90 to 0.90), HAProxy | 1.00 (1.00 to 1.00) |",
            "| 1 MiB | 9.00 | 10.0 (0.90) | 8.00 (1.12) | 1.12, nginx | - |",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn two_rows_are_compared_within_a_round() {
        let mut table = Table::new("t", "us", Better::Neither, vec!["a".to_owned()]);
        for (with, without) in [(10.0, 10.0), (40.0, 20.0), (33.0, 30.0)] {
            table.add("with", 0, with);
            table.add("without", 0, without);
        }
        let ratio = table.ratio_of_rows("with", "without").expect("both");
        assert_eq!(ratio.median, 1.1);
        assert!(table.ratio_of_rows("with", "another").is_none());
    }

    #[test]
    fn json_has_every_sample() {
        let json = filled(Better::Less).json();
        let cell = &json["rows"][1]["cells"][1];
        assert_eq!(cell["samples"], json!([10.0]));
        assert_eq!(cell["ratio"], json!(0.9));
        assert_eq!(cell["interval"], Value::Null);
        assert_eq!(json["rows"][1]["cells"].as_array().map(Vec::len), Some(3));
    }
}
