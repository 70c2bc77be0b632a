//! Samples by row and peer, with their medians, their spread, and their ratio to the base.

use std::fmt::Write;

use serde_json::{Value, json};

/// The peer that is the base of all ratios.
pub(crate) const BASE: &str = "HAProxy";

/// A measured quantity.
pub(crate) struct Table {
    name: String,
    unit: String,
    columns: Vec<String>,
    rows: Vec<Row>,
    ratios: bool,
}

struct Row {
    label: String,
    /// The samples by column, empty if not measured.
    cells: Vec<Vec<f64>>,
}

impl Table {
    pub(crate) fn new(name: &str, unit: &str, columns: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            columns,
            rows: Vec::new(),
            ratios: true,
        }
    }

    /// Omits the ratios, where they are meaningless.
    pub(crate) fn plain(self) -> Self {
        Self {
            ratios: false,
            ..self
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

    /// Returns the median of the first row whose label begins with this text.
    pub(crate) fn median_at(&self, label: &str, column: usize) -> Option<f64> {
        median(&self.row(label)?.cells[column])
    }

    /// Returns the ratio of the first row whose label begins with this text.
    pub(crate) fn ratio_at(&self, label: &str, column: usize) -> Option<f64> {
        self.ratio(self.row(label)?, column)
    }

    /// Returns the ratio of two rows of a column, computed within each round: a machine that is
    /// slower in one round slows both.
    pub(crate) fn ratio_of_rows(&self, label: &str, base: &str, column: usize) -> Option<f64> {
        let samples = |label| self.row(label)?.cells.get(column);
        let rounds = samples(label)?.iter().zip(samples(base)?);
        median(&rounds.map(|(own, base)| own / base).collect::<Vec<_>>())
    }

    fn row(&self, label: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.label.starts_with(label))
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the label of each row with the ratios of its columns.
    pub(crate) fn ratios(&self) -> impl Iterator<Item = (&str, Vec<Option<f64>>)> {
        self.rows.iter().map(|row| {
            let ratios = (0..self.columns.len()).map(|column| self.ratio(row, column));
            (row.label.as_str(), ratios.collect())
        })
    }

    pub(crate) fn markdown(&self) -> String {
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|one| self.is_filled(*one))
            .collect();
        let mut text = format!("### {} ({})\n\n| |", self.name, self.unit);
        for column in &shown {
            write_to(&mut text, &format!(" {} |", self.columns[*column]));
        }
        write_to(
            &mut text,
            &format!("\n|---|{}", "---:|".repeat(shown.len())),
        );
        for row in &self.rows {
            write_to(&mut text, &format!("\n| {} |", row.label));
            for column in &shown {
                write_to(&mut text, &format!(" {} |", self.cell(row, *column)));
            }
        }
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        if let Some(spread) = cells.filter_map(|cell| spread(cell)).max_by(f64::total_cmp) {
            let spread = spread * 100.0;
            write_to(
                &mut text,
                &format!("\n\nThe rounds of a cell differ by up to {spread:.0} %."),
            );
        }
        text.push('\n');
        text
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells = (0..self.columns.len()).filter(|column| !row.cells[*column].is_empty());
            let cells = cells.map(|column| {
                let samples = &row.cells[column];
                json!({
                    "peer": self.columns[column],
                    "median": median(samples),
                    "ratio": self.ratio(row, column),
                    "samples": samples,
                })
            });
            json!({ "row": row.label, "cells": cells.collect::<Vec<_>>() })
        });
        json!({ "table": self.name, "unit": self.unit, "rows": rows.collect::<Vec<_>>() })
    }

    fn is_filled(&self, column: usize) -> bool {
        self.rows.iter().any(|row| !row.cells[column].is_empty())
    }

    fn cell(&self, row: &Row, column: usize) -> String {
        let Some(median) = median(&row.cells[column]) else {
            return "-".to_owned();
        };
        match self.ratio(row, column) {
            Some(ratio) => format!("{} ({ratio:.2})", number(median)),
            None => number(median),
        }
    }

    /// Returns the median of the ratios of all rounds, because a disturbance of the machine affects
    /// both peers of a round. If a round is missing, returns the ratio of the medians.
    fn ratio(&self, row: &Row, column: usize) -> Option<f64> {
        let base = self.columns.iter().position(|name| name == BASE)?;
        let (own, base) = (&row.cells[column], &row.cells[base]);
        if !self.ratios || base.contains(&0.0) {
            return None;
        }
        if own.len() == base.len() {
            let ratios: Vec<f64> = own.iter().zip(base).map(|(own, base)| own / base).collect();
            return median(&ratios);
        }
        Some(median(own)? / median(base)?)
    }
}

/// Returns the median.
fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[middle - 1], upper))
}

/// Returns the spread from least to most, as a part of the median.
fn spread(samples: &[f64]) -> Option<f64> {
    let median = median(samples).filter(|median| *median > 0.0 && samples.len() > 1)?;
    let least = samples.iter().copied().min_by(f64::total_cmp)?;
    let most = samples.iter().copied().max_by(f64::total_cmp)?;
    Some((most - least) / median)
}

/// Formats a number with three significant digits and separated thousands.
fn number(value: f64) -> String {
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

fn write_to(text: &mut String, more: &str) {
    text.write_str(more)
        .expect("a String takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Table {
        let columns = ["Cartgate", BASE, "absent"].map(str::to_owned);
        let mut table = Table::new("CPU", "us", columns.to_vec());
        for (row, column, samples) in [
            ("2 KiB", 0, [9.0, 30.0, 12.0].as_slice()),
            ("2 KiB", 1, &[18.0, 10.0, 12.0]),
            ("64 KiB", 0, &[5.0, 7.0]),
            ("64 KiB", 1, &[12.0]),
            ("1 MiB", 0, &[1234.4]),
        ] {
            samples.iter().for_each(|one| table.add(row, column, *one));
        }
        table
    }

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 100.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 100.0, 2.0]), Some(3.0));
        assert_eq!(spread(&[8.0, 10.0, 13.0]), Some(0.5));
        assert_eq!(spread(&[8.0]), None);
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [0.123, 9.87, 15.04, 999.6, 1_234_567.0].map(number);
        assert_eq!(shown, ["0.12", "9.87", "15.0", "1,000", "1,234,567"]);
    }

    #[test]
    fn markdown_has_medians_and_ratios_and_no_empty_column() {
        let text = filled().markdown();
        assert!(
            text.contains("| | Cartgate | HAProxy |\n|---|---:|---:|\n"),
            "{text}"
        );
        assert!(
            text.contains("| 2 KiB | 12.0 (1.00) | 12.0 (1.00) |"),
            "{text}"
        );
        assert!(text.contains("| 1 MiB | 1,234 | - |"), "{text}");
        assert!(text.contains("up to 175 %"), "{text}");
    }

    #[test]
    fn ratios_are_taken_within_a_round_where_all_took_part() {
        let table = filled();
        let ratios: Vec<_> = table.ratios().map(|(_, ratios)| ratios[0]).collect();
        // The ratios of the rounds are 0.5, 3 and 1. If a round is missing, the ratio of the
        // medians counts.
        assert_eq!(ratios, [Some(1.0), Some(0.5), None]);
        let plain = filled().plain();
        assert!(plain.ratios().all(|(_, ratios)| ratios[0].is_none()));
    }

    #[test]
    fn two_rows_are_compared_within_a_round() {
        let mut table = Table::new("t", "us", vec!["a".to_owned()]);
        for (with, without) in [(10.0, 10.0), (40.0, 20.0), (33.0, 30.0)] {
            table.add("with", 0, with);
            table.add("without", 0, without);
        }
        assert_eq!(table.ratio_of_rows("with", "without", 0), Some(1.1));
        assert_eq!(table.ratio_of_rows("with", "another", 0), None);
    }

    #[test]
    fn json_has_every_sample() {
        let json = filled().json();
        assert_eq!(
            json["rows"][0]["cells"][0]["samples"],
            json!([9.0, 30.0, 12.0])
        );
        assert_eq!(json["rows"][0]["cells"][1]["ratio"], json!(1.0));
        assert_eq!(json["rows"][2]["cells"].as_array().map(Vec::len), Some(1));
        assert_eq!(json["rows"][2]["cells"][0]["ratio"], Value::Null);
    }
}
