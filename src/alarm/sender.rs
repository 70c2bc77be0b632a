//! Sends the messages to one receiver, one after another, each until the receiver has accepted it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use super::{
    condition::Condition,
    message::AlarmMessage,
    meter::AlarmMeter,
    receiver::{AlarmError, AlarmReceiver},
};
use crate::{
    runtime::{clock::Millis, jitter::random_fraction},
    telemetry::count::now,
};

/// The first and the longest wait between two attempts, without the random part.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// The time after which a message is given up. Its alarms are sent anew if they still hold.
const GIVE_UP: Duration = Duration::from_secs(60 * 60);

/// An alarm in the records of a receiver.
pub(super) type AlarmKey = (Condition, String);

/// A message, and the alarms in it with the times of their edges.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) message: AlarmMessage,
    pub(super) edges: Vec<(AlarmKey, Millis)>,
}

/// The edges of a message that is not tried any more.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) receiver: String,
    /// Whether the receiver has accepted the message.
    pub(super) is_accepted: bool,
    pub(super) edges: Vec<(AlarmKey, Millis)>,
}

/// The end of a queue of messages.
pub(super) struct AlarmSender {
    /// The receiver by the configuration in force.
    pub(super) receiver: watch::Receiver<Arc<AlarmReceiver>>,
    pub(super) queue: mpsc::Receiver<Queued>,
    pub(super) meter: Arc<AlarmMeter>,
    pub(super) report: mpsc::UnboundedSender<Ended>,
}

impl AlarmSender {
    /// Sends all messages, until the queue is dropped.
    pub(super) async fn run(mut self) {
        while let Some(Queued { message, edges }) = self.queue.recv().await {
            let is_accepted = self.deliver(&message).await;
            let receiver = self.receiver.borrow().name.clone();
            let ended = Ended {
                receiver,
                is_accepted,
                edges,
            };
            // Without the other end, the gate ends.
            let _ = self.report.send(ended);
        }
    }

    /// Sends a message. Returns whether the receiver has accepted it.
    async fn deliver(&mut self, message: &AlarmMessage) -> bool {
        let begun = Instant::now();
        let [mut wait, longest] = WAITS;
        let mut is_first = true;
        loop {
            let receiver = Arc::clone(&self.receiver.borrow_and_update());
            let Err(error) = receiver.send(message).await else {
                self.succeeded(&receiver, message);
                return true;
            };
            self.meter.failed.add(now());
            self.meter.failing.grow(now());
            if !error.is_temporary() || begun.elapsed() >= GIVE_UP {
                self.give_up(&receiver, &error);
                return false;
            }
            if is_first {
                warn_of_failure(&receiver, &error);
                is_first = false;
            }
            tokio::select! {
                () = sleep(wait.mul_f64(1.0 + random_fraction() / 5.0)) => {}
                // A corrected receiver gets the message at once.
                Ok(()) = self.receiver.changed() => {}
            }
            wait = longest.min(wait * 2);
        }
    }

    fn succeeded(&self, receiver: &AlarmReceiver, message: &AlarmMessage) {
        self.meter.sent.add(now());
        self.meter.failing.end();
        let conditions = message.notices.iter().map(|one| one.condition.name());
        tracing::info!(
            alarm = receiver.name,
            conditions = conditions.collect::<Vec<_>>().join(", "),
            "alarm sent"
        );
    }

    fn give_up(&self, receiver: &AlarmReceiver, cause: &AlarmError) {
        self.meter.dropped.add(now());
        tracing::error!(
            alarm = receiver.name,
            address = receiver.place(),
            %cause,
            "alarm given up; check its receiver with `cartgate alarm test`"
        );
    }
}

fn warn_of_failure(receiver: &AlarmReceiver, cause: &AlarmError) {
    tracing::warn!(
        alarm = receiver.name,
        address = receiver.place(),
        %cause,
        "alarm not sent; retrying"
    );
}
