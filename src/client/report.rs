//! The results of many deliveries: counts by status, and percentiles of latency.

use std::{collections::BTreeMap, fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{response::ResponseSummary, send_error::SendError};

/// The results of a run.
#[derive(Clone, Debug)]
pub struct RunReport {
    statuses: BTreeMap<u16, u64>,
    failures: BTreeMap<String, u64>,
    micros: Histogram<u64>,
    took: Duration,
}

impl RunReport {
    pub(crate) fn new() -> Self {
        const SIGNIFICANT_DIGITS: u8 = 3;
        const LONGEST_MICROS: u64 = 60 * 60 * 1_000_000;
        Self {
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            micros: Histogram::new_with_max(LONGEST_MICROS, SIGNIFICANT_DIGITS)
                .expect("an hour and three digits are allowed"),
            took: Duration::ZERO,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent() == 0
    }

    pub(crate) fn count(&mut self, outcome: &Result<ResponseSummary, SendError>) {
        match outcome {
            Ok(response) => {
                *self.statuses.entry(response.status.as_u16()).or_default() += 1;
                let micros = u64::try_from(response.took.as_micros()).unwrap_or(u64::MAX);
                self.micros.saturating_record(micros);
            }
            Err(reason) => *self.failures.entry(reason.to_string()).or_default() += 1,
        }
    }

    pub(crate) fn finished(mut self, took: Duration) -> Self {
        self.took = took;
        self
    }

    /// Returns the number of deliveries, with or without a response.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.statuses.values().chain(self.failures.values()).sum()
    }

    /// Returns whether every delivery got a 2xx.
    #[must_use]
    pub fn all_taken(&self) -> bool {
        self.failures.is_empty()
            && self
                .statuses
                .keys()
                .all(|status| (200..300).contains(status))
    }

    /// Returns the figures, as `--json` prints them.
    #[must_use]
    pub fn figures(&self) -> Figures<'_> {
        let seconds = self.took.as_secs_f64();
        Figures {
            sent: self.sent(),
            all_taken: self.all_taken(),
            statuses: &self.statuses,
            failures: &self.failures,
            seconds,
            per_second: if seconds > 0.0 {
                self.sent() as f64 / seconds
            } else {
                0.0
            },
            latency_us: (!self.micros.is_empty()).then(|| self.latency()),
        }
    }

    fn latency(&self) -> Latency {
        Latency {
            min: self.micros.min(),
            p50: self.micros.value_at_quantile(0.5),
            p90: self.micros.value_at_quantile(0.9),
            p99: self.micros.value_at_quantile(0.99),
            max: self.micros.max(),
        }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Figures<'r> {
    sent: u64,
    all_taken: bool,
    statuses: &'r BTreeMap<u16, u64>,
    failures: &'r BTreeMap<String, u64>,
    seconds: f64,
    per_second: f64,
    latency_us: Option<Latency>,
}

/// Latencies in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Latency {
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sent       {} in {:.2} s, {:.0} a second",
            self.sent, self.seconds, self.per_second
        )?;
        for (status, count) in self.statuses {
            writeln!(f, "{status:<10} {count}")?;
        }
        for (reason, count) in self.failures {
            writeln!(f, "failed     {count}: {reason}")?;
        }
        match &self.latency_us {
            Some(latency) => write!(f, "latency    {latency}"),
            None => f.write_str("latency    no response"),
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, p50, p90, p99, max] =
            [self.min, self.p50, self.p90, self.p99, self.max].map(millis);
        write!(
            f,
            "min {min}, p50 {p50}, p90 {p90}, p99 {p99}, max {max} ms"
        )
    }
}

fn millis(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    use http::{HeaderMap, StatusCode};

    fn answered(status: StatusCode, millis: u64) -> Result<ResponseSummary, SendError> {
        let took = Duration::from_millis(millis);
        Ok(ResponseSummary {
            status,
            headers: HeaderMap::new(),
            beginning: Vec::new(),
            truncated: false,
            took,
        })
    }

    #[test]
    fn only_a_run_of_2xx_is_all_taken() {
        let mut report = RunReport::new();
        report.count(&answered(StatusCode::OK, 1));
        report.count(&answered(StatusCode::ACCEPTED, 1));
        assert!(report.all_taken());
        let mut refused = report.clone();
        refused.count(&answered(StatusCode::UNAUTHORIZED, 1));
        assert!(!refused.all_taken());
        report.count(&Err(SendError::TimedOut));
        assert!(!report.all_taken());
    }

    #[test]
    fn statuses_are_counted_and_latencies_ranked() {
        let mut report = RunReport::new();
        for millis in 1..=100 {
            report.count(&answered(StatusCode::OK, millis));
        }
        report.count(&Err(SendError::TimedOut));
        let report = report.finished(Duration::from_secs(2));
        let figures = serde_json::to_value(report.figures()).expect("plain data");
        assert_eq!(figures["sent"], 101);
        assert_eq!(figures["statuses"]["200"], 100);
        assert_eq!(figures["failures"]["no response in time"], 1);
        assert_eq!(figures["per_second"], 50.5);
        let p90 = figures["latency_us"]["p90"].as_u64().expect("a number");
        assert!((89_900..=90_200).contains(&p90), "{p90}");
        assert!(report.figures().to_string().contains("p50 50."));
    }

    #[test]
    fn a_run_without_a_response_has_no_latencies() {
        let mut report = RunReport::new();
        report.count(&Err(SendError::TimedOut));
        assert!(report.figures().to_string().ends_with("no response"));
    }
}
