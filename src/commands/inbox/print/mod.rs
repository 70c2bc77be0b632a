//! How deliveries, events and stocks look: for people within 80 columns and with ages, as JSON with times. What came from
//! outside is made safe for a terminal.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    admin::status::Span,
    delivery::event::DeliveryState,
    inbox::{
        control::{EventDetails, InboxStats},
        store::DeliveryRow,
    },
    runtime::clock::{Millis, system_time},
    text::{rfc3339, terminal::printable},
};

/// Above the lines of a list.
pub(super) const HEADINGS: &str =
    "EVENT                                 AGE        STATE        LAST  DESTINATION";

/// Columns that are left for a destination's name.
const NAME: usize = 12;

/// Columns of a line.
const COLUMNS: usize = 80;

/// A delivery on one line, and why its last attempt failed on another.
pub(super) struct Line<'l> {
    pub(super) one: &'l DeliveryRow,
    pub(super) now: Millis,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let DeliveryRow {
            event,
            received,
            state,
            queue,
            ..
        } = self.one;
        let age = age(*received, self.now).to_string();
        let (state, last) = (word(*state), last(self.one));
        write!(
            f,
            "{event}  {age:<9}  {state:<11}  {last:<4}  {}",
            short(&named(queue), NAME)
        )?;
        match why(self.one) {
            Some(why) => write!(f, "\n  {}", short(&why, COLUMNS - 2)),
            None => Ok(()),
        }
    }
}

/// Why the last attempt failed: the reason, the status, and the response's first line.
fn why(one: &DeliveryRow) -> Option<String> {
    let mut why = safe(one.reason.as_deref()?);
    if let Some(status) = one.status {
        why += &format!(" {status}");
    }
    if let Some(response) = &one.response {
        why += &format!(": {}", safe(response));
    }
    Some(why)
}

/// The last response's status; `err` without one.
fn last(one: &DeliveryRow) -> String {
    match (one.status, one.last) {
        (Some(status), _) => status.to_string(),
        (None, None) => "-".to_owned(),
        (None, Some(_)) => "err".to_owned(),
    }
}

fn word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Dead => "dead",
        DeliveryState::Quarantined => "quarantined",
    }
}

/// A destination's name, or that there is none.
fn named(queue: &str) -> String {
    if queue.is_empty() {
        "(none)".to_owned()
    } else {
        printable(queue.as_bytes())
    }
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn age(then: Millis, now: Millis) -> Span {
    let seconds = |time: Millis| u64::try_from(time / 1000).unwrap_or_default();
    Span::since(seconds(then), seconds(now))
}

fn rfc3339(time: Millis) -> String {
    rfc3339::millis(system_time(time))
}

/// A delivery as JSON.
#[derive(Serialize)]
pub(super) struct Row<'l> {
    id: Uuid,
    endpoint: &'l str,
    destination: Option<&'l str>,
    kind: &'l str,
    state: DeliveryState,
    received: String,
    attempts: u32,
    due: Option<String>,
    last: Option<String>,
    status: Option<u16>,
    reason: Option<&'l str>,
    response: Option<&'l str>,
    copy: u32,
    seen: u32,
    first_received: String,
    size: u64,
}

impl<'l> Row<'l> {
    pub(super) fn of(one: &'l DeliveryRow) -> Self {
        Self {
            id: one.event,
            endpoint: &one.endpoint,
            destination: Some(&*one.queue).filter(|queue| !queue.is_empty()),
            kind: &one.kind,
            state: one.state,
            received: rfc3339(one.received),
            attempts: one.attempts,
            due: one.due.map(rfc3339),
            last: one.last.map(rfc3339),
            status: one.status,
            reason: one.reason.as_deref(),
            response: one.response.as_deref(),
            copy: one.copy,
            seen: one.seen,
            first_received: rfc3339(one.first_received),
            size: one.size,
        }
    }
}

/// An event as JSON.
pub(super) fn event(shown: &EventDetails) -> Value {
    let head = shown.head.as_ref().map(|head| {
        json!({
            "method": head.method,
            "target": head.target,
            "secret": head.secret,
            "peer": head.peer,
            "headers": head.headers,
        })
    });
    let deliveries: Vec<_> = shown.deliveries.iter().map(Row::of).collect();
    json!({
        "id": shown.id,
        "endpoint": shown.endpoint,
        "kind": shown.kind,
        "received": rfc3339(shown.received),
        "intact": shown.broken.is_none(),
        "broken": shown.broken,
        "head": head,
        "deliveries": deliveries,
    })
}

/// An event for people.
pub(super) struct Event<'s> {
    pub(super) shown: &'s EventDetails,
    pub(super) now: Millis,
}

impl Display for Event<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.shown;
        let ago = age(shown.received, self.now);
        writeln!(f, "event     {}", shown.id)?;
        writeln!(f, "endpoint  {}", safe(&shown.endpoint))?;
        writeln!(f, "kind      {}", safe(&shown.kind))?;
        writeln!(f, "received  {} ({ago} ago)", rfc3339(shown.received))?;
        if let Some(one) = shown.deliveries.first() {
            writeln!(f, "size      {}", ByteSize(one.size))?;
            if one.seen > 1 {
                let (first, before) = (rfc3339(one.first_received), one.copy);
                let seen = one.seen;
                writeln!(
                    f,
                    "copies    {before} came before it, {seen} in all, the first at {first}"
                )?;
            }
        }
        match &shown.broken {
            None => writeln!(f, "seal      holds")?,
            Some(why) => writeln!(f, "seal      {}", safe(why))?,
        }
        self.head(f)?;
        let mut deliveries = shown.deliveries.iter();
        write!(f, "deliveries")?;
        deliveries.try_for_each(|one| self.delivery(f, one))
    }
}

impl Event<'_> {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(head) = &self.shown.head else {
            return Ok(());
        };
        writeln!(f, "secret    {}", safe(&head.secret))?;
        writeln!(f, "from      {}", safe(&head.peer))?;
        writeln!(f, "head      {} {}", safe(&head.method), safe(&head.target))?;
        for (name, value) in &head.headers {
            writeln!(f, "          {}: {}", safe(name), safe(value))?;
        }
        Ok(())
    }

    fn delivery(&self, f: &mut Formatter<'_>, one: &DeliveryRow) -> fmt::Result {
        let (name, state, attempts) = (named(&one.queue), word(one.state), one.attempts);
        write!(f, "\n          {name}: {state} after {attempts} attempts")?;
        if let Some(last) = one.last {
            write!(f, ", last {} ago", age(last, self.now))?;
        }
        let status = one.status.map(|status| status.to_string());
        if let Some(result) = why(one).or(status) {
            write!(f, " ({result})")?;
        }
        match one.due {
            Some(due) if due > self.now => write!(f, ", next in {}", age(self.now, due)),
            Some(_) => write!(f, ", due now"),
            None => Ok(()),
        }
    }
}

/// What there is, for people.
pub(super) struct Stock<'h> {
    pub(super) holdings: &'h InboxStats,
    pub(super) now: Millis,
}

impl Display for Stock<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let InboxStats {
            stats,
            most_events,
            most_bytes,
            ..
        } = self.holdings;
        let (bytes, most_bytes) = (ByteSize(stats.bytes), ByteSize(*most_bytes));
        write!(
            f,
            "{} of {most_events} events, {bytes} of {most_bytes}",
            stats.events
        )?;
        if let Some(wal) = stats.wal {
            write!(f, ", {} of write-ahead log", ByteSize(wal))?;
        }
        if let Some(trouble) = &self.holdings.outage {
            write!(f, "\nNOTHING IS ACKNOWLEDGED: {}", safe(trouble))?;
        }
        write!(
            f,
            "\n{:<24}  {:>9}  {:>9}  {:>11}  OLDEST",
            "DESTINATION", "PENDING", "DEAD", "QUARANTINED"
        )?;
        for queue in &stats.queues {
            let oldest = queue.oldest.map(|oldest| age(oldest, self.now).to_string());
            write!(
                f,
                "\n{:<24}  {:>9}  {:>9}  {:>11}  {}",
                named(&queue.queue),
                queue.pending,
                queue.dead,
                queue.quarantined,
                oldest.as_deref().unwrap_or("-")
            )?;
            if !self.holdings.is_configured(&queue.queue) {
                write!(f, " (not configured)")?;
            }
        }
        Ok(())
    }
}

/// What there is, as JSON.
pub(super) fn holdings(holdings: &InboxStats) -> Value {
    let stats = &holdings.stats;
    let destinations = stats.queues.iter().map(|queue| {
        json!({
            "destination": Some(&*queue.queue).filter(|name| !name.is_empty()),
            "configured": holdings.is_configured(&queue.queue),
            "pending": queue.pending,
            "dead": queue.dead,
            "quarantined": queue.quarantined,
            "oldest": queue.oldest.map(rfc3339),
        })
    });
    json!({
        "events": stats.events,
        "max_events": holdings.most_events,
        "bytes": stats.bytes,
        "max_bytes": holdings.most_bytes,
        "wal_bytes": stats.wal,
        "trouble": holdings.outage,
        "destinations": destinations.collect::<Vec<_>>(),
    })
}

fn safe(text: &str) -> String {
    printable(text.as_bytes())
}

#[cfg(test)]
mod tests;
