//! The request of an attempt as people see it. The head comes from the function that writes it for
//! an attempt, so the two cannot differ.

use super::{app::Destination, attempt::begun_at, request_headers::request_head};
use crate::delivery::{Delivery, ShownHead};

impl Destination {
    /// Shows the head of the request that an attempt sends for this delivery. Values that
    /// authenticate the gate are hidden.
    pub(crate) fn preview(&self, delivery: &Delivery) -> ShownHead {
        let (head, info, settings) = (&delivery.head, &delivery.info, &self.settings);
        let length = delivery.body_len();
        let mut lines = request_head(head, info, length, &self.address, settings);
        if let Some(signer) = &settings.sign {
            let at = begun_at(info.attempt.as_ref());
            for (name, value) in signer.preview(&info.id.to_string(), at) {
                lines.header(&name, value.as_bytes());
            }
        }
        let own = settings.headers.all();
        let shown = ShownHead::written(&lines.finish(), |name| own.contains_key(name));
        // A configured query may contain a token. One of the request was shown with the request.
        match self.address.without_query().target() {
            Some(target) => shown.with_target(target.as_str()),
            None => shown,
        }
    }
}
