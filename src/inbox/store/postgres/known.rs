//! Reads what is stored of unique values and of copies, for arrivals to be compared with.

use std::collections::BTreeMap;

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    row::{fixed, number},
    session::Session,
};
use crate::inbox::store::admission::{Copies, Holders, Mark};

type Digest = [u8; 32];

/// Undelivered copies of these bodies, by destination.
pub(super) async fn copies(
    session: &Session,
    bodies: &[i64],
) -> Result<BTreeMap<i64, Copies>, Error> {
    const COPIES: &str = "SELECT e.body, d.queue, count(*) AS copies
         FROM event AS e JOIN delivery AS d ON d.event = e.id
         WHERE e.body = ANY ($1) AND d.state <> 1 GROUP BY e.body, d.queue";
    let mut all: BTreeMap<i64, Copies> = bodies.iter().map(|id| (*id, Copies::new())).collect();
    if bodies.is_empty() {
        return Ok(all);
    }
    for row in session.query(COPIES, &[&bodies]).await? {
        let copies = number::<i64, _>(&row, "copies");
        let of_body = all.entry(row.get("body")).or_default();
        of_body.insert(row.get("queue"), copies);
    }
    Ok(all)
}

/// Sorts destinations that have an event or will get it by the event's unique value.
pub(super) fn by_mark(held: &[Row]) -> BTreeMap<Digest, Holders> {
    let mut all = BTreeMap::<Digest, Holders>::new();
    for row in held {
        let holders = all.entry(fixed(row.get("mark"))).or_default();
        let id: Uuid = row.get("id");
        holders.entry(row.get("queue")).or_insert(id);
    }
    all
}

/// Reads a unique value.
pub(super) fn mark_of(row: &Row) -> Mark {
    Mark {
        first: fixed(row.get("first")),
        second: row.get::<_, Option<&[u8]>>("second").map(fixed),
        reused: row.get("reused"),
    }
}
