//! `[inbox]`: where the events of durable endpoints are stored. There is one exactly where an endpoint is durable.

use std::cell::Cell;

use super::{
    document::{Table, Value},
    secret,
};
use crate::{
    config::{
        finding::{Finding, Place},
        plan::InboxPlan,
        value,
    },
    inbox::settings::{Limits, Settings, StoreAddress},
    secret::source,
};

/// The inbox of a file, perhaps with mistakes, and whether an endpoint asks for it.
pub(super) struct Inbox<'d, 't> {
    /// Whether anything stands there.
    written: bool,
    table: Option<Table<'d, 't>>,
    plan: Option<InboxPlan>,
    asked: Cell<bool>,
}

pub(super) fn read<'d, 't>(file: &mut Table<'d, 't>) -> Inbox<'d, 't> {
    let value = file.take("inbox");
    let written = value.is_some();
    let mut table = value.and_then(Value::table);
    Inbox {
        written,
        plan: table.as_mut().and_then(inbox),
        table,
        asked: Cell::new(false),
    }
}

impl Inbox<'_, '_> {
    /// An endpoint is durable.
    pub(super) fn ask(&self) {
        self.asked.set(true);
    }

    /// The plan, or that there is none to be; nothing if it has mistakes. What does not go together with the endpoints, which
    /// have been read by now, is reported.
    #[expect(clippy::option_option, reason = "a mistake is no inbox, and not none")]
    pub(super) fn close(self, file: &Table<'_, '_>) -> Option<Option<InboxPlan>> {
        if let Some(table) = self.table {
            if !self.asked.get() {
                table.misses("no endpoint is `durable`, so nothing would ever be stored here");
            }
            table.close();
        }
        if self.written {
            return self.plan.map(Some);
        }
        if self.asked.get() {
            file.misses("`inbox` is missing: a table [inbox] with at least `store`, since an endpoint is `durable`");
        }
        Some(None)
    }
}

fn inbox(table: &mut Table<'_, '_>) -> Option<InboxPlan> {
    let what = "such as \"sqlite:/var/lib/cartgate/inbox.db\" or \"postgres://USER@HOST/DATABASE\"";
    let store = table.demand("store", what);
    let store = store.and_then(|store| store.text(str::parse::<StoreAddress>));
    let password = named(table, "password");
    let ca_file = table
        .take("ca_file")
        .and_then(|file| file.text(value::path));
    let key = named(table, "key");
    let encryption_key = named(table, "encryption_key");
    let floor = table.take("disk_floor");
    if let (Some(floor), Some(StoreAddress::Postgres(_))) =
        (&floor, store.as_ref().map(|at| &at.value))
    {
        let message = "how full its disk is, PostgreSQL does not say; this is for SQLite";
        table.add(Finding::new(floor.place(), message));
    }
    let limits = limits(table, floor);
    let retain = table.text("retain", value::pause);
    let store = store?;
    Some(InboxPlan {
        at: store.place,
        password: password?,
        ca_file: ca_file.map(|at| (at.place, at.value)),
        key: key?,
        encryption_key: encryption_key?,
        limits,
        retain: retain.unwrap_or(Settings::new(store.value.clone()).retain),
        store: store.value,
    })
}

fn limits(table: &mut Table<'_, '_>, floor: Option<Value<'_, '_>>) -> Limits {
    let default = Limits::default();
    let events = table.number("max_events", value::count);
    let bytes = table.number("max_bytes", value::size);
    let floor = floor.and_then(|floor| floor.number(value::size));
    let copies = table.number("max_copies", value::copies);
    Limits {
        events: events.map_or(default.events, |events| events as u64),
        bytes: bytes.map_or(default.bytes, |size| size.as_u64()),
        disk_floor: floor.map_or(default.disk_floor, |size| size.value.as_u64()),
        copies: copies.unwrap_or(default.copies),
    }
}

/// The place of a secret, with where it was named; none inside if there is none.
#[expect(clippy::option_option, reason = "a mistake is no secret, and not none")]
fn named(table: &mut Table<'_, '_>, key: &'static str) -> Option<Option<(Place, source::Place)>> {
    let Some(value) = table.take(key) else {
        return Some(None);
    };
    let at = value.place();
    let source = value.table().and_then(secret::source)?;
    Some(Some((at, source)))
}
