//! Carries orders out. The same for a gate that is asked and for a command that opened the store itself.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use uuid::Uuid;

use crate::{
    delivery::{Head, event::DeliveryState, seal::SealedDelivery},
    inbox::{
        Inbox,
        control::command::{Again, Answer, HeadShown, Holdings, Order, Page, Refused, Shown},
        store::{Cursor, DeliveryRow, Selection},
    },
};

/// Where orders are carried out.
pub(crate) struct Desk<'i> {
    pub(crate) inbox: &'i Inbox,
    /// The destinations that are configured; none where only the store is known.
    pub(crate) destinations: Option<Vec<Arc<str>>>,
}

impl Desk<'_> {
    /// Does what is asked.
    pub(crate) async fn carry_out(&self, order: Order) -> Result<Answer, Refused> {
        let store = &self.inbox.store;
        match order {
            Order::List(page) => {
                let (selection, most) = (few(page.selection)?, page.most.min(Page::MOST));
                let listed = store.list(selection, page.after, most).await?;
                Ok(Answer::Listed(self.readable(listed)))
            }
            Order::Show { id, body } => self.show(id, body).await.map(Answer::Shown),
            Order::Again { page, to } => self.again(page, to).await.map(Answer::Again),
            Order::Purge { selection, most } => {
                let most = most.min(Page::MOST);
                Ok(Answer::Purged(store.purge(few(selection)?, most).await?))
            }
            Order::Backup { to } => {
                store.backup(&to).await?;
                Ok(Answer::Written)
            }
            Order::Stats => self.stats().await.map(Answer::Stats),
        }
    }

    /// The deliveries with what apps responded, as far as this process can read it.
    fn readable(&self, mut listed: Vec<DeliveryRow>) -> Vec<DeliveryRow> {
        for one in &mut listed {
            let stored = one.stored_response.take();
            let text = stored.and_then(|stored| self.inbox.sealer.read_note(&stored));
            one.response = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        }
        listed
    }

    async fn stats(&self) -> Result<Holdings, Refused> {
        let names = self.destinations.as_ref();
        let limits = self.inbox.settings.limits;
        Ok(Holdings {
            stats: self.inbox.store.stats().await?,
            most_events: limits.events,
            most_bytes: limits.bytes,
            trouble: self.inbox.trouble().map(|trouble| trouble.to_string()),
            destinations: names.map(|names| names.iter().map(ToString::to_string).collect()),
        })
    }

    async fn show(&self, id: Uuid, body: bool) -> Result<Option<Box<Shown>>, Refused> {
        let Some((event, deliveries)) = self.inbox.store.show(id).await? else {
            return Ok(None);
        };
        let opened = self.inbox.sealer.open(&event);
        let broken = opened.as_ref().err().map(ToString::to_string);
        let intact = opened.ok();
        let wanted = intact.as_ref().filter(|_| body);
        Ok(Some(Box::new(Shown {
            id: event.id,
            endpoint: event.endpoint.to_string(),
            kind: event.kind.as_str().to_owned(),
            received: event.received,
            broken,
            body: wanted.map(|intact| BASE64_STANDARD.encode(intact.body())),
            head: intact.as_ref().map(|intact| head(intact.head())),
            deliveries: self.readable(deliveries),
        })))
    }

    async fn again(&self, page: Page, to: Option<String>) -> Result<Again, Refused> {
        let to = to.map(|to| self.known(&to)).transpose()?;
        let Page {
            selection,
            after,
            most,
        } = page;
        let (selection, most) = (few(selection)?, most.clamp(1, Page::MOST));
        let store = &self.inbox.store;
        let listed = store.list(selection.clone(), after, most).await?;
        let mut again = Again {
            next: listed
                .last()
                .filter(|_| listed.len() == most)
                .map(Cursor::from),
            ..Again::default()
        };
        // Nobody who moves what is stranded means to take from a destination what it is about to get.
        let stranded_alone = to.is_some() && selection.ids.is_empty() && selection.queue.is_none();
        // By queue and state, since an event's other deliveries were not asked for.
        let mut chosen: HashMap<(&str, DeliveryState), Vec<Uuid>> = HashMap::new();
        for one in &listed {
            let serves = self.serves(&one.queue);
            if one.state == DeliveryState::Quarantined && !self.is_intact(one).await? {
                again.quarantined += 1;
            } else if to.is_none() && !serves {
                again.homeless += 1;
            } else if !(stranded_alone && serves) {
                let place = (&*one.queue, one.state);
                chosen.entry(place).or_default().push(one.event);
            }
        }
        for ((queue, state), ids) in chosen {
            let selection = Selection {
                ids,
                queue: Some(queue.to_owned()),
                states: vec![state],
                ..selection.clone()
            };
            again.done += store.requeue(selection, to.clone(), Page::MOST).await?;
        }
        Ok(again)
    }

    /// Returns whether the seals of a delivery and of its event hold. They may hold again after a quarantine: a copy has mended
    /// the body, or the memory that it was read into was at fault and not the disk.
    async fn is_intact(&self, one: &DeliveryRow) -> Result<bool, Refused> {
        let sealer = &self.inbox.sealer;
        let delivery = SealedDelivery {
            event: one.event,
            queue: &one.queue,
            copy: one.copy,
            first_received: one.first_received,
        };
        if !sealer.deliveries().holds(&delivery, &one.seal) {
            return Ok(false);
        }
        let found = self.inbox.store.show(one.event).await?;
        Ok(found.is_some_and(|(event, _)| sealer.open(&event).is_ok()))
    }

    /// Whether somebody takes what is pending there.
    fn serves(&self, queue: &str) -> bool {
        let names = self.destinations.as_ref();
        !queue.is_empty() && names.is_none_or(|names| names.iter().any(|name| **name == *queue))
    }

    fn known(&self, to: &str) -> Result<Arc<str>, Refused> {
        if self.serves(to) {
            Ok(to.into())
        } else {
            Err(Refused::Destination(to.to_owned()))
        }
    }
}

/// The selection, unless it names more events than one statement takes.
fn few(selection: Selection) -> Result<Selection, Refused> {
    if selection.ids.len() > Page::MOST {
        return Err(Refused::Many);
    }
    Ok(selection)
}

fn head(head: &Head) -> HeadShown {
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    HeadShown {
        method: head.method.to_string(),
        target: head.target.to_string(),
        secret: head.secret.to_string(),
        peer: head.peer.to_string(),
        headers: headers.collect(),
    }
}

#[cfg(test)]
mod tests;
