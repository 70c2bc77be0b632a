//! Lists selected deliveries, and shows single events.

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    conditions::Conditions,
    row::{self, event_columns},
    session::Session,
};
use crate::{
    delivery::event::SealedEvent,
    inbox::store::{
        delivery_row::{Cursor, DeliveryRow},
        list_order::ListOrder,
        selection::Selection,
        sql::limit,
    },
};

pub(super) async fn list(
    session: &Session,
    selection: &Selection,
    order: ListOrder,
    after: Option<&Cursor>,
    most: usize,
) -> Result<Vec<DeliveryRow>, Error> {
    let rows = select(session, row::DELIVERY, selection, (order, after, most)).await?;
    Ok(rows.iter().map(row::delivery).collect())
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
    let deliveries = list(
        session,
        &Selection::of_event(id),
        ListOrder::OldestFirst,
        None,
        usize::MAX,
    )
    .await?;
    Ok(Some((event, deliveries)))
}

/// Reads columns of `d`, `e` and `b` for up to so many selected deliveries behind a cursor.
pub(super) async fn select(
    session: &Session,
    columns: &str,
    selection: &Selection,
    (order, after, most): (ListOrder, Option<&Cursor>, usize),
) -> Result<Vec<Row>, Error> {
    let mut conditions = Conditions::of(selection);
    if let Some(cursor) = after {
        conditions.add_cursor(order, cursor);
    }
    let direction = order.direction();
    let limit = conditions.parameter(limit(most));
    let sql = format!(
        "SELECT {columns} FROM delivery AS d JOIN event AS e ON e.id = d.event
         JOIN body AS b ON b.id = e.body WHERE true{}
         ORDER BY d.event {direction}, d.queue {direction} LIMIT {limit}",
        conditions.sql
    );
    session.client.query(&sql, &conditions.values()).await
}
