//! The content of an inbox as text.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;

use super::text::{age, destination, safe};
use crate::{
    inbox::operations::{InboxStats, QueueDetails},
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
        let mut queues = self.inbox.destinations.iter();
        queues.try_for_each(|queue| self.write_queue(f, queue))
    }
}

impl StatsTable<'_> {
    fn write_totals(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let InboxStats {
            events,
            max_events,
            bytes,
            max_bytes,
            wal_bytes,
            outage,
            destinations: _,
        } = self.inbox;
        let (bytes, max_bytes) = (ByteSize(*bytes), ByteSize(*max_bytes));
        write!(f, "{events} of {max_events} events, {bytes} of {max_bytes}")?;
        if let Some(wal) = wal_bytes {
            write!(f, ", {} of write-ahead log", ByteSize(*wal))?;
        }
        if let Some(outage) = outage {
            write!(f, "\nEVENTS CANNOT BE STORED: {}", safe(outage))?;
        }
        Ok(())
    }

    fn write_queue(&self, f: &mut Formatter<'_>, queue: &QueueDetails) -> fmt::Result {
        let oldest = queue.oldest.map(|oldest| age(oldest, self.now).to_string());
        write!(
            f,
            "\n{:<24}  {:>9}  {:>9}  {:>11}  {}",
            destination(queue.destination.as_deref()),
            queue.pending,
            queue.dead,
            queue.quarantined,
            oldest.as_deref().unwrap_or("-")
        )?;
        if !queue.configured {
            write!(f, " (not configured)")?;
        }
        Ok(())
    }
}
