//! Compares the conditions of a gate with the records of its alarms, and queues a message for each
//! receiver that has news.
//!
//! The records of one receiver are independent of those of others. They are in the store of the
//! inbox, if there is one, and in memory. While the store cannot be used, the memory decides: then
//! several gates may send the same alarm, which is better than none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use uuid::Uuid;

use super::{
    condition::Condition,
    evaluation::{Evaluation, Judgement},
    host::machine_name,
    message::{AlarmMessage, AlarmNotice},
    meter::AlarmMeters,
    receiver::AlarmReceiver,
    record::{AlarmRecord, AlarmStep, Edge, Rules},
    sender::{AlarmKey, AlarmSender, Queued, Sent},
};
use crate::{inbox::store::Store, runtime::clock::Millis};

/// The beginning of the names of all records in a store.
const PREFIX: &str = "alarm:";

/// The time within which a store must respond.
const STORE_TIMEOUT: Duration = Duration::from_secs(4);

/// The largest number of messages that wait for one receiver. While it is reached, its alarms are
/// not compared, so none is lost.
const QUEUE: usize = 16;

/// The alarms of a gate.
pub(crate) struct AlarmEngine {
    records: RecordStore,
    machine: String,
    lines: BTreeMap<String, Line>,
    senders: JoinSet<()>,
    sent: mpsc::UnboundedSender<Sent>,
    sent_edges: mpsc::UnboundedReceiver<Sent>,
}

/// The place of the records, and the gate that writes them.
struct RecordStore {
    store: Option<Arc<dyn Store>>,
    /// Whether several gates may have the store open.
    shared: bool,
    gate: Uuid,
}

/// The records of all receivers by their names in a store; none if the store cannot be used.
type Stored = Option<BTreeMap<String, Vec<u8>>>;

/// One receiver, and the records of its alarms as this gate knows them.
struct Line {
    receiver: watch::Sender<Arc<AlarmReceiver>>,
    queue: mpsc::Sender<Queued>,
    known: BTreeMap<AlarmKey, AlarmRecord>,
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
        let (sent, sent_edges) = mpsc::unbounded_channel();
        Self {
            records: RecordStore {
                store,
                shared,
                gate: Uuid::now_v7(),
            },
            machine: machine_name(),
            lines: BTreeMap::new(),
            senders: JoinSet::new(),
            sent,
            sent_edges,
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
            sent: self.sent.clone(),
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
        let mut stored = self.records.read().await;
        while let Ok(sent) = self.sent_edges.try_recv() {
            if let Some(line) = self.lines.get_mut(&sent.receiver) {
                line.note_sent(&sent, &self.records, &mut stored).await;
            }
        }
        for line in self.lines.values_mut() {
            if line.queue.capacity() == 0 {
                continue;
            }
            let (notices, edges) = line.news(evaluation, now, &self.records, &stored).await;
            if notices.is_empty() {
                continue;
            }
            let message = AlarmMessage::new(&self.machine, notices);
            // There is room, because only this task fills the queue.
            let _ = line.queue.try_send(Queued { message, edges });
        }
    }
}

impl Line {
    /// Returns the edges that this gate has to send now.
    async fn news(
        &mut self,
        evaluation: &Evaluation,
        now: Millis,
        records: &RecordStore,
        stored: &Stored,
    ) -> (Vec<AlarmNotice>, Vec<(AlarmKey, Millis)>) {
        let receiver = Arc::clone(&self.receiver.borrow());
        let rules = Rules {
            cool_down: receiver.cool_down,
            shared: records.shared,
            gate: records.gate,
            now,
        };
        let (mut notices, mut edges) = (Vec::new(), Vec::new());
        for key in self.keys(&receiver, evaluation, stored) {
            let (condition, subject) = (key.0, key.1.as_str());
            let judgement = match concerns(&receiver, condition, subject) {
                true => evaluation.judge(condition, subject),
                false => Judgement::Over,
            };
            let name = record_name(&receiver.name, &key);
            let record = newest(self.known.get(&key), stored.as_ref(), &name);
            match rules.step(record.as_ref(), judgement) {
                AlarmStep::Nothing => {}
                AlarmStep::Confirm(record) => {
                    if records.replace(stored, &name, Some(&record)).await {
                        self.known.insert(key, record);
                    }
                }
                AlarmStep::Forget => {
                    records.replace(stored, &name, None).await;
                    self.known.remove(&key);
                }
                AlarmStep::Send(edge, record) => {
                    if records.replace(stored, &name, Some(&record)).await {
                        notices.push(notice(edge, condition, subject, evaluation));
                        edges.push((key.clone(), record.changed_at));
                        self.known.insert(key, record);
                    }
                }
            }
        }
        (notices, edges)
    }

    /// Returns every alarm that may change: those that hold, and those with a record.
    fn keys(
        &self,
        receiver: &AlarmReceiver,
        evaluation: &Evaluation,
        stored: &Stored,
    ) -> BTreeSet<AlarmKey> {
        let problems = evaluation.problems.iter();
        let holding = problems
            .filter(|one| concerns(receiver, one.condition, &one.subject))
            .map(|one| (one.condition, one.subject.clone()));
        let names = stored.iter().flat_map(BTreeMap::keys);
        let stored = names.filter_map(|name| record_key(&receiver.name, name));
        holding
            .chain(stored)
            .chain(self.known.keys().cloned())
            .collect()
    }

    /// Records that the receiver has got some edges, so that no gate sends them again.
    async fn note_sent(&mut self, sent: &Sent, records: &RecordStore, stored: &mut Stored) {
        for (key, changed_at) in &sent.edges {
            let name = record_name(&sent.receiver, key);
            let record = newest(self.known.get(key), stored.as_ref(), &name);
            let Some(record) = record.filter(|one| one.changed_at == *changed_at) else {
                continue;
            };
            let record = record.as_sent();
            if records.replace(stored, &name, Some(&record)).await {
                if let Some(stored) = stored {
                    stored.insert(name, encode(&record));
                }
                self.known.insert(key.clone(), record);
            }
        }
    }
}

impl RecordStore {
    /// Reads the records of all receivers.
    async fn read(&self) -> Stored {
        let listed = timeout(STORE_TIMEOUT, self.store.as_ref()?.list_meta(PREFIX)).await;
        Some(listed.ok()?.ok()?.into_iter().collect())
    }

    /// Replaces a record, unless another gate has changed it since it was read. Returns whether this
    /// gate may act on it: if the store cannot be used, it may.
    async fn replace(&self, stored: &Stored, name: &str, record: Option<&AlarmRecord>) -> bool {
        let (Some(store), Some(stored)) = (&self.store, stored) else {
            return true;
        };
        let expected = stored.get(name).cloned();
        let replaced = store.replace_meta(name.to_owned(), expected, record.map(encode));
        !matches!(timeout(STORE_TIMEOUT, replaced).await, Ok(Ok(false)))
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

/// Returns the later one of the record that this gate knows and the stored one. The stored one is
/// older after an outage of the store.
fn newest(
    known: Option<&AlarmRecord>,
    stored: Option<&BTreeMap<String, Vec<u8>>>,
    name: &str,
) -> Option<AlarmRecord> {
    let stored = stored.and_then(|all| serde_json::from_slice(all.get(name)?).ok());
    let both = known.cloned().into_iter().chain(stored);
    both.max_by_key(AlarmRecord::touched_at)
}

fn encode(record: &AlarmRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record can be written as JSON")
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
