//! The recorder of a gate.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::request::Parts;
use tokio::{
    sync::{Notify, broadcast::Receiver},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    arming::Arming,
    budget::Budget,
    causes::FoundCause,
    feed::Feed,
    frame::Frame,
    journal::{Backlog, Journal},
    record::Record,
    recording::Recording,
    row::Row,
    row_id::RowId,
};
use crate::proxy::access_log::line::Line;

/// The time for which the end of a gate waits for its viewers to take the last frame.
const FAREWELL: Duration = Duration::from_millis(500);

/// Records recent requests while it is armed.
#[derive(Debug)]
pub(crate) struct Recorder {
    instance: Uuid,
    arming: Arming,
    budget: Budget,
    /// The requests without a record since the last tick.
    skipped: AtomicU64,
    journal: Mutex<Journal>,
    feed: Feed,
    /// Notified of each new viewer.
    pub(crate) joined: Notify,
}

impl Recorder {
    /// Makes a recorder that is not armed.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            instance: Uuid::now_v7(),
            arming: Arming::new(),
            budget: Budget::full(),
            skipped: AtomicU64::new(0),
            journal: Mutex::default(),
            feed: Feed::new(),
            joined: Notify::new(),
        })
    }

    /// Returns the name of this run of the gate.
    pub(crate) fn instance(&self) -> Uuid {
        self.instance
    }

    /// Begins the recording of a request, if the recorder is armed.
    pub(crate) fn begin(&self, head: &Parts) -> Option<Box<Recording>> {
        self.arming.is_armed().then(|| {
            if self.budget.take_head() {
                Box::new(Recording::with_head(&head.method, &head.uri, &head.headers))
            } else {
                Box::default()
            }
        })
    }

    /// Begins the recording of a request whose head was never complete.
    pub(crate) fn begin_without_head(&self) -> Option<Box<Recording>> {
        self.arming.is_armed().then(Box::default)
    }

    /// Records a request that has ended, or only counts it if the budget is spent.
    pub(crate) fn record(&self, line: &Line<'_>, recording: Recording) {
        if self.budget.take(line.verdict.is_verified()) {
            let row = Row::of(line, recording.kind);
            self.journal().push(row, recording);
        } else {
            self.skip(1);
        }
    }

    /// Adds the doctor's finding about a rejected request.
    pub(crate) fn explain(&self, id: Uuid, cause: &'static str, text: String) {
        self.journal().explain(FoundCause { id, cause, text });
    }

    /// Whether somebody watches, so that further work on requests is worth it.
    pub(crate) fn is_watched(&self) -> bool {
        self.arming.viewers() > 0
    }

    /// Arms the recorder for a minute.
    pub(crate) fn look(&self) {
        self.arming.look(Instant::now());
    }

    /// Finds the record of a request.
    pub(crate) fn find(&self, id: Uuid) -> Option<Arc<Record>> {
        self.journal().find(id)
    }

    /// Returns the records before the one with this number, newest first.
    pub(crate) fn before(&self, number: u64) -> Vec<Arc<Record>> {
        self.journal().before(number)
    }

    /// Returns the frames from now on, unless the last one was sent.
    pub(super) fn subscribe(&self) -> Option<Receiver<Frame>> {
        self.feed.subscribe()
    }

    /// Counts a viewer.
    pub(super) fn begin_view(&self) {
        self.arming.begin_view();
        self.joined.notify_one();
    }

    /// Returns the published records after the one with this number.
    pub(super) fn backlog(&self, number: u64) -> Backlog {
        self.journal().backlog(number)
    }

    /// Removes a viewer.
    pub(super) fn end_view(&self, now: Instant) {
        self.arming.end_view(now);
    }

    /// Sends a frame to all viewers.
    pub(crate) fn publish(&self, frame: Frame) {
        self.feed.send(frame);
    }

    /// Waits until the recorder is armed.
    pub(super) async fn until_armed(&self) {
        self.arming.until_armed().await;
    }

    /// Refills the budget, sends the news to all viewers, and returns whether the recorder is
    /// still armed.
    pub(super) fn tick(&self, now: Instant) -> bool {
        self.budget.refill();
        self.publish_news();
        !self.arming.expire(now)
    }

    /// Counts requests that have no record.
    pub(super) fn skip(&self, requests: u64) {
        self.skipped.fetch_add(requests, Relaxed);
    }

    /// Sends the last news and the end of the stream, and waits a moment for viewers to take it.
    pub(crate) async fn end(&self) {
        self.publish_news();
        self.publish(Frame::end());
        let deadline = Instant::now() + FAREWELL;
        while self.is_watched() && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn publish_news(&self) {
        let news = self.journal().take_news();
        let skipped = self.skipped.swap(0, Relaxed);
        if !self.is_watched() {
            return;
        }
        if !news.records.is_empty() || skipped > 0 {
            self.publish(self.rows(&news.records, skipped, news.after));
        }
        for found in &news.causes {
            self.publish(Frame::cause(found));
        }
    }

    /// Makes the frame of the records that follow the one with the number `after`.
    pub(super) fn rows(&self, records: &[Arc<Record>], skipped: u64, after: u64) -> Frame {
        let after = RowId {
            instance: self.instance,
            number: after,
        };
        Frame::rows(after, records, skipped)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
