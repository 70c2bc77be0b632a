//! The conditions that need a person: the one table that `cartgate status`, the alarms and the
//! Prometheus rules share. Tests compare it with the rules and with `docs/alarms.md`.

use std::fmt;

use super::severity::Severity;
use AlertRule::{Missing, Named};
use Severity::{Critical, Info, Warning};

/// The Prometheus rule of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertRule {
    /// Its name in `packaging/prometheus/alerts.yml`.
    Named(&'static str),
    /// There is none, for this reason.
    Missing(&'static str),
}

/// A condition that needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Every signature of an endpoint is rejected.
    AllRejected,
    /// An endpoint gets no deliveries.
    Silence,
    /// A verified delivery was not accepted.
    NotTaken,
    /// Saved rejections that verify by now cannot be delivered.
    LateStuck,
    /// A destination does not respond.
    DestinationDown,
    /// Deliveries wait for a destination that responds.
    DeliveriesLate,
    /// Deliveries wait for a destination without configuration.
    DestinationUnconfigured,
    /// Deliveries are no longer retried.
    DeadLetter,
    /// Deliveries changed after they were stored.
    Quarantine,
    /// The inbox is near one of its limits.
    InboxNearlyFull,
    /// The inbox cannot store deliveries.
    InboxFailed,
    /// Values at `unique` identify no event.
    UniqueUnusable,
    /// Payloads lack pointers that always occurred.
    PayloadChanged,
    /// Deliveries still match an older secret.
    OldSecretInUse,
    /// An older secret can be removed.
    OldSecretRemovable,
    /// A certificate expires soon.
    CertificateExpiring,
    /// A certificate could not be ordered.
    CertificateOrderFailed,
    /// The gate has no certificate yet.
    NoCertificate,
    /// A changed configuration is not in force.
    ReloadFailed,
    /// Alarms do not reach a receiver.
    AlarmFailed,
}

/// One row of the table.
struct Row {
    name: &'static str,
    severity: Severity,
    rule: AlertRule,
    /// The state that begins the alarm, for people.
    when: &'static str,
    /// The state that ends it, for people.
    over: &'static str,
}

/// The table, in the order of the documents.
static TABLE: [(Condition, Row); 20] = [
    (
        Condition::AllRejected,
        Row {
            name: "all-rejected",
            severity: Critical,
            rule: Named("CartgateAllRefused"),
            when: "at least 5 signatures in a row did not match, for half an hour or longer",
            over: "signatures match again",
        },
    ),
    (
        Condition::Silence,
        Row {
            name: "silence",
            severity: Warning,
            rule: Named("CartgateSilent"),
            when: "no verified delivery for longer than `silence` of the endpoint, or than its learned rhythm",
            over: "deliveries arrive again",
        },
    ),
    (
        Condition::NotTaken,
        Row {
            name: "not-taken",
            severity: Critical,
            rule: Named("CartgateNotTaken"),
            when: "the app or the inbox did not accept a verified delivery",
            over: "an hour has passed without another such delivery",
        },
    ),
    (
        Condition::LateStuck,
        Row {
            name: "late-stuck",
            severity: Warning,
            rule: Missing("the deliveries stay saved, and the gate retries them"),
            when: "a saved rejection that verifies by now was not delivered, and waits for a retry",
            over: "no saved rejection waits for a retry",
        },
    ),
    (
        Condition::DestinationDown,
        Row {
            name: "destination-down",
            severity: Critical,
            rule: Missing("CartgateInboxLate and CartgateNotTaken cover its effects"),
            when: "a destination does not respond: the last attempt of a direct endpoint, or all for a minute",
            over: "the destination is back",
        },
    ),
    (
        Condition::DeliveriesLate,
        Row {
            name: "deliveries-late",
            severity: Warning,
            rule: Named("CartgateInboxLate"),
            when: "a stored delivery waits for a minute in which its destination responds",
            over: "no delivery waits for long any more",
        },
    ),
    (
        Condition::DestinationUnconfigured,
        Row {
            name: "destination-unconfigured",
            severity: Warning,
            rule: Named("CartgateInboxUnconfigured"),
            when: "stored deliveries wait for a destination that is not configured",
            over: "no delivery waits for it any more",
        },
    ),
    (
        Condition::DeadLetter,
        Row {
            name: "dead-letter",
            severity: Warning,
            rule: Named("CartgateInboxDead"),
            when: "stored deliveries are no longer retried",
            over: "no dead letter is left",
        },
    ),
    (
        Condition::Quarantine,
        Row {
            name: "quarantine",
            severity: Critical,
            rule: Named("CartgateInboxQuarantine"),
            when: "stored deliveries have a broken seal",
            over: "no delivery is in quarantine any more",
        },
    ),
    (
        Condition::InboxNearlyFull,
        Row {
            name: "inbox-nearly-full",
            severity: Warning,
            rule: Named("CartgateInboxNearlyFull"),
            when: "80 % of a limit of the inbox are used",
            over: "the inbox has room again",
        },
    ),
    (
        Condition::InboxFailed,
        Row {
            name: "inbox-failed",
            severity: Critical,
            rule: Named("CartgateInboxFailed"),
            when: "the inbox cannot store deliveries, or its state is unknown",
            over: "the inbox stores deliveries again",
        },
    ),
    (
        Condition::UniqueUnusable,
        Row {
            name: "unique-unusable",
            severity: Warning,
            rule: Named("CartgateInboxUnidentified"),
            when: "the value at `unique` of a delivery identifies no event",
            over: "a day has passed without another such value",
        },
    ),
    (
        Condition::PayloadChanged,
        Row {
            name: "payload-changed",
            severity: Warning,
            rule: Named("CartgatePayloadChanged"),
            when: "payloads lack JSON pointers that always occurred",
            over: "the payloads are complete again, or the new ones were accepted",
        },
    ),
    (
        Condition::OldSecretInUse,
        Row {
            name: "old-secret-in-use",
            severity: Warning,
            rule: Named("CartgateOldSecretInUse"),
            when: "deliveries match an older secret a day after the gate began to count its matches",
            over: "the older secret has matched nothing for a day",
        },
    ),
    (
        Condition::OldSecretRemovable,
        Row {
            name: "old-secret-removable",
            severity: Info,
            rule: Named("CartgateOldSecretMayGo"),
            when: "an older secret has matched nothing for a day while a newer one matched, and no late delivery needs it",
            over: "the older secret was removed, or matches again",
        },
    ),
    (
        Condition::CertificateExpiring,
        Row {
            name: "certificate-expiring",
            severity: Warning,
            rule: Named("CartgateCertificateEnds"),
            when: "a certificate expires in less than 14 days and a quarter of its lifetime",
            over: "the certificate was renewed",
        },
    ),
    (
        Condition::CertificateOrderFailed,
        Row {
            name: "certificate-order-failed",
            severity: Warning,
            rule: Named("CartgateCertificateOrderFailed"),
            when: "the last order for a certificate failed",
            over: "the last order succeeded",
        },
    ),
    (
        Condition::NoCertificate,
        Row {
            name: "no-certificate",
            severity: Critical,
            rule: Missing("CartgateCertificateOrderFailed covers its cause"),
            when: "the gate rejects TLS handshakes, because no certificate was issued yet",
            over: "the certificate was issued",
        },
    ),
    (
        Condition::ReloadFailed,
        Row {
            name: "reload-failed",
            severity: Warning,
            rule: Named("CartgateReloadFailed"),
            when: "the last reload failed, so the old configuration stays in force",
            over: "a configuration was loaded",
        },
    ),
    (
        Condition::AlarmFailed,
        Row {
            name: "alarm-failed",
            severity: Warning,
            rule: Named("CartgateAlarmFailed"),
            when: "the last alarm did not reach its receiver",
            over: "alarms reach the receiver again",
        },
    ),
];

impl Condition {
    /// Every condition, in the order of the documents.
    pub const ALL: [Self; 20] = [
        Self::AllRejected,
        Self::Silence,
        Self::NotTaken,
        Self::LateStuck,
        Self::DestinationDown,
        Self::DeliveriesLate,
        Self::DestinationUnconfigured,
        Self::DeadLetter,
        Self::Quarantine,
        Self::InboxNearlyFull,
        Self::InboxFailed,
        Self::UniqueUnusable,
        Self::PayloadChanged,
        Self::OldSecretInUse,
        Self::OldSecretRemovable,
        Self::CertificateExpiring,
        Self::CertificateOrderFailed,
        Self::NoCertificate,
        Self::ReloadFailed,
        Self::AlarmFailed,
    ];

    /// Returns the name in messages and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the condition of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Returns the severity.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.row().severity
    }

    /// Returns the Prometheus rule.
    #[must_use]
    pub fn alert_rule(self) -> AlertRule {
        self.row().rule
    }

    /// Returns the state that begins the alarm, for people.
    #[must_use]
    pub fn when(self) -> &'static str {
        self.row().when
    }

    /// Returns the state that ends the alarm, for people.
    #[must_use]
    pub fn over(self) -> &'static str {
        self.row().over
    }

    fn row(self) -> &'static Row {
        let row = TABLE.iter().find(|(condition, _)| *condition == self);
        &row.expect("a test finds the row of each condition").1
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_condition_has_its_own_name() {
        let names: HashSet<_> = Condition::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Condition::ALL.len());
        for one in Condition::ALL {
            assert_eq!(Condition::named(one.name()), Some(one));
        }
        assert_eq!(Condition::named("other"), None);
    }
}
