//! The changes that an operator makes to the headers of an endpoint's deliveries.

use http::{HeaderMap, HeaderName};

/// Headers that an endpoint adds to its deliveries or drops from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Headers that every delivery carries. They replace the client's headers of the same name.
    /// [`header_may_be_set`](super::header_filter::header_may_be_set) must allow each name.
    pub add: HeaderMap,
    /// Headers that no delivery carries.
    /// [`header_may_be_dropped`](super::header_filter::header_may_be_dropped) must allow each name.
    pub drop: Vec<HeaderName>,
}

/// The header settings of the endpoint that verified a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointHeaders<'a> {
    /// The name of the signature header, which always reaches the destination.
    pub(crate) signature: &'a HeaderName,
    pub(crate) changes: &'a HeaderChanges,
}
