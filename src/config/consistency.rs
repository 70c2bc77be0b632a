//! Values of a plan that do not go together although each is valid by itself.

use std::collections::HashMap;

use tower_cartgate::{EventKind, max_buffered};

use super::{
    finding::Finding,
    plan::Plan,
    sections::{destination::DestinationPlan, endpoint::EndpointPlan, inbox::InboxPlan},
};
use crate::{
    admin,
    inbox::{postgres_url, settings::StoreAddress},
    net::{destination_address::Address, listener::ListenAddress},
};

impl Plan {
    /// Checks that all values go together.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn check(mut self) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        self.check_memory(&mut findings);
        self.check_addresses(&mut findings);
        self.check_loops(&mut findings);
        self.check_names(&mut findings);
        self.check_health_path(&mut findings);
        let unreachable = self.check_acme(&mut findings);
        self.warnings.extend(unreachable);
        if let Some(admin) = &self.admin
            && let Err(error) = admin::may_listen(&admin.listen, admin.token.is_some())
        {
            findings.push(Finding::new(admin.at.of("listen"), error));
        }
        if let Some(inbox) = &self.inbox {
            self.check_inbox(inbox, &mut findings);
        }
        for alarm in &self.alarms {
            let uses_tls = alarm.address().is_none_or(Address::is_tls);
            if alarm.ca_file.is_some() && !uses_tls {
                let message = "a CA file needs an https URL: nothing else has a certificate";
                findings.push(Finding::new(alarm.at.of("ca_file"), message));
            }
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
                "too little memory for one body of the largest `max_body`; allow at least {needed} bytes"
            );
            let at = self.server.at.of("max_memory");
            findings.push(Finding::new(at, message));
        }
    }

    /// Reports automatic certificates without an address that the ACME server can reach. Returns a
    /// warning if none has the port that it connects to.
    fn check_acme(&self, findings: &mut Vec<Finding>) -> Option<Finding> {
        let tls = self.server.tls.as_ref()?;
        let acme = tls.acme.as_ref()?;
        let at = tls.at.of("acme");
        let mut listen = self.server.listen.iter();
        if listen.all(|address| matches!(address, ListenAddress::Unix(_))) {
            let message =
                "automatic certificates need a TCP address; TLS on a Unix socket does not exist";
            findings.push(Finding::new(at, message));
            return None;
        }
        let may_be_443 = |address: &ListenAddress| match address {
            ListenAddress::Tcp(address) => address.ends_with(":443"),
            ListenAddress::Systemd(_) => true,
            ListenAddress::Unix(_) => false,
        };
        let is_reachable = self.server.listen.iter().any(may_be_443);
        (acme.server.needs_port_443() && !is_reachable).then(|| {
            let message = "the ACME server connects to port 443, which no address of `listen` has: forward it to the gate";
            Finding::new(at, message)
        })
    }

    fn check_names(&self, findings: &mut Vec<Finding>) {
        let (mut names, mut routes) = (HashMap::new(), HashMap::new());
        for endpoint in &self.endpoints {
            let at = endpoint.at.table();
            if let Some(first) = names.insert(&endpoint.name, at) {
                let message = format!(
                    "the endpoint at {first} has the same name; give this one another `name`"
                );
                findings.push(Finding::new(at, message));
            }
            let route = (endpoint.path.to_string(), &endpoint.host);
            if let Some(first) = routes.insert(route, at) {
                let message = format!(
                    "the endpoint at {first} has the same path and host; give this one another `path` or `host`"
                );
                findings.push(Finding::new(at, message));
            }
        }
        let mut queues = HashMap::new();
        for DestinationPlan { at, name, .. } in self.endpoints.iter().flat_map(EndpointPlan::queues)
        {
            if let Some(first) = queues.insert(name, at.table()) {
                let message = format!(
                    "the durable destination at {first} has the same name, which is also that of its queue; give it another `name`"
                );
                findings.push(Finding::new(at.table(), message));
            }
        }
    }

    /// Reports a health path beside a verdict endpoint. The proxy takes each 200 for a verified
    /// request, so a client could pass anything to the app at this path.
    fn check_health_path(&self, findings: &mut Vec<Finding>) {
        let responds = self.server.health_path.is_some();
        if responds && self.endpoints.iter().any(|endpoint| endpoint.verdict) {
            let message = "an endpoint has `verdict = true`, and its proxy would take the 200 of this path for a verdict; remove `health_path`, and check the health at the admin listener";
            findings.push(Finding::new(self.server.at.of("health_path"), message));
        }
    }

    fn check_inbox(&self, inbox: &InboxPlan, findings: &mut Vec<Finding>) {
        inbox.check(findings);
        let durable = self.endpoints.iter().filter(|one| one.durable);
        let largest = durable.map(|one| one.max_body).max();
        if largest.is_some_and(|largest| largest > inbox.limits.bytes) {
            let message = "the inbox may hold less than one body of the largest `max_body`";
            findings.push(Finding::new(inbox.at.of("store"), message));
        }
    }
}

impl InboxPlan {
    /// Reports settings that do not go with the store.
    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        let mut find = |key, message: &str| findings.push(Finding::new(self.at.of(key), message));
        match &self.store {
            StoreAddress::Postgres(url) => {
                if self.key.is_none() {
                    find(
                        "store",
                        "PostgreSQL needs a key that seals stored events, the same for each gate",
                    );
                }
                if self.ca_file.is_some()
                    && let Err(error) = postgres_url::parse(url, true)
                {
                    find("ca_file", &error.to_string());
                }
            }
            StoreAddress::Sqlite(_) => {
                if self.password.is_some() {
                    find("password", "SQLite needs no password");
                }
                if self.ca_file.is_some() {
                    find("ca_file", "SQLite is a file and has no certificate");
                }
            }
        }
    }
}

fn check_endpoint(endpoint: &EndpointPlan, findings: &mut Vec<Finding>) {
    for destination in &endpoint.destinations {
        if destination.ca_file.is_some() && !destination.address.is_tls() {
            let message = "a CA file needs an https URL: nothing else has a certificate";
            findings.push(Finding::new(destination.at.table(), message));
        }
    }
    let mut only = endpoint.event.only.iter();
    if let Some(kind) = only.find(|kind| !endpoint.event.can_be(**kind)) {
        let message =
            format!("`only` accepts `{kind}`, but no text means it, so no event has this kind");
        findings.push(Finding::new(endpoint.at.table(), message));
    }
}

/// Returns a warning if a durable endpoint accepts events that none of its destinations gets.
fn unwanted(endpoint: &EndpointPlan) -> Option<Finding> {
    if !endpoint.durable {
        return None;
    }
    let only = &endpoint.event.only;
    let comes =
        |kind: &EventKind| endpoint.event.can_be(*kind) && (only.is_empty() || only.contains(kind));
    let wanted = |kind: &EventKind| {
        let mut kinds = endpoint.queues().map(|queue| &queue.kinds);
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
            "events of kind {kinds} can arrive, but no destination accepts them: they become dead letters"
        );
        Finding::new(endpoint.at.table(), message)
    })
}
