//! Writes a page of OpenMetrics text, family by family. `prometheus-client` defines the format, and
//! `exposition` the content.

use std::{fmt, iter::once};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeCounterValue, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use crate::telemetry::histogram::Histogram;

/// The name and the value of a label.
pub(super) type Label<'l> = (&'static str, &'l str);

/// A page that is being written. The format adds `_total` to the names of counters.
pub(super) struct Page<'p>(DescriptorEncoder<'p>);

/// Returns the one sample of a family without labels.
pub(super) fn one<T>(value: T) -> impl Iterator<Item = ([Label<'static>; 0], T)> {
    once(([], value))
}

impl<'p> Page<'p> {
    pub(super) fn new(encoder: DescriptorEncoder<'p>) -> Self {
        Self(encoder)
    }

    /// Writes a family of counters.
    pub(super) fn counters<'l, const N: usize, T: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], T)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, samples, |series, value| {
            series.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }

    /// Writes a family of gauges.
    pub(super) fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], f64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, samples, |series, value| {
            series.encode_gauge(&value)
        })
    }

    /// Writes a family of timestamps. The samples are in milliseconds, the page shows seconds.
    pub(super) fn times<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], u64)>,
    ) -> fmt::Result {
        let seconds = |(labels, millis)| (labels, millis as f64 / 1000.0);
        self.gauges(name, help, samples.into_iter().map(seconds))
    }

    /// Writes a family of histograms.
    pub(super) fn histograms<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], &'l Histogram)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Histogram,
            samples,
            |series, value| {
                let filled = value.filled();
                series.encode_histogram::<NoLabelSet>(
                    filled.sum,
                    filled.count,
                    &filled.ranges,
                    None,
                )
            },
        )
    }

    fn family<'l, const N: usize, T>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl IntoIterator<Item = ([Label<'l>; N], T)>,
        write: impl Fn(&mut MetricEncoder<'_>, T) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in samples {
            write(&mut family.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}
