//! The content of an SQLite store that no gate has open.

use std::{collections::BTreeSet, path::Path};

use rusqlite::Connection;
use uuid::Uuid;

/// Returns the ids of all events.
pub(crate) fn ids(file: &Path) -> rusqlite::Result<BTreeSet<String>> {
    let store = Connection::open(file)?;
    let mut rows = store.prepare("SELECT id FROM event")?;
    let ids = rows.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
    ids.map(|id| id.map(|id| Uuid::from_bytes(id).to_string()))
        .collect()
}

/// Checks that each event has its body and its delivery, each body its event, and that SQLite finds
/// no damage.
#[track_caller]
pub(crate) fn is_whole(file: &Path) {
    let store = Connection::open(file).expect("a store");
    let judged = store.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(judged.as_deref(), Ok("ok"));
    let halves = [
        "SELECT count(*) FROM event WHERE body NOT IN (SELECT id FROM body)",
        "SELECT count(*) FROM event WHERE id NOT IN (SELECT event FROM delivery)",
        "SELECT count(*) FROM body WHERE id NOT IN (SELECT body FROM event)",
        "SELECT count(*) FROM delivery WHERE event NOT IN (SELECT id FROM event)",
    ];
    for half in halves {
        let count = store.query_row(half, [], |row| row.get::<_, i64>(0));
        assert_eq!(count, Ok(0), "{half}");
    }
}

/// Changes a row without the gate's knowledge.
pub(crate) fn change(file: &Path, statement: &str) {
    let store = Connection::open(file).expect("a store");
    let changed = store.execute(statement, []).expect("it is done");
    assert!(changed > 0, "{statement}");
}

/// Flips one bit at each place of these bytes in the file, because a page that was left behind may
/// hold them, too.
pub(crate) fn flip(file: &Path, bytes: &[u8]) {
    let store = Connection::open(file).expect("a store");
    let all_in_one = "PRAGMA wal_checkpoint(TRUNCATE)";
    let done = store.query_row(all_in_one, [], |row| row.get::<_, i64>(0));
    assert_eq!(done, Ok(0));
    drop(store);
    let mut content = std::fs::read(file).expect("readable");
    let places = content.windows(bytes.len()).enumerate();
    let places = places.filter(|(_, window)| *window == bytes);
    let places: Vec<_> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "it stands nowhere");
    for place in places {
        content[place + bytes.len() / 2] ^= 1;
    }
    std::fs::write(file, content).expect("written");
}
