//! Carries commands out, in a running gate or in a command that opened the store itself.

mod error;

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use uuid::Uuid;

use self::error::HandlerError;
use super::{
    command::{Command, Page},
    response::{CommandResponse, EventDetails, HeadDetails, InboxStats, Requeued},
};
use crate::{
    delivery::{Head, event::DeliveryState, seal::SealedDelivery},
    inbox::{
        handle::Inbox,
        store::{Cursor, DeliveryRow, Selection},
    },
};

/// A handler of commands.
pub(crate) struct Handler<'i> {
    pub(crate) inbox: &'i Inbox,
    /// The configured destinations, unless only the store is known.
    pub(crate) destinations: Option<Vec<Arc<str>>>,
}

/// Events by queue and state of a selected delivery. Their other deliveries are not selected.
type Groups<'r> = HashMap<(&'r str, DeliveryState), Vec<Uuid>>;

impl Handler<'_> {
    /// Carries a command out.
    pub(crate) async fn handle(&self, command: Command) -> Result<CommandResponse, HandlerError> {
        let store = &self.inbox.store;
        match command {
            Command::List(page) => {
                let (selection, most) = (checked(page.selection)?, page.most.min(Page::MOST));
                let rows = store.list(selection, page.after, most).await?;
                Ok(CommandResponse::Listed(self.with_responses(rows)))
            }
            Command::Show { id, body } => self.show(id, body).await.map(CommandResponse::Shown),
            Command::Requeue { page, to } => {
                let requeued = self.requeue(page, to).await;
                requeued.map(CommandResponse::Requeued)
            }
            Command::Purge { selection, most } => {
                let most = most.min(Page::MOST);
                let purged = store.purge(checked(selection)?, most).await?;
                Ok(CommandResponse::Purged(purged))
            }
            Command::Backup { to } => {
                store.backup(&to).await?;
                Ok(CommandResponse::Written)
            }
            Command::Stats => self.stats().await.map(CommandResponse::Stats),
        }
    }

    /// Adds the responses of apps, as far as this process can decrypt them.
    fn with_responses(&self, mut rows: Vec<DeliveryRow>) -> Vec<DeliveryRow> {
        for row in &mut rows {
            let stored = row.stored_response.take();
            let text = stored.and_then(|stored| self.inbox.sealer.read_note(&stored));
            row.response = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        }
        rows
    }

    async fn stats(&self) -> Result<InboxStats, HandlerError> {
        let names = self.destinations.as_ref();
        let limits = self.inbox.settings.limits;
        Ok(InboxStats {
            stats: self.inbox.store.stats().await?,
            most_events: limits.events,
            most_bytes: limits.bytes,
            outage: self.inbox.outage().map(|outage| outage.to_string()),
            destinations: names.map(|names| names.iter().map(ToString::to_string).collect()),
        })
    }

    async fn show(&self, id: Uuid, body: bool) -> Result<Option<Box<EventDetails>>, HandlerError> {
        let Some((event, deliveries)) = self.inbox.store.show(id).await? else {
            return Ok(None);
        };
        let opened = self.inbox.sealer.open(&event);
        let broken = opened.as_ref().err().map(ToString::to_string);
        let intact = opened.ok();
        let with_body = intact.as_ref().filter(|_| body);
        Ok(Some(Box::new(EventDetails {
            id: event.id,
            endpoint: event.endpoint.to_string(),
            kind: event.kind.as_str().to_owned(),
            received: event.received,
            broken,
            body: with_body.map(|intact| BASE64_STANDARD.encode(intact.body())),
            head: intact.as_ref().map(|intact| details(intact.head())),
            deliveries: self.with_responses(deliveries),
        })))
    }

    async fn requeue(&self, page: Page, to: Option<String>) -> Result<Requeued, HandlerError> {
        let to = to.map(|to| self.configured(&to)).transpose()?;
        let Page {
            selection,
            after,
            most,
        } = page;
        let (selection, most) = (checked(selection)?, most.clamp(1, Page::MOST));
        let store = &self.inbox.store;
        let rows = store.list(selection.clone(), after, most).await?;
        // A move without an explicit selection skips deliveries whose destination is configured.
        let only_unserved = to.is_some() && selection.ids.is_empty() && selection.queue.is_none();
        let (groups, mut requeued) = self.select(&rows, to.is_some(), only_unserved).await?;
        requeued.next = rows.last().filter(|_| rows.len() == most).map(Cursor::from);
        for ((queue, state), ids) in groups {
            let selection = Selection {
                ids,
                queue: Some(queue.to_owned()),
                states: vec![state],
                ..selection.clone()
            };
            requeued.done += store.requeue(selection, to.clone(), Page::MOST).await?;
        }
        Ok(requeued)
    }

    /// Selects the deliveries that can be requeued, and counts the others.
    async fn select<'r>(
        &self,
        rows: &'r [DeliveryRow],
        is_move: bool,
        only_unserved: bool,
    ) -> Result<(Groups<'r>, Requeued), HandlerError> {
        let (mut groups, mut requeued) = (Groups::new(), Requeued::default());
        for row in rows {
            let is_served = self.is_served(&row.queue);
            if row.state == DeliveryState::Quarantined && !self.is_intact(row).await? {
                requeued.quarantined += 1;
            } else if !is_move && !is_served {
                requeued.unserved += 1;
            } else if !(only_unserved && is_served) {
                let group = (&*row.queue, row.state);
                groups.entry(group).or_default().push(row.event);
            }
        }
        Ok((groups, requeued))
    }

    /// Returns whether the seals of a delivery and of its event hold. After a quarantine they may
    /// hold again: a copy has replaced the body, or the fault was in memory and not on the disk.
    async fn is_intact(&self, row: &DeliveryRow) -> Result<bool, HandlerError> {
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

    /// Returns whether a configured destination takes the deliveries of a queue.
    fn is_served(&self, queue: &str) -> bool {
        let names = self.destinations.as_ref();
        !queue.is_empty() && names.is_none_or(|names| names.iter().any(|name| **name == *queue))
    }

    fn configured(&self, to: &str) -> Result<Arc<str>, HandlerError> {
        if self.is_served(to) {
            Ok(to.into())
        } else {
            Err(HandlerError::Destination(to.to_owned()))
        }
    }
}

/// Returns the selection, unless it names more events than one statement takes.
fn checked(selection: Selection) -> Result<Selection, HandlerError> {
    if selection.ids.len() > Page::MOST {
        return Err(HandlerError::TooMany);
    }
    Ok(selection)
}

fn details(head: &Head) -> HeadDetails {
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    HeadDetails {
        method: head.method.to_string(),
        target: head.target.to_string(),
        secret: head.secret.to_string(),
        peer: head.peer.to_string(),
        headers: headers.collect(),
    }
}

#[cfg(test)]
mod tests;
