//! A page of OpenMetrics text, written family by family. The format is the affair of
//! `prometheus-client`; what stands on the page is `exposition`'s.

use std::{fmt, iter::once};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeCounterValue, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use crate::telemetry::histogram::Histogram;

/// A label's name and its value.
pub(super) type Label<'l> = (&'static str, &'l str);

/// A page that is being written. Names are given as they are asked for, but for the `_total` of
/// counters, which the format adds.
pub(super) struct Page<'p>(DescriptorEncoder<'p>);

/// The one sample of a family without labels.
pub(super) fn one<T>(value: T) -> impl Iterator<Item = ([Label<'static>; 0], T)> {
    once(([], value))
}

impl<'p> Page<'p> {
    pub(super) fn new(encoder: DescriptorEncoder<'p>) -> Self {
        Self(encoder)
    }

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

    /// Moments, given in milliseconds and shown in seconds.
    pub(super) fn times<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([Label<'l>; N], u64)>,
    ) -> fmt::Result {
        let seconds = |(labels, millis)| (labels, millis as f64 / 1000.0);
        self.gauges(name, help, samples.into_iter().map(seconds))
    }

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
