//! Compares the conditions of a gate with the records of its alarms, and queues a message for each
//! receiver that has news.
//!
//! The records of one receiver are independent of those of others. They are in the store of the
//! inbox, if there is one, and in memory. While the store cannot be used, the memory decides: then
//! several gates may send the same alarm, which is better than none.

mod records;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use uuid::Uuid;

use self::records::{KnownRecord, PREFIX, Records, Written};
use super::{
    condition::Condition,
    evaluation::Evaluation,
    host::machine_name,
    message::{AlarmMessage, AlarmNotice},
    meter::AlarmMeters,
    receiver::AlarmReceiver,
    record::{AlarmRecord, AlarmStep, Edge, Rules},
    sender::{AlarmKey, AlarmSender, Ended, Queued},
};
use crate::{inbox::store::Store, runtime::clock::Millis};

/// The largest number of messages that wait for one receiver. Alarms for which there is no room are
/// sent at a later look.
const QUEUE: usize = 16;

/// The largest number of alarms in one message. Chats that read the format of Slack reject a text of
/// more than 2,000 characters.
const NOTICES: usize = 8;

/// The alarms of a gate.
pub(crate) struct AlarmEngine {
    records: Records,
    /// Whether several gates may have the store of the records open.
    shared: bool,
    gate: Uuid,
    machine: String,
    lines: BTreeMap<String, Line>,
    senders: JoinSet<()>,
    report: mpsc::UnboundedSender<Ended>,
    reports: mpsc::UnboundedReceiver<Ended>,
}

/// One receiver, and the records of its alarms as this gate knows them.
struct Line {
    receiver: watch::Sender<Arc<AlarmReceiver>>,
    queue: mpsc::Sender<Queued>,
    known: BTreeMap<AlarmKey, KnownRecord>,
    task: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl AlarmEngine {
    /// Makes the alarms of a gate, which may have a store for their records.
    pub(crate) fn new(store: Option<Arc<dyn Store>>, shared: bool) -> Self {
        let (report, reports) = mpsc::unbounded_channel();
        Self {
            records: Records::new(store),
            shared,
            gate: Uuid::now_v7(),
            machine: machine_name(),
            lines: BTreeMap::new(),
            senders: JoinSet::new(),
            report,
            reports,
        }
    }

    /// Follows the configured receivers. The records and the queue of one whose name stays continue.
    pub(crate) fn follow(&mut self, receivers: &[Arc<AlarmReceiver>], meters: &AlarmMeters) {
        let is_configured = |name: &str| receivers.iter().any(|one| one.name == name);
        self.lines.retain(|name, _| is_configured(name));
        meters.retain(is_configured);
        for receiver in receivers {
            match self.lines.get(&receiver.name) {
                Some(line) => {
                    let replace = |present: &mut Arc<AlarmReceiver>| {
                        let is_new = !Arc::ptr_eq(present, receiver);
                        present.clone_from(receiver);
                        is_new
                    };
                    line.receiver.send_if_modified(replace);
                }
                None => self.add(receiver, meters),
            }
        }
        // Collects the tasks that have ended.
        while self.senders.try_join_next().is_some() {}
    }

    fn add(&mut self, receiver: &Arc<AlarmReceiver>, meters: &AlarmMeters) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (settings, followed) = watch::channel(Arc::clone(receiver));
        let sender = AlarmSender {
            receiver: followed,
            queue: waiting,
            meter: meters.of(&receiver.name),
            report: self.report.clone(),
        };
        let line = Line {
            receiver: settings,
            queue,
            known: BTreeMap::new(),
            task: self.senders.spawn(sender.run()),
        };
        self.lines.insert(receiver.name.clone(), line);
    }

    /// Compares the conditions at this time with the records, and queues the news.
    pub(crate) async fn compare(&mut self, evaluation: &Evaluation, now: Millis) {
        self.records.read().await;
        while let Ok(ended) = self.reports.try_recv() {
            if let Some(line) = self.lines.get_mut(&ended.receiver) {
                line.note_end(&ended, &mut self.records).await;
            }
        }
        for line in self.lines.values_mut() {
            let rules = Rules {
                cool_down: line.receiver.borrow().cool_down,
                shared: self.shared,
                gate: self.gate,
                now,
            };
            let news = line.news(evaluation, rules, &mut self.records).await;
            let mut news = news.into_iter().peekable();
            while news.peek().is_some() {
                let (notices, edges) = news.by_ref().take(NOTICES).unzip();
                let message = AlarmMessage::new(&self.machine, notices);
                // There is room, because only this task fills the queue.
                let _ = line.queue.try_send(Queued { message, edges });
            }
        }
    }
}

impl Line {
    /// Returns the edges that this gate has to send now, as many as the queue has room for.
    async fn news(
        &mut self,
        evaluation: &Evaluation,
        rules: Rules,
        records: &mut Records,
    ) -> Vec<(AlarmNotice, (AlarmKey, Millis))> {
        let receiver = Arc::clone(&self.receiver.borrow());
        let room = self.queue.capacity() * NOTICES;
        let mut news = Vec::new();
        for key in self.keys(&receiver, evaluation, records) {
            let (condition, subject) = (key.0, key.1.as_str());
            let name = record_name(&receiver.name, &key);
            let present = self.take_up(&key, &name, records);
            let record = present.as_ref().map(|one| &one.record);
            let step = match concerns(&receiver, condition, subject) {
                true => rules.step(record, evaluation.judge(condition, subject)),
                // A higher `severity` has no message: the condition may hold.
                false => AlarmStep::Forget,
            };
            match step {
                AlarmStep::Nothing => {
                    // The store could not be used when the record changed.
                    if let Some(one) = present.filter(|one| !one.is_stored) {
                        self.write(&key, &name, one.record, records).await;
                    }
                }
                AlarmStep::Confirm(record) => {
                    self.write(&key, &name, record, records).await;
                }
                AlarmStep::Forget => self.forget(&key, &name, records).await,
                AlarmStep::Send(edge, record) => {
                    let changed_at = record.changed_at;
                    if news.len() < room && self.write(&key, &name, record, records).await {
                        let notice = notice(edge, condition, subject, evaluation);
                        news.push((notice, (key, changed_at)));
                    }
                }
            }
        }
        news
    }

    /// Returns every alarm that may change: those that hold, and those with a record.
    fn keys(
        &self,
        receiver: &AlarmReceiver,
        evaluation: &Evaluation,
        records: &Records,
    ) -> BTreeSet<AlarmKey> {
        let problems = evaluation.problems.iter();
        let holding = problems
            .filter(|one| concerns(receiver, one.condition, &one.subject))
            .map(|one| (one.condition, one.subject.clone()));
        let names = records.names();
        let stored = names.filter_map(|name| record_key(&receiver.name, name));
        holding
            .chain(stored)
            .chain(self.known.keys().cloned())
            .collect()
    }

    /// Returns the present record of an alarm, which another gate may have changed, and remembers it.
    fn take_up(&mut self, key: &AlarmKey, name: &str, records: &Records) -> Option<KnownRecord> {
        let present = records.present(self.known.get(key), name);
        match &present {
            Some(one) => self.known.insert(key.clone(), one.clone()),
            None => self.known.remove(key),
        };
        present
    }

    /// Writes a record. Returns whether this gate may act on it: if the store cannot be used, it may.
    async fn write(
        &mut self,
        key: &AlarmKey,
        name: &str,
        record: AlarmRecord,
        records: &mut Records,
    ) -> bool {
        let written = records.replace(name, Some(&record)).await;
        let is_stored = written == Written::Stored;
        let may_act = written != Written::Outdated;
        if may_act {
            let known = KnownRecord { record, is_stored };
            self.known.insert(key.clone(), known);
        }
        may_act
    }

    /// Removes a record. As long as the store keeps it, this gate remembers that it is over.
    async fn forget(&mut self, key: &AlarmKey, name: &str, records: &mut Records) {
        let written = records.replace(name, None).await;
        if written == Written::Stored || !records.have_store() {
            self.known.remove(key);
        }
    }

    /// Records whether the receiver has got some edges.
    async fn note_end(&mut self, ended: &Ended, records: &mut Records) {
        for (key, changed_at) in &ended.edges {
            let name = record_name(&ended.receiver, key);
            let present = self.take_up(key, &name, records);
            let present = present.filter(|one| one.record.changed_at == *changed_at);
            if let Some(KnownRecord { record, .. }) = present {
                let record = match ended.is_accepted {
                    true => record.as_sent(),
                    false => record.as_given_up(),
                };
                self.write(key, &name, record, records).await;
            }
        }
    }
}

/// Whether a receiver gets alarms of this condition and subject. It cannot get the one about itself.
fn concerns(receiver: &AlarmReceiver, condition: Condition, subject: &str) -> bool {
    let is_itself = condition == Condition::AlarmFailed && subject == receiver.name;
    condition.severity() >= receiver.severity && !is_itself
}

fn notice(edge: Edge, condition: Condition, subject: &str, evaluation: &Evaluation) -> AlarmNotice {
    match (edge, evaluation.problem(condition, subject)) {
        (Edge::Raised, Some(problem)) => AlarmNotice::raised(condition, subject, &problem.text),
        (Edge::Raised, None) => AlarmNotice::raised(condition, subject, condition.when()),
        (Edge::Recovered, _) => AlarmNotice::recovered(condition, subject),
    }
}

/// Returns the name of a record in a store. The name of a receiver may contain colons, but no name of
/// a condition does.
fn record_name(receiver: &str, (condition, subject): &AlarmKey) -> String {
    format!("{PREFIX}{receiver}:{condition}:{subject}")
}

/// Returns the alarm of a record, if it is one of this receiver.
fn record_key(receiver: &str, name: &str) -> Option<AlarmKey> {
    let rest = name.strip_prefix(PREFIX)?.strip_prefix(receiver)?;
    let (condition, subject) = rest.strip_prefix(':')?.split_once(':')?;
    Some((Condition::named(condition)?, subject.to_owned()))
}

#[cfg(test)]
mod tests;
