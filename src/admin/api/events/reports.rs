//! Sends the content of the inbox and the readiness of the gate to the viewers of the event stream.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    admin::{gate::Admin, report},
    proxy::recorder::Frame,
};

/// The seconds between two looks at the inbox.
const INBOX: u64 = 2;

/// The seconds between two reports of the readiness.
const STATUS: u64 = 5;

/// The data of an event about the readiness.
#[derive(Serialize)]
struct Readiness<'a, P> {
    ready: bool,
    problems: &'a P,
}

/// Sends reports as long as there are viewers, until it is dropped. A new viewer makes both due.
pub(crate) async fn run(admin: Arc<Admin>) {
    let recorder = &admin.gate.recorder;
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut second, mut sent) = (0_u64, Value::Null);
    loop {
        let has_joined = tokio::select! {
            () = recorder.joined.notified() => true,
            _ = seconds.tick(), if recorder.is_watched() => false,
        };
        if has_joined {
            sent = Value::Null;
        } else {
            second += 1;
        }
        let inbox_is_due = has_joined || second.is_multiple_of(INBOX);
        let status_is_due = has_joined || second.is_multiple_of(STATUS);
        if inbox_is_due || status_is_due {
            send(&admin, inbox_is_due.then_some(&mut sent), status_is_due).await;
        }
    }
}

/// Sends the inbox, if it is due and differs from what was sent last, and the readiness.
async fn send(admin: &Admin, sent: Option<&mut Value>, status_is_due: bool) {
    let report = admin.render(|gate| Some(report::of(gate))).await;
    let Some(report) = report else {
        return;
    };
    let recorder = &admin.gate.recorder;
    if let Some(sent) = sent {
        let inbox = serde_json::to_value(&report.inbox).unwrap_or_default();
        if inbox != *sent {
            recorder.publish(Frame::event("inbox", &inbox));
            *sent = inbox;
        }
    }
    if status_is_due {
        let status = Readiness {
            ready: report.ready,
            problems: &report.problems,
        };
        recorder.publish(Frame::event("status", &status));
    }
}
