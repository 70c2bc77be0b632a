//! The head of a request that an extractor rejected.

use std::{fmt, sync::Arc};

use http::request::Parts;

/// The head of a request that an extractor rejected, for the log and for the layer's observer.
#[derive(Clone)]
pub(crate) struct Head(pub(crate) Option<Arc<Parts>>);

impl Head {
    pub(crate) const UNKNOWN: Self = Self(None);
}

/// Omits the head, because its headers contain the signature.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Head")
    }
}
