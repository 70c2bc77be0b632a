//! The profile of an endpoint as text.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;

use super::text::safe;
use crate::profile::view::{
    ChangeView, EndpointView, HeaderCount, NameCount, PointerKind, PointerView, RepeatsView,
    SpacingView,
};

/// The profile of an endpoint: the sender, a table of pointers, changes and suggestions.
pub(crate) struct ProfileTable<'p>(pub(crate) &'p EndpointView);

impl Display for ProfileTable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let own = self.0;
        write!(f, "{}", safe(&own.endpoint))?;
        let Some(since) = &own.since else {
            return write!(f, ": nothing learned yet");
        };
        let (deliveries, bodies, since) = (own.deliveries, own.bodies, safe(since));
        write!(
            f,
            ": {deliveries} deliveries with {bodies} bodies since {since}"
        )?;
        self.write_sender(f)?;
        for change in &own.changes {
            write_change(f, change)?;
        }
        self.write_pointers(f)?;
        if !own.toml.is_empty() {
            write!(f, "\n\n{}", own.toml.trim_end())?;
        }
        Ok(())
    }
}

impl ProfileTable<'_> {
    fn write_sender(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let own = self.0;
        write_line(f, "methods", &names(&own.methods, own.deliveries))?;
        write_line(
            f,
            "content types",
            &names(&own.content_types, own.deliveries),
        )?;
        write_line(f, "headers", &headers(&own.headers, own.deliveries))?;
        if let Some(sizes) = &own.sizes {
            let [p50, p90, p99, max] = [sizes.p50, sizes.p90, sizes.p99, sizes.max].map(ByteSize);
            let text = format!("{p50} (90 %: {p90}, 99 %: {p99}, largest {max})");
            write_line(f, "sizes", &text)?;
        }
        write_line(f, "retries", &retries(&own.repeats))?;
        let kinds = own.kinds.iter();
        let kinds = kinds.map(|one| format!("{} {}", safe(&one.kind), one.bodies));
        write_line(f, "event kinds", &kinds.collect::<Vec<_>>().join(", "))?;
        let odd = [(own.not_json, "no JSON"), (own.too_large, "too large")];
        let odd = odd.iter().filter(|(count, _)| *count > 0);
        let odd: Vec<_> = odd.map(|(count, what)| format!("{count} {what}")).collect();
        write_line(f, "not read", &odd.join(", "))
    }

    fn write_pointers(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pointers = &self.0.pointers;
        if pointers.is_empty() {
            return Ok(());
        }
        let lengths = pointers
            .iter()
            .map(|one| safe(&one.pointer).chars().count());
        let width = lengths.max().unwrap_or_default().max("POINTER".len());
        write!(f, "\n\n  {:<width$}  {:<20}  MARKS", "POINTER", "TYPE")?;
        for one in pointers {
            let (pointer, types) = (safe(&one.pointer), safe(&one.types.join("|")));
            write!(f, "\n  {pointer:<width$}  {types:<20}  {}", marks(one))?;
        }
        Ok(())
    }
}

fn write_line(f: &mut Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    if text.is_empty() {
        return Ok(());
    }
    write!(f, "\n  {label:<14}{text}")
}

fn write_change(f: &mut Formatter<'_>, change: &ChangeView) -> fmt::Result {
    let pointer = match &*change.pointer {
        "" => "JSON".to_owned(),
        pointer => safe(pointer),
    };
    let (kind, since) = (safe(&change.kind), safe(&change.since));
    let (bodies, absent) = (change.bodies, change.absent);
    write!(
        f,
        "\n  CHANGED       {pointer} occurred in {bodies} bodies of kind {kind}, \
         and is missing in the last {absent}, since {since}"
    )
}

fn names(all: &[NameCount], deliveries: u64) -> String {
    let all = all.iter();
    let all = all.map(|one| named_share(&one.name, one.count, deliveries));
    all.collect::<Vec<_>>().join(", ")
}

fn headers(all: &[HeaderCount], deliveries: u64) -> String {
    let all = all.iter();
    let all = all.map(|one| named_share(&one.name, one.count, deliveries));
    all.collect::<Vec<_>>().join(", ")
}

/// Returns a name, with its share of the deliveries unless all have it.
fn named_share(name: &str, count: u64, deliveries: u64) -> String {
    let name = safe(name);
    if count >= deliveries {
        return name;
    }
    let percent = u128::from(count) * 100 / u128::from(deliveries.max(1));
    match percent {
        0 => format!("{name} (under 1 %)"),
        percent => format!("{name} ({percent} %)"),
    }
}

fn retries(repeats: &RepeatsView) -> String {
    if repeats.bodies == 0 {
        return String::new();
    }
    let spacing: Vec<_> = repeats.spacing.iter().map(wait).collect();
    let (bodies, most) = (repeats.bodies, repeats.most);
    let spacing = spacing.join(", ");
    format!("{bodies} bodies came again, one {most} times; after {spacing}")
}

fn wait(spacing: &SpacingView) -> String {
    match spacing.p50_ms {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms => {
            let seconds = std::time::Duration::from_secs(ms / 1_000);
            humantime::format_duration(seconds).to_string()
        }
    }
}

/// Returns the facts about a pointer that a setting may use.
fn marks(one: &PointerView) -> String {
    let mut marks: Vec<String> = one.kinds.iter().map(|kind| occurrence(kind, one)).collect();
    if one.event_name {
        marks.push("event name".to_owned());
    }
    if let Some(distinct) = one.distinct {
        let plural = if distinct == 1 { "" } else { "s" };
        marks.push(format!("{distinct} value{plural}"));
    }
    if one.unique {
        marks.push("unique so far".to_owned());
    }
    if let Some(time) = one.time {
        marks.push(format!("time ({})", time.as_str()));
    }
    if one.missing {
        marks.push("MISSING".to_owned());
    }
    marks.join(", ")
}

fn occurrence(kind: &PointerKind, one: &PointerView) -> String {
    let often = match kind.always {
        true => "always".to_owned(),
        false => format!("in {}", kind.count),
    };
    if one.kinds.len() > 1 {
        format!("{often} ({})", safe(&kind.kind))
    } else {
        often
    }
}
