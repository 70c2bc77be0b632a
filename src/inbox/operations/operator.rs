//! Carries operations out, in a running gate or in a command that opened the store itself.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use uuid::Uuid;

use super::{
    attempt_details::AttemptDetails,
    cursor_text::CursorText,
    destinations::Destinations,
    error::OperationError,
    event_details::{EventDetails, OpenedBody},
    inbox_stats::{InboxStats, QueueDetails},
    page_range::PageRange,
    stored_delivery::StoredDelivery,
    stored_page::StoredPage,
};
use crate::{
    delivery::{event::DeliveryState, seal::SealedDelivery},
    inbox::{
        handle::Inbox,
        store::{Cursor, DeliveryRow, ListOrder, Selection},
    },
};

/// The operations on one inbox.
#[derive(Debug, Clone)]
pub(crate) struct Operations {
    inbox: Arc<Inbox>,
    destinations: Destinations,
}

/// The result for one page of deliveries to requeue.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Requeued {
    /// Deliveries that are due now.
    pub(crate) done: u64,
    /// Deliveries that stay in quarantine, because their seals do not hold.
    pub(crate) quarantined: u64,
    /// Deliveries without a destination, or of one that is not configured.
    pub(crate) unserved: u64,
    /// The cursor of the next page, unless this was the last.
    pub(crate) next: Option<Cursor>,
}

/// Events by queue and state of a selected delivery. Their other deliveries are not selected.
type EventGroups<'r> = BTreeMap<(&'r str, DeliveryState), Vec<Uuid>>;

impl Operations {
    pub(crate) fn new(inbox: Arc<Inbox>, destinations: Destinations) -> Self {
        Self {
            inbox,
            destinations,
        }
    }

    /// Returns the inbox.
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Lists a page of deliveries.
    pub(crate) async fn list(&self, page: PageRange) -> Result<StoredPage, OperationError> {
        let rows = self
            .rows(page.selection, page.order, page.after, page.most)
            .await?;
        let next = next_page(&rows, page.most);
        let sealer = &self.inbox.sealer;
        let items = rows
            .into_iter()
            .map(|row| StoredDelivery::new(row, sealer))
            .collect();
        let next = next.map(CursorText);
        Ok(StoredPage { items, next })
    }

    /// Returns one event, without its body.
    pub(crate) async fn show(&self, id: Uuid) -> Result<Option<EventDetails>, OperationError> {
        let Some((event, rows)) = self.inbox.store.show(id).await? else {
            return Ok(None);
        };
        let sealer = &self.inbox.sealer;
        let deliveries = rows.into_iter();
        let deliveries = deliveries.map(|row| StoredDelivery::new(row, sealer));
        let opened = sealer.open(&event);
        let shows = opened.is_ok().then_some(sealer);
        let attempts = self.inbox.attempts.of(id).into_iter();
        let attempts = attempts.map(|attempt| AttemptDetails::new(attempt, shows));
        Ok(Some(EventDetails::new(
            &event,
            &opened,
            deliveries.collect(),
            attempts.collect(),
        )))
    }

    /// Returns the body of one event.
    pub(crate) async fn body(&self, id: Uuid) -> Result<Option<OpenedBody>, OperationError> {
        let found = self.inbox.store.show(id).await?;
        Ok(found.map(|(event, _)| {
            let opened = self.inbox.sealer.open(&event);
            let body = opened.map(|intact| intact.body().clone());
            body.map_err(|broken| broken.to_string())
        }))
    }

    /// Returns the content and the limits of the inbox.
    pub(crate) async fn stats(&self) -> Result<InboxStats, OperationError> {
        let stats = self.inbox.store.stats().await?;
        let limits = self.inbox.settings.limits;
        let queues = stats.queues.into_iter().map(|queue| {
            // The queue without a name needs no destination.
            let configured = queue.queue.is_empty() || self.destinations.serve(&queue.queue);
            QueueDetails::new(queue, configured)
        });
        Ok(InboxStats {
            events: stats.events,
            max_events: limits.events,
            bytes: stats.bytes,
            max_bytes: limits.bytes,
            wal_bytes: stats.wal,
            outage: self.inbox.outage().map(|outage| outage.to_string()),
            destinations: queues.collect(),
        })
    }

    /// Writes a copy of the store to a new file.
    pub(crate) async fn back_up(&self, to: &Path) -> Result<(), OperationError> {
        Ok(self.inbox.store.backup(to).await?)
    }

    /// Counts the selected deliveries.
    pub(crate) async fn count(&self, selection: Selection) -> Result<u64, OperationError> {
        Ok(self.inbox.store.count(selection).await?)
    }

    /// Removes up to `most` selected deliveries. Returns their number.
    pub(super) async fn purge(
        &self,
        selection: Selection,
        most: usize,
    ) -> Result<u64, OperationError> {
        Ok(self.inbox.store.purge(selection, most).await?)
    }

    /// Makes a page of deliveries due again, perhaps at another destination, and wakes the queues.
    pub(super) async fn requeue(
        &self,
        page: PageRange,
        to: Option<&Arc<str>>,
    ) -> Result<Requeued, OperationError> {
        let PageRange {
            selection,
            order,
            after,
            most,
        } = page;
        let rows = self.rows(selection.clone(), order, after, most).await?;
        let (groups, mut requeued) = self.select(&rows, to.is_some()).await?;
        requeued.next = next_page(&rows, most);
        for ((queue, state), ids) in groups {
            let selection = Selection {
                ids,
                queue: Some(queue.to_owned()),
                states: vec![state],
                ..selection.clone()
            };
            let store = &self.inbox.store;
            requeued.done += store
                .requeue(selection, to.cloned(), PageRange::MOST)
                .await?;
        }
        self.destinations.wake();
        Ok(requeued)
    }

    /// Returns the name of a configured destination.
    ///
    /// # Errors
    ///
    /// When no destination has this name.
    pub(super) fn destination(&self, name: &str) -> Result<Arc<str>, OperationError> {
        if self.destinations.serve(name) {
            Ok(name.into())
        } else {
            Err(OperationError::UnknownDestination(name.to_owned()))
        }
    }

    /// Narrows a selection to deliveries without a configured destination.
    pub(super) fn unserved(&self, selection: Selection) -> Selection {
        match self.destinations.names() {
            Some(not_in) => Selection {
                not_in,
                ..selection
            },
            // Any name may be configured.
            None => Selection {
                queue: Some(String::new()),
                ..selection
            },
        }
    }

    async fn rows(
        &self,
        selection: Selection,
        order: ListOrder,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<DeliveryRow>, OperationError> {
        if selection.ids.len() > PageRange::MOST {
            return Err(OperationError::TooManyIds);
        }
        let most = most.clamp(1, PageRange::MOST);
        Ok(self.inbox.store.list(selection, order, after, most).await?)
    }

    /// Selects the deliveries that can be requeued, and counts the others.
    async fn select<'r>(
        &self,
        rows: &'r [DeliveryRow],
        is_move: bool,
    ) -> Result<(EventGroups<'r>, Requeued), OperationError> {
        let (mut groups, mut requeued) = (EventGroups::new(), Requeued::default());
        for row in rows {
            if row.state == DeliveryState::Quarantined && !self.is_intact(row).await? {
                requeued.quarantined += 1;
            } else if !is_move && !self.destinations.serve(&row.queue) {
                requeued.unserved += 1;
            } else {
                let group = (&*row.queue, row.state);
                groups.entry(group).or_default().push(row.event);
            }
        }
        Ok((groups, requeued))
    }

    /// Returns whether the seals of a delivery and of its event hold. After a quarantine they may
    /// hold again: a copy has replaced the body, or the fault was in memory and not on the disk.
    async fn is_intact(&self, row: &DeliveryRow) -> Result<bool, OperationError> {
        let sealer = &self.inbox.sealer;
        let delivery = SealedDelivery {
            event: row.event,
            queue: &row.queue,
            copy: row.copy,
            first_received: row.first_received,
        };
        if !sealer.deliveries().holds(&delivery, &row.seal) {
            return Ok(false);
        }
        let found = self.inbox.store.show(row.event).await?;
        Ok(found.is_some_and(|(event, _)| sealer.open(&event).is_ok()))
    }
}

/// Returns the cursor of the next page, unless this page is the last.
fn next_page(rows: &[DeliveryRow], most: usize) -> Option<Cursor> {
    let most = most.clamp(1, PageRange::MOST);
    rows.last().filter(|_| rows.len() == most).map(Cursor::from)
}
