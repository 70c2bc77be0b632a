//! A viewer: one client of the event stream.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tokio::{sync::broadcast::Receiver, time::Instant};

use super::{frame::Frame, handle::Recorder};

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
    /// Makes a viewer. The recorder has counted it.
    pub(super) fn new(
        recorder: Arc<Recorder>,
        backlog: VecDeque<Frame>,
        seen: u64,
        frames: Receiver<Frame>,
    ) -> Self {
        Self {
            recorder,
            backlog,
            seen,
            frames: Some(frames),
        }
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
