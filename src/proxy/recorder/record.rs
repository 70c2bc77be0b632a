//! The record of one request: its row, and its head on both sides of the gate.

use super::row::Row;
use crate::delivery::ShownHead;

/// A recorded request.
#[derive(Debug)]
pub(crate) struct Record {
    /// The place in the order of all records of this run; the first is 1.
    pub(crate) number: u64,
    pub(crate) row: Row,
    /// The head as received, unless the request was one too many of its tick.
    pub(crate) received: Option<Box<ShownHead>>,
    /// The head as forwarded to the destination of a direct endpoint.
    pub(crate) forwarded: Option<Box<ShownHead>>,
}
