//! What is wrong with a plan although each of its values is valid by itself.

use std::collections::HashMap;

use tower_cartgate::{EventKind, max_buffered};

use super::{
    finding::Finding,
    plan::{DestinationPlan, EndpointPlan, InboxPlan, OnwardPlan, Plan},
};
use crate::{
    admin,
    inbox::{postgres_url, settings::StoreAddress},
    net::connect::Trust,
};

impl Plan {
    /// What each value for itself does not rule out.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn check(mut self) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        self.check_memory(&mut findings);
        self.check_addresses(&mut findings);
        self.check_names(&mut findings);
        if let Some(admin) = &self.admin
            && let Err(error) = admin::may_listen(&admin.listen, admin.token.is_some())
        {
            findings.push(Finding::new(admin.at, error));
        }
        if let Some(inbox) = &self.inbox {
            self.check_inbox(inbox, &mut findings);
        }
        for endpoint in &self.endpoints {
            check_endpoint(endpoint, &mut findings);
        }
        self.warnings
            .extend(self.endpoints.iter().filter_map(unwanted));
        if findings.is_empty() {
            Ok(self)
        } else {
            Err(findings)
        }
    }

    fn check_memory(&self, findings: &mut Vec<Finding>) {
        let largest = self.endpoints.iter().map(|one| one.max_body).max();
        let needed = max_buffered(largest.unwrap_or(0));
        if needed > self.server.limits.memory {
            let message = format!(
                "too little memory for one body of the largest `max_body`; give it at least {needed} bytes"
            );
            findings.push(Finding::new(self.server.memory_at, message));
        }
    }

    fn check_names(&self, findings: &mut Vec<Finding>) {
        let (mut names, mut routes) = (HashMap::new(), HashMap::new());
        for endpoint in &self.endpoints {
            if let Some(first) = names.insert(&endpoint.name, endpoint.at) {
                let message = format!("the endpoint at {first} has the same name");
                findings.push(Finding::new(endpoint.at, message));
            }
            let route = (endpoint.path.to_string(), &endpoint.host);
            if let Some(first) = routes.insert(route, endpoint.at) {
                let message = format!("the endpoint at {first} has the same path and host");
                findings.push(Finding::new(endpoint.at, message));
            }
        }
        let mut queues = HashMap::new();
        let durable = self.endpoints.iter().flat_map(|one| one.onward.queues());
        for DestinationPlan { at, name, .. } in durable.map(|queue| &queue.destination) {
            if let Some(first) = queues.insert(name, *at) {
                let message = format!(
                    "the durable destination at {first} has the same name, by which its events wait; give it another `name`"
                );
                findings.push(Finding::new(*at, message));
            }
        }
    }

    fn check_inbox(&self, inbox: &InboxPlan, findings: &mut Vec<Finding>) {
        inbox.check(findings);
        let durable = |one: &&EndpointPlan| matches!(one.onward, OnwardPlan::Durable { .. });
        let largest = self.endpoints.iter().filter(durable);
        let largest = largest.map(|one| one.max_body).max();
        if largest.is_some_and(|largest| largest > inbox.limits.bytes) {
            let message = "the inbox may hold less than one body of the largest `max_body`";
            findings.push(Finding::new(inbox.at, message));
        }
    }
}

impl InboxPlan {
    /// Adds what does not go together.
    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        if let (StoreAddress::Postgres(url), Some((at, _))) = (&self.store, &self.ca_file)
            && let Err(error) = postgres_url::parse(url, true)
        {
            findings.push(Finding::new(*at, error));
        }
        let mut find = |at, message: &str| findings.push(Finding::new(at, message));
        match self.store {
            StoreAddress::Postgres(_) if self.key.is_none() => find(
                self.at,
                "PostgreSQL needs a key of the seals, the same for each gate",
            ),
            StoreAddress::Postgres(_) => {}
            StoreAddress::Sqlite(_) => {
                if let Some((at, _)) = self.password {
                    find(at, "SQLite asks for no password");
                }
                if let Some((at, _)) = self.ca_file {
                    find(at, "SQLite is a file here, and shows no certificate");
                }
            }
        }
    }
}

fn check_endpoint(endpoint: &EndpointPlan, findings: &mut Vec<Finding>) {
    for destination in endpoint.onward.destinations() {
        if matches!(destination.settings.trust, Trust::CaFile(_)) && !destination.address.is_tls() {
            let message =
                "a CA file says whose certificates are believed, and only an https URL shows one";
            findings.push(Finding::new(destination.at, message));
        }
    }
    let only = endpoint.event.permitted().iter();
    if let Some(kind) = only.copied().find(|kind| !endpoint.event.can_be(*kind)) {
        let message = format!(
            "`only` lets `{kind}` through, but no text is named that means it, so none ever comes"
        );
        findings.push(Finding::new(endpoint.at, message));
    }
}

/// A warning where a durable endpoint is open for events that none of its destinations wants.
fn unwanted(endpoint: &EndpointPlan) -> Option<Finding> {
    let queues = endpoint.onward.queues();
    if queues.is_empty() {
        return None;
    }
    let permitted = endpoint.event.permitted();
    let comes = |kind: &EventKind| {
        endpoint.event.can_be(*kind) && (permitted.is_empty() || permitted.contains(kind))
    };
    let wanted = |kind: &EventKind| {
        let mut kinds = queues.iter().map(|queue| &queue.kinds);
        kinds.any(|kinds| kinds.is_empty() || kinds.contains(kind))
    };
    let unwanted: Vec<_> = EventKind::ALL
        .iter()
        .filter(|kind| comes(kind) && !wanted(kind))
        .map(|kind| format!("`{kind}`"))
        .collect();
    (!unwanted.is_empty()).then(|| {
        let kinds = unwanted.join(" and ");
        let message = format!(
            "events of kind {kinds} can come, and no destination wants them: they become dead letters"
        );
        Finding::new(endpoint.at, message)
    })
}
