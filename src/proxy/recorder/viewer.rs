//! A viewer: one client of the event stream.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tokio::{sync::broadcast::Receiver, time::Instant};

use super::{frame::Frame, handle::Recorder, row_id::RowId};

/// The rows in one frame of a backlog.
const BACKLOG_FRAME: usize = 250;

/// A client of the event stream. While there is one, the recorder is armed.
#[derive(Debug)]
pub(crate) struct Viewer {
    recorder: Arc<Recorder>,
    /// The frames that the client lacks from before it came.
    backlog: VecDeque<Frame>,
    /// The number of the last row that the client has, or will have from the backlog.
    seen: u64,
    /// None after the end of the stream.
    frames: Option<Receiver<Frame>>,
}

impl Viewer {
    /// Adds a viewer that has the rows up to `last`. Without `last`, or with one of another run, it
    /// has none. Returns `None` once the stream has ended.
    pub(crate) fn join(recorder: &Arc<Recorder>, last: Option<RowId>) -> Option<Self> {
        // Subscribes first: rows that a tick takes now are in the backlog and in a frame, and the
        // viewer drops that frame.
        let frames = recorder.subscribe()?;
        recorder.begin_view();
        let own = last.filter(|last| last.instance == recorder.instance());
        let known = own.map_or(0, |last| last.number);
        let backlog = recorder.backlog(known);
        let mut lost = own.map_or(0, |_| backlog.lost);
        let chunks = backlog.records.chunks(BACKLOG_FRAME);
        Some(Self {
            backlog: chunks
                .map(|records| recorder.rows(records, std::mem::take(&mut lost), known))
                .collect(),
            seen: backlog.published,
            frames: Some(frames),
            recorder: Arc::clone(recorder),
        })
    }

    /// Returns the next bytes of the stream. It ends with the gate, and for a client that is too
    /// far behind: the client comes again and resumes.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if let Some(frame) = self.backlog.pop_front() {
            return Some(frame.into_text());
        }
        loop {
            let frame = self.frames.as_mut()?.recv().await.ok()?;
            if frame.is_end() {
                self.frames = None;
            }
            if frame.is_news_after(self.seen) {
                return Some(frame.into_text());
            }
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.recorder.end_view(Instant::now());
    }
}
