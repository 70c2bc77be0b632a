//! Reads the secrets of the receivers of alarms.

use std::sync::Arc;

use super::Reading;
use crate::{
    alarm::AlarmReceiver,
    config::{
        finding::{Finding, Place},
        plan::Plan,
        sections::alarm::AlarmPlan,
        setting::secret_url::UrlPlace,
    },
    net::{connect::Trust, destination_address::Address},
    secret::source,
};

/// The receivers of alarms, and the warnings about them.
type LoadedAlarms = (Vec<Arc<AlarmReceiver>>, Vec<Finding>);

impl Plan {
    /// Reads the secrets and authorities of the receivers of alarms, and nothing else. Returns the
    /// receivers with the warnings about them.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load_alarms(&self) -> Result<LoadedAlarms, Vec<Finding>> {
        let mut reading = Reading::default();
        let receivers = reading.alarms(&self.alarms);
        match reading.findings.is_empty() {
            true => Ok((receivers, reading.warnings)),
            false => Err(reading.findings),
        }
    }
}

impl Reading {
    pub(super) fn alarms(&mut self, plans: &[AlarmPlan]) -> Vec<Arc<AlarmReceiver>> {
        let mut receivers: Vec<Arc<AlarmReceiver>> = Vec::new();
        for plan in plans {
            let Some(receiver) = self.alarm(plan) else {
                continue;
            };
            if receivers.iter().any(|one| one.name == receiver.name) {
                let message = "another alarm has the same name, or the same host without a name; give this one another `name`";
                self.findings.push(Finding::new(plan.at.table(), message));
            }
            receivers.push(Arc::new(receiver));
        }
        receivers
    }

    fn alarm(&mut self, plan: &AlarmPlan) -> Option<AlarmReceiver> {
        let address = match plan.url.as_ref()? {
            UrlPlace::Written(address) => Some(address.clone()),
            UrlPlace::Kept((at, place)) => self.kept_address(*at, place),
        };
        let signer = self.signer(&plan.standard_webhooks);
        let trust = plan.ca_file.clone().map_or(Trust::Platform, Trust::CaFile);
        let made = AlarmReceiver::new(address?, &trust);
        let mut receiver = self.keep(plan.at.table(), made)?.signed_by(signer?);
        if let Some(name) = &plan.name {
            receiver.name.clone_from(name);
        }
        receiver.format = plan.format;
        receiver.severity = plan.severity;
        receiver.cool_down = plan.cool_down;
        Some(receiver)
    }

    /// Reads an address that is a secret. The error does not repeat it.
    fn kept_address(&mut self, at: Place, place: &source::SecretPlace) -> Option<Address> {
        let secret = self.bare(at, place)?;
        let text = std::str::from_utf8(secret.expose()).unwrap_or_default();
        let parsed = text.parse::<Address>();
        self.keep(at, parsed.map_err(|error| format!("{place}: {error}")))
    }
}
