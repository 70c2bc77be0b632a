//! `[[alarm]]`: a receiver of messages about conditions that need a person.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use crate::{
    alarm::{AlarmFormat, AlarmReceiver, Severity},
    config::{
        places::Places,
        setting::{
            access::PlacedSource,
            definition::{Group, Section, Setting},
            kinds::{duration, name, path, word},
            scalar::{optional, scalar},
            secret::secrets,
            secret_url::{UrlPlace, secret_url},
        },
    },
    net::destination_address::Address,
    secret::source,
};

/// The most secrets that sign one message: during a rotation there are two.
const MOST_SIGNATURES: usize = 4;

/// A receiver of alarms.
#[derive(Debug, Clone)]
pub struct AlarmPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// Its name in logs and metrics; the host of its URL if it has none.
    pub name: Option<String>,
    /// Its URL, or the place of the URL.
    pub url: Option<UrlPlace>,
    /// The format of its messages.
    pub format: AlarmFormat,
    /// The secrets that sign messages as Standard Webhooks.
    pub standard_webhooks: Vec<PlacedSource>,
    /// The least severity that it gets.
    pub severity: Severity,
    /// The least time between two alarms of one condition and subject.
    pub cool_down: Duration,
    /// The authorities that may sign its certificate.
    pub ca_file: Option<PathBuf>,
}

static GROUPS: LazyLock<Vec<Group<AlarmPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "name",
            "Name of the receiver in logs and metrics",
            optional(name(), |alarm: &mut AlarmPlan| &mut alarm.name),
        )
        .default("the host of `url`")
        .example("\"ops\""),
        Setting::new(
            "url",
            "Receiver of the messages: http://…, https://… or unix:/socket[:/path], or the place of such a URL",
            secret_url(|alarm: &mut AlarmPlan| &mut alarm.url),
        )
        .required("such as \"https://alarms.example/cartgate\", or { file = \"PATH\" }")
        .details(
            "The URL of a Slack webhook is a secret: keep it in a file, an environment variable (env) or a systemd \
             credential.",
        )
        .example("{ file = \"/etc/cartgate/slack.url\" }"),
        Setting::new(
            "format",
            "Format of the messages",
            scalar(word("FORMAT"), |alarm: &mut AlarmPlan| &mut alarm.format),
        ),
        Setting::new(
            "standard_webhooks",
            "Secret (whsec_…) that signs each message as Standard Webhooks do; a list signs with several",
            secrets(MOST_SIGNATURES, |alarm: &mut AlarmPlan| {
                &mut alarm.standard_webhooks
            }),
        )
        .example("{ file = \"/etc/cartgate/alarms.whsec\" }"),
        Setting::new(
            "severity",
            "Least severity of the alarms that it gets",
            scalar(word("SEVERITY"), |alarm: &mut AlarmPlan| {
                &mut alarm.severity
            }),
        ),
        Setting::new(
            "cool_down",
            "Least time between two alarms about the same condition of the same endpoint, destination or secret",
            scalar(duration(), |alarm: &mut AlarmPlan| &mut alarm.cool_down),
        ),
        Setting::new(
            "ca_file",
            "PEM file with the authorities that may sign the receiver's certificate (https)",
            optional(path(), |alarm: &mut AlarmPlan| &mut alarm.ca_file),
        )
        .default("the authorities that this machine trusts")
        .example("\"/etc/cartgate/internal-ca.pem\""),
    ];
    vec![Group::new("Alarms", settings)]
});

impl AlarmPlan {
    /// The places of all its secrets.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &source::SecretPlace> {
        let url = match &self.url {
            Some(UrlPlace::Kept((_, place))) => Some(place),
            Some(UrlPlace::Written(_)) | None => None,
        };
        let signing = self.standard_webhooks.iter().map(|(_, place)| place);
        url.into_iter().chain(signing)
    }

    /// Returns its address, if the file contains it. The address may also be in the place of a
    /// secret, which only a load reads.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match &self.url {
            Some(UrlPlace::Written(address)) => Some(address),
            Some(UrlPlace::Kept(_)) | None => None,
        }
    }
}

impl Section for AlarmPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            name: None,
            url: None,
            format: AlarmFormat::default(),
            standard_webhooks: Vec::new(),
            severity: Severity::default(),
            cool_down: AlarmReceiver::COOL_DOWN,
            ca_file: None,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
