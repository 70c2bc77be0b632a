//! The targets of the gate, beside the results. They decide nothing, because a busy machine can
//! miss any of them.

use std::fmt::Write;

use crate::{table::Table, viewers};

/// A target.
struct Aim {
    table: &'static str,
    /// The beginning of the row's label.
    row: &'static str,
    reads: Reads,
    bound: Bound,
}

/// The number of a row that counts.
enum Reads {
    /// The gate's number, divided by that of HAProxy.
    Ratio,
    /// The gate's number.
    Own,
    /// The gate's number, divided by that of its row with this label, round by round.
    Against(&'static str),
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const CPU: &str = "CPU per verified request";
const TAIL: &str = "99th percentile of latency at a fixed load";
const IDLE: &str = "Memory per idle connection that has carried a request";
const BURST: &str = "Memory around a burst of 64 bodies of 1 MiB at once";

const AIMS: [Aim; 13] = [
    aim(CPU, "200 B", Reads::Ratio, Bound::AtMost(0.90)),
    aim(CPU, "2 KiB", Reads::Ratio, Bound::AtMost(0.90)),
    aim(CPU, "64 KiB", Reads::Ratio, Bound::AtMost(0.85)),
    aim(CPU, "1 MiB", Reads::Ratio, Bound::AtMost(0.85)),
    aim(
        "Verified requests per second at saturation",
        "2 KiB",
        Reads::Ratio,
        Bound::AtLeast(1.15),
    ),
    aim(
        "Rejections per second at saturation",
        "2 KiB",
        Reads::Ratio,
        Bound::AtLeast(1.5),
    ),
    aim(TAIL, "200 B", Reads::Ratio, Bound::AtMost(1.1)),
    aim(TAIL, "2 KiB", Reads::Ratio, Bound::AtMost(1.1)),
    aim(TAIL, "64 KiB", Reads::Ratio, Bound::AtMost(1.1)),
    aim(
        viewers::TABLE,
        viewers::WITH,
        Reads::Against(viewers::WITHOUT),
        Bound::AtMost(1.03),
    ),
    aim(IDLE, "1000", Reads::Own, Bound::AtMost(13.0 * 1024.0)),
    aim(IDLE, "5000", Reads::Own, Bound::AtMost(13.0 * 1024.0)),
    aim(
        BURST,
        "60 s later",
        Reads::Against("before"),
        Bound::AtMost(1.1),
    ),
];

const fn aim(table: &'static str, row: &'static str, reads: Reads, bound: Bound) -> Aim {
    Aim {
        table,
        row,
        reads,
        bound,
    }
}

/// Returns a table of all measured targets. `column` is that of the gate.
pub(crate) fn markdown(tables: &[Table], column: usize) -> String {
    let mut text = "### Targets\n\n| | target | result | |\n|---|---:|---:|---|\n".to_owned();
    for aim in &AIMS {
        let Some(reached) = aim.reached(tables, column) else {
            continue;
        };
        let (aimed, is_met) = match aim.bound {
            Bound::AtMost(most) => (format!("at most {most}"), reached <= most),
            Bound::AtLeast(least) => (format!("at least {least}"), reached >= least),
        };
        let verdict = if is_met { "" } else { "missed" };
        let line = format!(
            "| {}, {}{} | {aimed} | {reached:.2} | {verdict} |",
            aim.table,
            aim.row,
            aim.against()
        );
        writeln!(text, "{line}").expect("a String takes all that is written");
    }
    text
}

impl Aim {
    fn reached(&self, tables: &[Table], column: usize) -> Option<f64> {
        let table = tables.iter().find(|table| table.name() == self.table)?;
        match self.reads {
            Reads::Ratio => table.ratio_at(self.row, column),
            Reads::Own => table.median_at(self.row, column),
            Reads::Against(other) => table.ratio_of_rows(self.row, other, column),
        }
    }

    fn against(&self) -> String {
        match self.reads {
            Reads::Ratio => ", against HAProxy".to_owned(),
            Reads::Own => String::new(),
            Reads::Against(other) => format!(", against {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, rows: &[(&str, f64, f64)]) -> Table {
        let columns = ["Cartgate", "HAProxy"].map(str::to_owned);
        let mut table = Table::new(name, "", columns.into());
        for (row, own, base) in rows {
            table.add(row, 0, *own);
            table.add(row, 1, *base);
        }
        table
    }

    #[test]
    fn what_is_missed_is_said_and_what_was_not_measured_is_not() {
        let tables = [
            table(CPU, &[("200 B", 9.0, 10.0), ("2 KiB", 19.0, 20.0)]),
            table(TAIL, &[("2 KiB at 700/s", 3.0, 2.0)]),
            table(BURST, &[("before", 100.0, 1.0), ("60 s later", 110.0, 1.0)]),
        ];
        let text = markdown(&tables, 0);
        let lines: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(
            lines,
            [
                "| CPU per verified request, 200 B, against HAProxy | at most 0.9 | 0.90 |  |",
                "| CPU per verified request, 2 KiB, against HAProxy | at most 0.9 | 0.95 | missed |",
                "| 99th percentile of latency at a fixed load, 2 KiB, against HAProxy | at most 1.1 | 1.50 | missed |",
                "| Memory around a burst of 64 bodies of 1 MiB at once, 60 s later, against before | at most 1.1 | 1.10 |  |",
            ]
        );
    }
}
