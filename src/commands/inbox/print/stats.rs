//! The content of an inbox as text and as JSON.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;
use serde_json::{Value, json};

use super::text::{age, destination, rfc3339, safe};
use crate::{
    inbox::{control::InboxStats, store::QueueStats},
    runtime::clock::Millis,
};

/// The content of an inbox as a table.
pub(crate) struct StatsTable<'s> {
    pub(crate) inbox: &'s InboxStats,
    pub(crate) now: Millis,
}

impl Display for StatsTable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_totals(f)?;
        write!(
            f,
            "\n{:<24}  {:>9}  {:>9}  {:>11}  OLDEST",
            "DESTINATION", "PENDING", "DEAD", "QUARANTINED"
        )?;
        let mut queues = self.inbox.stats.queues.iter();
        queues.try_for_each(|queue| self.write_queue(f, queue))
    }
}

impl StatsTable<'_> {
    fn write_totals(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let InboxStats {
            stats,
            most_events,
            most_bytes,
            outage,
            ..
        } = self.inbox;
        let (bytes, most_bytes) = (ByteSize(stats.bytes), ByteSize(*most_bytes));
        let events = stats.events;
        write!(
            f,
            "{events} of {most_events} events, {bytes} of {most_bytes}"
        )?;
        if let Some(wal) = stats.wal {
            write!(f, ", {} of write-ahead log", ByteSize(wal))?;
        }
        if let Some(outage) = outage {
            write!(f, "\nEVENTS CANNOT BE STORED: {}", safe(outage))?;
        }
        Ok(())
    }

    fn write_queue(&self, f: &mut Formatter<'_>, queue: &QueueStats) -> fmt::Result {
        let oldest = queue.oldest.map(|oldest| age(oldest, self.now).to_string());
        write!(
            f,
            "\n{:<24}  {:>9}  {:>9}  {:>11}  {}",
            destination(&queue.queue),
            queue.pending,
            queue.dead,
            queue.quarantined,
            oldest.as_deref().unwrap_or("-")
        )?;
        if !self.inbox.is_configured(&queue.queue) {
            write!(f, " (not configured)")?;
        }
        Ok(())
    }
}

/// Returns the content of an inbox as JSON.
pub(crate) fn stats_json(inbox: &InboxStats) -> Value {
    let stats = &inbox.stats;
    let destinations = stats.queues.iter().map(|queue| {
        json!({
            "destination": Some(&*queue.queue).filter(|name| !name.is_empty()),
            "configured": inbox.is_configured(&queue.queue),
            "pending": queue.pending,
            "dead": queue.dead,
            "quarantined": queue.quarantined,
            "oldest": queue.oldest.map(rfc3339),
        })
    });
    json!({
        "events": stats.events,
        "max_events": inbox.most_events,
        "bytes": stats.bytes,
        "max_bytes": inbox.most_bytes,
        "wal_bytes": stats.wal,
        "trouble": inbox.outage,
        "destinations": destinations.collect::<Vec<_>>(),
    })
}
