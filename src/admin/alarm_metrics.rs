//! The metrics of the receivers of alarms.

use std::fmt;

use crate::{
    admin::openmetrics::Page,
    alarm::meter::{AlarmMeter, AlarmMeters},
};

/// Writes the metrics of the receivers of alarms.
pub(super) fn write(page: &mut Page<'_>, meters: &AlarmMeters) -> fmt::Result {
    let all = meters.all();
    let each = |value: fn(&AlarmMeter) -> u64| {
        let samples = all.iter();
        samples.map(move |(name, own)| ([("alarm", name.as_str())], value(own)))
    };
    page.counters(
        "cartgate_alarms_sent",
        "Messages that a receiver of alarms accepted",
        each(|own| own.sent.number()),
    )?;
    page.counters(
        "cartgate_alarms_failed",
        "Attempts to send a message to a receiver of alarms that failed",
        each(|own| own.failed.number()),
    )?;
    page.counters(
        "cartgate_alarms_dropped",
        "Messages to a receiver of alarms that were given up",
        each(|own| own.dropped.number()),
    )?;
    let failing = |own: &AlarmMeter| u64::from(own.failing.number() > 0);
    page.gauges(
        "cartgate_alarm_failing",
        "1 while the last attempt to send a message to a receiver of alarms has failed",
        each(failing).map(|(labels, is)| (labels, is as f64)),
    )
}
