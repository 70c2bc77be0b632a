//! A bar chart of a table as SVG: the gate is one, and each group has a bar per peer.

use std::fmt::Write;

use crate::table::{AGAIN, GATE, Row, Table};

/// The title of the chart of costs.
pub(crate) const TITLE: &str = "CPU per verified request, Cartgate = 1 (lower is better)";

const COLOURS: [&str; 4] = ["#1f6feb", "#8b949e", "#2da44e", "#bf8700"];
const BAR: usize = 34;
const GAP: usize = 36;
const LEFT: usize = 48;
const TOP: usize = 64;
const HEIGHT: f64 = 240.0;
const BELOW: usize = 36;

/// The highest ratio. Taller bars are cut and show their number.
const MOST: f64 = 2.0;

/// Returns the SVG.
pub(crate) fn svg(table: &Table, title: &str) -> String {
    let groups = table.rows();
    let columns: Vec<usize> = (0..table.columns().len())
        .filter(|column| table.columns()[*column] != AGAIN)
        .filter(|column| {
            groups
                .iter()
                .any(|row| ratio(table, row, *column).is_some())
        })
        .collect();
    let group = columns.len() * BAR + GAP;
    // The chart is at least as wide as its title.
    let width = (LEFT + groups.len() * group).max(560) + 16;
    let height = TOP + HEIGHT as usize + BELOW;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" fill=\"#1f2328\">{}</text>\n",
        escaped(title)
    );
    for (place, column) in columns.iter().enumerate() {
        legend(
            &mut text,
            LEFT + place * 110,
            *column,
            &table.columns()[*column],
        );
    }
    for tick in [0.0, 0.5, 1.0, 1.5, 2.0] {
        line(&mut text, tick, width);
    }
    for (number, row) in groups.iter().enumerate() {
        let left = LEFT + GAP / 2 + number * group;
        for (place, column) in columns.iter().enumerate() {
            if let Some(ratio) = ratio(table, row, *column) {
                bar(&mut text, left + place * BAR, *column, ratio);
            }
        }
        let (middle, below) = (left + columns.len() * BAR / 2, height - 14);
        add(
            &mut text,
            format_args!(
                "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\" fill=\"#1f2328\">{}</text>",
                escaped(&row.label)
            ),
        );
    }
    text.push_str("</svg>\n");
    text
}

/// Returns the number of a peer, divided by that of the gate.
fn ratio(table: &Table, row: &Row, column: usize) -> Option<f64> {
    if column == GATE {
        return row.median(GATE).map(|_| 1.0);
    }
    Some(table.ratio(row, column)?.inverse().median)
}

fn legend(text: &mut String, left: usize, column: usize, name: &str) {
    let (colour, beside) = (colour(column), left + 16);
    let name = escaped(name);
    let line = format_args!(
        "<rect x=\"{left}\" y=\"34\" width=\"11\" height=\"11\" fill=\"{colour}\"/>\
         <text x=\"{beside}\" y=\"44\" fill=\"#1f2328\">{name}</text>"
    );
    add(text, line);
}

fn line(text: &mut String, tick: f64, width: usize) {
    let (y, end) = (height_of(tick), width - 16);
    let colour = if tick == 1.0 { "#57606a" } else { "#d8dee4" };
    let (beside, below) = (LEFT - 8, y + 4.0);
    let line = format_args!(
        "<line x1=\"{LEFT}\" x2=\"{end}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\"/>\
         <text x=\"{beside}\" y=\"{below:.1}\" text-anchor=\"end\" fill=\"#57606a\">{tick:.1}</text>"
    );
    add(text, line);
}

fn bar(text: &mut String, left: usize, column: usize, ratio: f64) {
    let (y, colour) = (height_of(ratio.min(MOST)), colour(column));
    let (width, height) = (BAR - 4, height_of(0.0) - y);
    let (middle, above) = (left + width / 2, y - 4.0);
    let line = format_args!(
        "<rect x=\"{left}\" y=\"{y:.1}\" width=\"{width}\" height=\"{height:.1}\" fill=\"{colour}\"/>\
         <text x=\"{middle}\" y=\"{above:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#1f2328\">{ratio:.2}</text>"
    );
    add(text, line);
}

fn height_of(ratio: f64) -> f64 {
    TOP as f64 + HEIGHT * (1.0 - ratio / (MOST * 1.05))
}

fn colour(column: usize) -> &'static str {
    COLOURS[column % COLOURS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn add(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Better;

    #[test]
    fn a_bar_for_each_ratio_and_none_beyond_the_frame() {
        let columns = ["Cartgate", "a<b", "none", AGAIN].map(str::to_owned);
        let mut table = Table::new("CPU", "us", Better::Less, columns.into());
        for (row, column, sample) in [
            ("200 B", 0, 10.0),
            ("200 B", 1, 8.0),
            ("200 B", 3, 10.0),
            ("1 MiB", 0, 10.0),
            ("1 MiB", 1, 50.0),
        ] {
            table.add(row, column, sample);
        }
        let svg = svg(&table, "a & b");
        for text in [
            "a &amp; b",
            "a&lt;b",
            ">0.80<",
            ">5.00<",
            ">200 B<",
            ">1 MiB<",
        ] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
        // The background, two squares of the legend and four bars. An unmeasured peer has neither.
        assert_eq!(svg.matches("<rect").count(), 7, "{svg}");
        assert!(!svg.contains("y=\"-"), "{svg}");
    }
}
