//! The feed: carries frames to all viewers, and waits for none of them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::broadcast::{Receiver, Sender};

use super::frame::Frame;

/// The frames that a viewer may be behind: about ten seconds at full load.
pub(super) const CAPACITY: usize = 64;

/// The way of frames from the ticker to the viewers.
#[derive(Debug)]
pub(super) struct Feed {
    frames: Sender<Frame>,
    has_ended: AtomicBool,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            frames: Sender::new(CAPACITY),
            has_ended: AtomicBool::new(false),
        }
    }

    /// Sends a frame to all viewers.
    pub(super) fn send(&self, frame: Frame) {
        if frame.is_end() {
            self.has_ended.store(true, Relaxed);
        }
        // Without viewers the send fails, and nothing is lost.
        let _ = self.frames.send(frame);
    }

    /// Returns the frames from now on, unless the last one was sent.
    pub(super) fn subscribe(&self) -> Option<Receiver<Frame>> {
        let frames = self.frames.subscribe();
        (!self.has_ended.load(Relaxed)).then_some(frames)
    }
}
