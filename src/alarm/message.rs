//! The message to a receiver: one or more edges that came together, in the receiver's format.

use std::{fmt::Write as _, time::SystemTime};

use bytes::Bytes;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{condition::Condition, record::Edge, severity::Severity};
use crate::text::rfc3339;

/// The format of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AlarmFormat {
    /// A JSON object with a list of alarms.
    #[default]
    Json,
    /// A text for an incoming webhook of Slack, or of a program that accepts the same.
    Slack,
    /// A `CloudEvent` in structured mode, whose data is the JSON object.
    #[value(name = "cloudevents")]
    CloudEvents,
}

/// The type of a `CloudEvent`.
const EVENT_TYPE: &str = "cartgate.alarm";

/// One edge of one alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AlarmNotice {
    pub(super) condition: Condition,
    pub(super) subject: String,
    pub(super) edge: Edge,
    pub(super) text: String,
}

/// The edges that one evaluation caused.
#[derive(Debug, Clone)]
pub(super) struct AlarmMessage {
    /// Stays the same over all attempts, so that a receiver recognizes a repeat.
    pub(super) id: Uuid,
    pub(super) time: SystemTime,
    /// The name of the machine.
    pub(super) gate: String,
    /// Without edges, the message is a test.
    pub(super) notices: Vec<AlarmNotice>,
}

impl AlarmFormat {
    /// Returns the content type of a message.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Slack => "application/json",
            Self::CloudEvents => "application/cloudevents+json",
        }
    }
}

impl AlarmNotice {
    pub(super) fn raised(condition: Condition, subject: &str, text: &str) -> Self {
        Self {
            condition,
            subject: subject.to_owned(),
            edge: Edge::Raised,
            text: text.to_owned(),
        }
    }

    pub(super) fn recovered(condition: Condition, subject: &str) -> Self {
        let over = condition.over();
        Self {
            condition,
            subject: subject.to_owned(),
            edge: Edge::Recovered,
            text: match subject {
                "" => over.to_owned(),
                subject => format!("{subject}: {over}"),
            },
        }
    }

    fn json(&self) -> Json {
        json!({
            "condition": self.condition.name(),
            "subject": self.subject,
            "state": self.edge,
            "severity": self.condition.severity(),
            "text": self.text,
        })
    }

    /// Returns the line for Slack, with an emoji that shows the urgency.
    fn line(&self) -> String {
        let emoji = match (self.edge, self.condition.severity()) {
            (Edge::Recovered, _) => ":white_check_mark:",
            (Edge::Raised, Severity::Critical) => ":rotating_light:",
            (Edge::Raised, Severity::Warning) => ":warning:",
            (Edge::Raised, Severity::Info) => ":information_source:",
        };
        let (condition, text) = (self.condition, escaped(&self.text));
        format!("{emoji} *{condition}* {text}")
    }
}

impl AlarmMessage {
    pub(super) fn new(gate: &str, notices: Vec<AlarmNotice>) -> Self {
        Self {
            id: Uuid::now_v7(),
            time: SystemTime::now(),
            gate: gate.to_owned(),
            notices,
        }
    }

    /// Returns the body in a format.
    pub(super) fn body(&self, format: AlarmFormat) -> Bytes {
        let json = match format {
            AlarmFormat::Json => self.json(),
            AlarmFormat::Slack => json!({ "text": self.text() }),
            AlarmFormat::CloudEvents => json!({
                "specversion": "1.0",
                "id": self.id,
                "source": format!("cartgate/{}", self.gate),
                "type": EVENT_TYPE,
                "time": self.time(),
                "datacontenttype": "application/json",
                "data": self.json(),
            }),
        };
        Bytes::from(json.to_string())
    }

    fn json(&self) -> Json {
        json!({
            "id": self.id,
            "time": self.time(),
            "gate": self.gate,
            "version": env!("CARGO_PKG_VERSION"),
            "test": self.notices.is_empty(),
            "alarms": self.notices.iter().map(AlarmNotice::json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let gate = escaped(&self.gate);
        if self.notices.is_empty() {
            return format!("Cartgate on {gate}: test of the alarms. Nothing has happened.");
        }
        let mut text = format!("Cartgate on {gate}:");
        for notice in &self.notices {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", notice.line());
        }
        text
    }

    fn time(&self) -> String {
        rfc3339::millis(self.time)
    }
}

/// Escapes the characters with which a text of Slack addresses people and links.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn message() -> AlarmMessage {
        AlarmMessage {
            id: Uuid::from_u128(1),
            time: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            gate: "gate-1".to_owned(),
            notices: vec![
                AlarmNotice::raised(Condition::DeadLetter, "shop", "3 dead letters for shop"),
                AlarmNotice::recovered(Condition::InboxFailed, ""),
            ],
        }
    }

    fn body(format: AlarmFormat) -> Json {
        serde_json::from_slice(&message().body(format)).expect("JSON")
    }

    #[test]
    fn json_lists_the_edges() {
        let body = body(AlarmFormat::Json);
        assert_eq!(body["id"], "00000000-0000-0000-0000-000000000001");
        assert_eq!(body["time"], "2027-01-15T08:00:00.000Z");
        assert_eq!(body["gate"], "gate-1");
        assert_eq!(body["test"], false);
        let expected = json!([
            {
                "condition": "dead-letter", "subject": "shop", "state": "raised",
                "severity": "warning", "text": "3 dead letters for shop",
            },
            {
                "condition": "inbox-failed", "subject": "", "state": "recovered",
                "severity": "critical", "text": "the inbox stores deliveries again",
            },
        ]);
        assert_eq!(body["alarms"], expected);
    }

    #[test]
    fn a_cloud_event_has_the_required_attributes_and_the_json_as_its_data() {
        let event = body(AlarmFormat::CloudEvents);
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["source"], "cartgate/gate-1");
        assert_eq!(event["type"], EVENT_TYPE);
        assert_eq!(event["id"], event["data"]["id"]);
        assert_eq!(event["data"], body(AlarmFormat::Json));
    }

    #[test]
    fn slack_gets_a_line_for_each_edge_and_no_markup_of_a_name() {
        let expected = "Cartgate on gate-1:\n:warning: *dead-letter* 3 dead letters for shop\n\
                        :white_check_mark: *inbox-failed* the inbox stores deliveries again";
        assert_eq!(body(AlarmFormat::Slack), json!({ "text": expected }));
        let hostile = AlarmMessage::new(
            "<!channel>",
            vec![AlarmNotice::raised(Condition::DeadLetter, "", "<@U1> & so")],
        );
        let text = hostile.text();
        assert!(!text.contains(['<', '>']), "{text}");
        assert!(text.contains("&lt;@U1&gt; &amp; so"), "{text}");
    }

    #[test]
    fn a_test_is_recognized_in_every_format() {
        let test = AlarmMessage::new("gate-1", Vec::new());
        let json: Json = serde_json::from_slice(&test.body(AlarmFormat::Json)).expect("JSON");
        assert_eq!((&json["test"], &json["alarms"]), (&json!(true), &json!([])));
        assert!(test.text().contains("test"));
    }
}
