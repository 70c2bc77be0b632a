//! The part of a record that is gathered while its request is in progress.

use http::{HeaderMap, Method, Uri};

use crate::delivery::ShownHead;

/// The heads and the event kind of a request in progress.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(super) received: Option<Box<ShownHead>>,
    pub(super) forwarded: Option<Box<ShownHead>>,
    pub(super) kind: Option<&'static str>,
}

impl Recording {
    /// Begins with the head of a request.
    pub(super) fn with_head(method: &Method, target: &Uri, headers: &HeaderMap) -> Self {
        let head = ShownHead::received(method, target, headers);
        Self {
            received: Some(Box::new(head)),
            ..Self::default()
        }
    }

    /// Adds the event kind.
    pub(crate) fn verified(&mut self, event: tower_cartgate::Event) {
        self.kind = super::row::kind(event);
    }

    /// Adds the head that the destination gets, if the request's own head is recorded.
    pub(crate) fn forwarding(&mut self, preview: impl FnOnce() -> ShownHead) {
        if self.received.is_some() {
            self.forwarded = Some(Box::new(preview()));
        }
    }
}
