//! A transaction as the pieces of work in it see it: the tables, the time, and the totals, which are kept right here.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::fault::Fault;
use crate::{
    delivery::seal::DeliverySeals,
    inbox::{
        settings::Limits,
        store::{Limit, StoreError},
    },
    runtime::clock::Millis,
};

/// What is stored in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

/// What a piece of work may use.
pub(super) struct Books<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Millis,
    pub(super) limits: &'a Limits,
    pub(super) seals: &'a DeliverySeals,
    /// Whether the disk has more left than its floor.
    pub(super) space: bool,
    /// Why nothing may come in, if so.
    pub(super) barred: Option<&'a StoreError>,
    pub(super) usage: Usage,
}

impl Usage {
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let sum = "SELECT sum(events), sum(bytes) FROM usage";
        db.query_row(sum, [], |row| {
            Ok(Self {
                events: number(row, 0)?,
                bytes: number(row, 1)?,
            })
        })
    }

    /// One process writes, so there is one shard.
    pub(super) fn write(self, books: &Books<'_>) -> rusqlite::Result<()> {
        let stored = |number| i64::try_from(number).unwrap_or(i64::MAX);
        books
            .statement("UPDATE usage SET events = ?, bytes = ? WHERE shard = 0")?
            .execute((stored(self.events), stored(self.bytes)))?;
        Ok(())
    }
}

impl Books<'_> {
    /// Runs a statement without values, as often as it comes.
    pub(super) fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.statement(sql)?.execute([]).map(drop)
    }

    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.db.prepare_cached(sql)
    }

    /// What stands under a name, which is this value unless there is one already.
    pub(super) fn init_meta(&self, name: &str, value: &[u8]) -> rusqlite::Result<Vec<u8>> {
        self.statement("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")?
            .execute((name, value))?;
        self.statement("SELECT value FROM meta WHERE name = ?")?
            .query_row([name], |row| row.get(0))
    }

    /// Whether anything may come in.
    pub(super) fn is_open(&self) -> Result<(), Fault> {
        let barred = self.barred.cloned();
        barred.map_or(Ok(()), |barred| Err(Fault::Refused(barred)))
    }

    /// Whether an event of so many bytes may come in.
    pub(super) fn has_room(&self, bytes: u64) -> Result<(), Fault> {
        let full = if !self.space {
            Limit::Disk
        } else if self.usage.events >= self.limits.events {
            Limit::Events
        } else if self.usage.bytes.saturating_add(bytes) > self.limits.bytes {
            Limit::Bytes
        } else {
            return Ok(());
        };
        Err(Fault::Refused(StoreError::Full(full)))
    }

    pub(super) fn entered(&mut self, bytes: u64) {
        self.usage.events += 1;
        self.usage.bytes += bytes;
    }

    /// Whether an event is not delivered everywhere.
    pub(super) fn is_undelivered(&self, event: Uuid) -> rusqlite::Result<bool> {
        self.statement("SELECT EXISTS (SELECT 1 FROM delivery WHERE event = ? AND state <> 1)")?
            .query_row([event.as_bytes()], |row| row.get(0))
    }

    /// Sets right what is known of an event's body after the event's deliveries have changed, and removes the event if
    /// nothing of it needs to stay: no delivery is left, or it is a copy that was delivered everywhere. A copy with a unique
    /// value stays as long as a first event would, because later arrivals are compared with it.
    pub(super) fn changed(&mut self, event: Uuid, was_undelivered: bool) -> rusqlite::Result<()> {
        let is_undelivered = self.is_undelivered(event)?;
        if is_undelivered != was_undelivered {
            let by = i64::from(is_undelivered) - i64::from(was_undelivered);
            self.statement(
                "UPDATE body SET undelivered = undelivered + ? WHERE id = (SELECT body FROM event WHERE id = ?)",
            )?
            .execute((by, event.as_bytes()))?;
        }
        if !is_undelivered && self.is_spent(event)? {
            self.remove(event)?;
        }
        Ok(())
    }

    fn is_spent(&self, event: Uuid) -> rusqlite::Result<bool> {
        self.statement(
            "SELECT NOT EXISTS (SELECT 1 FROM delivery WHERE event = e.id) OR copy > 0 AND mark IS NULL
             FROM event AS e WHERE id = ?",
        )?
        .query_row([event.as_bytes()], |row| row.get(0))
        .optional()
        .map(|spent| spent.unwrap_or(false))
    }

    /// Removes an event that is delivered everywhere or has no delivery left, and its body with the last that refers to it.
    pub(super) fn remove(&mut self, event: Uuid) -> rusqlite::Result<()> {
        let id = event.as_bytes();
        self.statement("DELETE FROM delivery WHERE event = ?")?
            .execute([id])?;
        let (body, head): (i64, u64) = self
            .statement("DELETE FROM event WHERE id = ? RETURNING body, length(head)")?
            .query_row([id], |row| Ok((row.get(0)?, number(row, 1)?)))?;
        let left: i64 = self
            .statement("UPDATE body SET events = events - 1 WHERE id = ? RETURNING events")?
            .query_row([body], |row| row.get(0))?;
        let bytes = if left > 0 { 0 } else { self.remove_body(body)? };
        self.usage.events = self.usage.events.saturating_sub(1);
        self.usage.bytes = self.usage.bytes.saturating_sub(head + bytes);
        Ok(())
    }

    fn remove_body(&self, body: i64) -> rusqlite::Result<u64> {
        let bytes = self
            .statement("DELETE FROM content WHERE body = ? RETURNING length(bytes)")?
            .query_row([body], |row| number(row, 0))?;
        self.statement("DELETE FROM body WHERE id = ?")?
            .execute([body])?;
        Ok(bytes)
    }
}

/// A number that is never below nothing, whatever stands in the file.
pub(super) fn number<N: TryFrom<i64> + Default>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<N> {
    Ok(N::try_from(row.get(column)?).unwrap_or_default())
}
