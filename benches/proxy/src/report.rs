//! The report: the machine, the tables and the omissions, as Markdown, JSON and a chart.

use std::{fs, io, path::Path};

use serde_json::json;

use crate::{aims, bench::Bench, plot, table::Table};

const INTRODUCTION: &str = "
In brackets: the ratio to HAProxy, computed per round. CPU is the time that the kernel counted for all
processes of a proxy. If a proxy used less than its core at saturation, the load generator was the limit,
and its CPU is more meaningful than its requests per second.
";

/// The column of the gate.
const GATE: usize = 0;

/// The results.
pub(crate) struct Report {
    /// The tables. The chart shows the first.
    pub(crate) tables: Vec<Table>,
    pub(crate) left_out: Vec<String>,
    about: Vec<String>,
}

impl Report {
    pub(crate) fn new(bench: &Bench) -> Self {
        let mut about = vec![
            format!(
                "{}, {} cores: the proxy on the first, the load and the app on the rest",
                processor(),
                bench.cores()
            ),
            format!("Linux {}", read("/proc/sys/kernel/osrelease")),
            format!("load average before: {}", read("/proc/loadavg")),
            format!(
                "medians of {} rounds, peers in turn, {:.1} s each after {:.1} s to warm up",
                bench.scale.rounds,
                bench.scale.span.as_secs_f64(),
                bench.scale.warm.as_secs_f64()
            ),
        ];
        let versions = bench.peers.iter().filter_map(|peer| peer.version().ok());
        let mut versions: Vec<String> = versions.collect();
        versions.dedup();
        about.extend(versions);
        Self {
            tables: Vec::new(),
            left_out: Vec::new(),
            about,
        }
    }

    pub(crate) fn end(&mut self) {
        self.about
            .push(format!("load average after: {}", read("/proc/loadavg")));
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for line in &self.about {
            text.push_str(&format!("- {line}\n"));
        }
        text.push_str(INTRODUCTION);
        text.push('\n');
        text.push_str(&aims::markdown(&self.tables, GATE));
        for table in &self.tables {
            text.push('\n');
            text.push_str(&table.markdown());
        }
        text.push_str("\n### Left out\n\n");
        if self.left_out.is_empty() {
            text.push_str("Nothing.\n");
        }
        for note in &self.left_out {
            text.push_str(&format!("- {note}\n"));
        }
        text
    }

    /// Writes the report into a directory.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("bench.md"), self.markdown())?;
        let tables: Vec<_> = self.tables.iter().map(Table::json).collect();
        let json = json!({ "about": self.about, "tables": tables, "left_out": self.left_out });
        fs::write(folder.join("bench.json"), format!("{json:#}\n"))?;
        if let Some(first) = self.tables.first() {
            fs::write(folder.join("bench.svg"), plot::svg(first, &plot::title()))?;
        }
        Ok(())
    }
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = line.map(|line| line.trim_start_matches([' ', '\t', ':']).to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}
