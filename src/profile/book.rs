//! The profiles of all endpoints of a gate.

use std::collections::HashMap;

use super::{
    digest::DigestKey,
    learned::{Facts, Learned},
    rhythm::Rhythm,
    shape::{Change, ShapeEvent},
    stored::{self, StoredError},
    view::EndpointView,
};
use crate::runtime::clock::Millis;

/// The largest number of endpoints with a profile.
const MAX_ENDPOINTS: usize = 64;

/// The number of deliveries up to which each change is worth storing.
const FEW: u64 = 100;

/// The time after which a change is stored in any case.
const LONGEST_UNSAVED: Millis = 10 * 60 * 1_000;

/// The profiles of all endpoints.
#[derive(Debug)]
pub(super) struct Book {
    key: DigestKey,
    pages: HashMap<String, Page>,
}

/// The profile of one endpoint, and the state of its storage.
#[derive(Debug, Default)]
struct Page {
    learned: Learned,
    /// The number of deliveries when it was last stored.
    saved: u64,
    saved_at: Millis,
    /// Whether it must be stored at the next opportunity.
    is_urgent: bool,
}

impl Book {
    pub(super) fn new(key: DigestKey) -> Self {
        Self {
            key,
            pages: HashMap::new(),
        }
    }

    /// Learns a delivery of an endpoint. Returns the news about the shape of its payloads.
    pub(super) fn learn(&mut self, endpoint: &str, facts: &Facts<'_>) -> Vec<ShapeEvent> {
        let Some(page) = self.page(endpoint) else {
            return Vec::new();
        };
        let events = page.learned.learn(facts);
        page.is_urgent |= !events.is_empty();
        events
    }

    fn page(&mut self, endpoint: &str) -> Option<&mut Page> {
        if !self.pages.contains_key(endpoint) {
            if self.pages.len() >= MAX_ENDPOINTS {
                return None;
            }
            self.pages.insert(endpoint.to_owned(), Page::default());
        }
        self.pages.get_mut(endpoint)
    }

    /// Keeps only the profiles of these endpoints.
    pub(super) fn retain(&mut self, is_configured: impl Fn(&str) -> bool) {
        self.pages.retain(|endpoint, _| is_configured(endpoint));
    }

    /// Returns the changes of an endpoint's payloads.
    pub(super) fn changes(&self, endpoint: &str) -> Vec<Change> {
        let page = self.pages.get(endpoint);
        page.map_or_else(Vec::new, |page| page.learned.shape.changes())
    }

    /// Returns the rhythm of an endpoint's deliveries.
    pub(super) fn rhythm(&self, endpoint: &str, now: Millis) -> Rhythm {
        let page = self.pages.get(endpoint);
        page.map_or_else(Rhythm::default, |page| page.learned.rhythm(now))
    }

    /// Accepts the shape of an endpoint's last payloads. Returns the number of changes that end.
    pub(super) fn accept(&mut self, endpoint: &str, now: Millis) -> usize {
        self.page(endpoint).map_or(0, |page| {
            page.is_urgent = true;
            page.learned.accept(now)
        })
    }

    /// Returns the profile of an endpoint, which may have learned nothing. Without `durable` it is
    /// as it was at the last delivery.
    pub(super) fn view(&self, endpoint: &str, durable: Option<bool>) -> EndpointView {
        match self.pages.get(endpoint) {
            Some(page) => {
                let durable = durable.unwrap_or(page.learned.durable);
                EndpointView::new(endpoint, durable, &page.learned)
            }
            None => EndpointView::new(endpoint, durable.unwrap_or(false), &Learned::default()),
        }
    }

    /// Returns the names of all endpoints with a profile, in alphabetical order.
    pub(super) fn endpoints(&self) -> Vec<String> {
        let mut names: Vec<_> = self.pages.keys().cloned().collect();
        names.sort();
        names
    }

    /// Takes over a stored profile if it supersedes the own one, as after a restart, or when another
    /// gate has learned more.
    ///
    /// # Errors
    ///
    /// When the stored profile cannot be used.
    pub(super) fn adopt(&mut self, endpoint: &str, stored: &[u8]) -> Result<(), StoredError> {
        let learned = stored::decode(stored, endpoint, &self.key)?;
        let Some(page) = self.page(endpoint) else {
            return Ok(());
        };
        if learned.supersedes(&page.learned) {
            page.saved = learned.deliveries;
            page.is_urgent = false;
            page.learned = learned;
        }
        Ok(())
    }

    /// Returns the encoded profiles that are worth storing now, with their endpoints. With `all`,
    /// these are all that have changed.
    pub(super) fn unsaved(&mut self, now: Millis, all: bool) -> Vec<(String, Vec<u8>)> {
        let mut unsaved = Vec::new();
        for (endpoint, page) in &mut self.pages {
            if page.is_due(now, all) {
                page.saved = page.learned.deliveries;
                page.saved_at = now;
                page.is_urgent = false;
                let encoded = stored::encode(&page.learned, endpoint, &self.key);
                unsaved.push((endpoint.clone(), encoded));
            }
        }
        unsaved
    }

    /// Notes that a profile could not be stored.
    pub(super) fn not_saved(&mut self, endpoint: &str) {
        if let Some(page) = self.pages.get_mut(endpoint) {
            page.is_urgent = true;
        }
    }
}

impl Page {
    fn is_due(&self, now: Millis, all: bool) -> bool {
        let deliveries = self.learned.deliveries;
        let has_changed = deliveries != self.saved;
        let is_worth = deliveries <= FEW || now.saturating_sub(self.saved_at) >= LONGEST_UNSAVED;
        self.is_urgent || (has_changed && (all || is_worth))
    }
}
