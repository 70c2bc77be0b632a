//! What is there, as it is shown.

use tokio_postgres::{Error, Row, types::ToSql};
use tower_cartgate::EventKind;
use uuid::Uuid;

use super::{
    row::{self, LISTED, event_columns, number},
    session::Session,
};
use crate::{
    delivery::event::SealedEvent,
    inbox::store::{Cursor, DeliveryRow, QueueStats, Selection, Stats, postgres::counters::Usage},
};

pub(super) async fn list(
    session: &Session,
    selection: &Selection,
    after: Option<&Cursor>,
    most: usize,
) -> Result<Vec<DeliveryRow>, Error> {
    let rows = each(session, LISTED, selection, after, most).await?;
    Ok(rows.iter().map(row::listed).collect())
}

pub(super) async fn show(
    session: &Session,
    id: Uuid,
) -> Result<Option<(SealedEvent, Vec<DeliveryRow>)>, Error> {
    const EVENT: &str = concat!(
        "SELECT ",
        event_columns!(),
        " FROM event AS e JOIN body AS b ON b.id = e.body WHERE e.id = $1"
    );
    let rows = session.query(EVENT, &[&id]).await?;
    let Some(event) = rows.first().map(row::event) else {
        return Ok(None);
    };
    let all = Selection {
        ids: vec![id],
        ..Selection::default()
    };
    let deliveries = list(session, &all, None, usize::MAX).await?;
    Ok(Some((event, deliveries)))
}

pub(super) async fn stats(session: &Session) -> Result<Stats, Error> {
    const QUEUES: &str = "SELECT d.queue, count(*) FILTER (WHERE d.state = 0) AS pending,
             count(*) FILTER (WHERE d.state = 2) AS dead,
             count(*) FILTER (WHERE d.state = 3) AS quarantined,
             min(e.received) FILTER (WHERE d.state = 0) AS oldest
         FROM delivery AS d JOIN event AS e ON e.id = d.event
         WHERE d.state = 0 OR d.state IN (2, 3) GROUP BY d.queue ORDER BY d.queue";
    let usage = Usage::read(session).await?;
    let queues = session.query(QUEUES, &[]).await?;
    let queue = |row: &Row| QueueStats {
        queue: row.get("queue"),
        pending: number::<i64, _>(row, "pending"),
        dead: number::<i64, _>(row, "dead"),
        quarantined: number::<i64, _>(row, "quarantined"),
        oldest: row.get("oldest"),
    };
    Ok(Stats {
        events: usage.events,
        bytes: usage.bytes,
        wal: None,
        queues: queues.iter().map(queue).collect(),
    })
}

/// The selected deliveries after a place, in the order of their ids. The columns are those of `d`, `e` and `b`.
pub(super) async fn each(
    session: &Session,
    columns: &str,
    selection: &Selection,
    after: Option<&Cursor>,
    most: usize,
) -> Result<Vec<Row>, Error> {
    let mut wanted = Conditions::of(selection);
    if let Some(place) = after {
        wanted.add("(d.event, d.queue) > (", Box::new(place.event));
        wanted.add_more(", ", Box::new(place.queue.clone()));
        wanted.sql.push(')');
    }
    wanted.sql += " ORDER BY d.event, d.queue";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    wanted.add_more(" LIMIT ", Box::new(most));
    let sql = format!(
        "SELECT {columns} FROM delivery AS d JOIN event AS e ON e.id = d.event
         JOIN body AS b ON b.id = e.body WHERE true{}",
        wanted.sql
    );
    let values: Vec<&(dyn ToSql + Sync)> =
        wanted.values.iter().map(|value| &**value as _).collect();
    session.client.query(&sql, &values).await
}

/// A selection as SQL.
#[derive(Default)]
struct Conditions {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync>>,
}

impl Conditions {
    fn of(selection: &Selection) -> Self {
        let mut all = Self::default();
        if !selection.ids.is_empty() {
            all.add("d.event = ANY (", Box::new(selection.ids.clone()));
            all.sql.push(')');
        }
        if let Some(endpoint) = &selection.endpoint {
            all.add("e.endpoint = ", Box::new(endpoint.clone()));
        }
        if let Some(queue) = &selection.queue {
            all.add("d.queue = ", Box::new(queue.clone()));
        }
        if let Some(kind) = selection.kind {
            all.add("e.kind = ", Box::new(EventKind::as_str(kind)));
        }
        if let Some(since) = selection.since {
            all.add("e.received >= ", Box::new(since));
        }
        if let Some(until) = selection.until {
            all.add("e.received < ", Box::new(until));
        }
        if !selection.states.is_empty() {
            // As it stands, so that the index of those that are stuck can be seen to hold them.
            let states = selection
                .states
                .iter()
                .map(|state| (*state as i16).to_string());
            let states: Vec<_> = states.collect();
            all.sql += &format!(" AND d.state IN ({})", states.join(", "));
        }
        all
    }

    fn add(&mut self, sql: &str, value: Box<dyn ToSql + Sync>) {
        self.sql += " AND ";
        self.add_more(sql, value);
    }

    fn add_more(&mut self, sql: &str, value: Box<dyn ToSql + Sync>) {
        self.values.push(value);
        self.sql += &format!("{sql}${}", self.values.len());
    }
}
