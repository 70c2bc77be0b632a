//! A strict parser of OpenMetrics text: any deviation from the standard fails.

use std::collections::{BTreeMap, BTreeSet};

/// The metrics of a gate at one moment.
pub(super) struct Page {
    /// The type and the help of each family.
    pub(super) families: BTreeMap<String, (String, String)>,
    /// Each series as it is written, with its value.
    pub(super) series: BTreeMap<String, f64>,
}

impl Page {
    #[track_caller]
    pub(super) fn parse(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").expect("an end");
        let mut page = Self {
            families: BTreeMap::new(),
            series: BTreeMap::new(),
        };
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").expect("a family's help first");
            let (name, help) = help.split_once(' ').expect("a name and a help");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
            let (same, kind) = kind.and_then(|kind| kind.split_once(' ')).expect("a type");
            assert_eq!(name, same, "help and type of two families");
            assert!(!help.is_empty() && !help.contains('\\'), "{help:?}");
            let described = (kind.to_owned(), help.to_owned());
            let before = page.families.insert(name.to_owned(), described);
            assert!(before.is_none(), "{name} comes twice");
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                page.sample(line, name, kind);
            }
        }
        page.check_histograms();
        page
    }

    /// Returns the value of a series; a missing one is zero.
    #[track_caller]
    pub(super) fn value(&self, series: &str) -> f64 {
        let value = self.series.get(series);
        *value.unwrap_or_else(|| panic!("no {series} in {:#?}", self.series.keys()))
    }

    pub(super) fn has(&self, series: &str) -> bool {
        self.series.contains_key(series)
    }

    /// Returns the names of the series.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.series.keys().map(String::as_str).collect()
    }

    /// Returns the counters that have grown since, and by how much.
    pub(super) fn grown_since(&self, before: &Self) -> BTreeMap<String, f64> {
        let grown = self.series.iter().filter_map(|(series, value)| {
            let own = series.split('{').next().unwrap_or_default();
            let by = value - before.series.get(series).copied().unwrap_or_default();
            (own.ends_with("_total") && by != 0.0).then(|| (series.clone(), by))
        });
        grown.collect()
    }

    #[track_caller]
    fn sample(&mut self, line: &str, family: &str, kind: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("an end of labels")),
            None => (series, ""),
        };
        let suffix = name.strip_prefix(family).expect("a sample of its family");
        let wanted: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("a type that nobody expects: {other}"),
        };
        assert!(wanted.contains(&suffix), "{line}");
        check_labels(labels);
        let value = value.parse().expect("a number");
        let before = self.series.insert(series.to_owned(), value);
        assert!(before.is_none(), "{series} comes twice");
    }

    /// Checks that each bucket includes the smaller ones, and the last one all values.
    fn check_histograms(&self) {
        let mut checked = 0;
        for (series, count) in &self.series {
            let Some((family, labels)) = series.split_once("_count{") else {
                continue;
            };
            let begin = format!("{family}_bucket{{le=\"");
            let end = format!("\",{labels}");
            let bounds = self.series.iter().filter_map(|(series, value)| {
                let bound = series.strip_prefix(&begin)?.strip_suffix(&end)?;
                Some((
                    bound.replace("+Inf", "inf").parse().expect("a bound"),
                    *value,
                ))
            });
            let mut ranges: Vec<(f64, f64)> = bounds.collect();
            ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(ranges.is_sorted_by_key(|(_, value)| *value), "{series}");
            assert_eq!(ranges.last(), Some(&(f64::INFINITY, *count)), "{series}");
            checked += 1;
        }
        assert!(checked > 0, "there is no histogram");
    }
}

/// Checks `name="value",…`: each name once, and no unescaped quote in a value.
#[track_caller]
fn check_labels(mut labels: &str) {
    let mut names = BTreeSet::new();
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").expect("a label");
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(!name.is_empty() && name.chars().all(plain), "{name:?}");
        assert!(names.insert(name), "{name} comes twice");
        let (value, rest) = rest.split_once('"').expect("the end of a value");
        assert!(!value.contains(['\\', '\n']), "{value:?}");
        labels = rest.strip_prefix(',').unwrap_or(rest);
    }
}
