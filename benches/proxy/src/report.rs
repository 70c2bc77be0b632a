//! The report: the machine, the tables and the omissions, as Markdown, JSON and a chart.

use std::{fs, io, path::Path};

use serde_json::json;

use crate::{bench::Bench, counts::Results, figures, plot, table::Table};

const INTRODUCTION: &str = "\
In brackets after a peer's number: the gate's number, divided by it. All ratios are medians of the ratios
within each round, with the interval in which the true median lies with a probability of 95 %. CPU is
the time that the kernel counted for all threads of a proxy. If a proxy used less than its core at
saturation, the load generator was the limit, and its CPU is more meaningful than its requests per second.
";

/// The results.
pub(crate) struct Report {
    /// The tables. The chart shows the first.
    pub(crate) tables: Vec<Table>,
    pub(crate) counts: Option<Results>,
    pub(crate) left_out: Vec<String>,
    about: Vec<String>,
}

impl Report {
    pub(crate) fn new(bench: &Bench) -> Self {
        let scale = &bench.scale;
        let mut about = vec![
            format!(
                "{}, {} cores: the proxy on the first, the load and the app on the rest",
                processor(),
                bench.cores()
            ),
            format!("Linux {}", read("/proc/sys/kernel/osrelease")),
            format!("load average before: {}", read("/proc/loadavg")),
            format!(
                "{} rounds of {:.1} s for each peer, after {:.2} s to warm up; at a fixed load {} rounds of {:.1} s",
                scale.rounds,
                scale.span.as_secs_f64(),
                scale.warm.as_secs_f64(),
                scale.paced_rounds,
                scale.paced_span.as_secs_f64()
            ),
        ];
        for version in bench.peers.iter().filter_map(|peer| peer.version().ok()) {
            if !about.contains(&version) {
                about.push(version);
            }
        }
        Self {
            tables: Vec::new(),
            counts: None,
            left_out: Vec::new(),
            about,
        }
    }

    pub(crate) fn end(&mut self) {
        self.about
            .push(format!("load average after: {}", read("/proc/loadavg")));
    }

    pub(crate) fn markdown(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let about = self.about.iter().map(|line| format!("- {line}\n"));
        parts.push(about.collect());
        parts.push(self.noise());
        parts.push(INTRODUCTION.to_owned());
        parts.push(figures::markdown(&self.tables, self.counts.as_ref()));
        let tables = self.tables.iter().filter(|table| !table.rows().is_empty());
        parts.extend(tables.map(Table::markdown));
        if let Some(counts) = &self.counts {
            parts.push(format!("### Counts per request\n\n{}", counts.markdown()));
        }
        parts.push(self.omissions());
        parts.join("\n")
    }

    /// States the ratio of two gates that do the same, for a small and for a large body.
    fn noise(&self) -> String {
        let cpu = self.tables.first();
        let ratio = |row| {
            let noise = cpu.and_then(|table| table.noise(table.row(row)?));
            noise.map_or_else(|| "unknown".to_owned(), |noise| noise.to_string())
        };
        format!(
            "The noise of the machine: the same gate ran twice, and \"against itself\" is the ratio of both. For the\n\
             CPU per verified request it is {} at 200 B, and {} at 64 KiB.\n",
            ratio("200 B"),
            ratio("64 KiB")
        )
    }

    fn omissions(&self) -> String {
        let notes = self.left_out.iter().map(|note| format!("- {note}\n"));
        let notes: String = notes.collect();
        let notes = if notes.is_empty() {
            "Nothing.\n"
        } else {
            &notes
        };
        format!("### Left out\n\n{notes}")
    }

    /// Writes the report into a directory.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("bench.md"), self.markdown())?;
        let tables: Vec<_> = self.tables.iter().map(Table::json).collect();
        let json = json!({ "about": self.about, "tables": tables, "left_out": self.left_out });
        fs::write(folder.join("bench.json"), format!("{json:#}\n"))?;
        if let Some(first) = self.tables.first() {
            fs::write(folder.join("bench.svg"), plot::svg(first, plot::TITLE))?;
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
