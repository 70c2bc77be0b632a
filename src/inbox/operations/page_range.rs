//! One page of selected deliveries. Each operation on a page is bounded.

use crate::inbox::store::{Cursor, ListOrder, Selection};

/// Up to `most` selected deliveries behind a cursor.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageRange {
    pub(crate) selection: Selection,
    pub(crate) order: ListOrder,
    pub(crate) after: Option<Cursor>,
    pub(crate) most: usize,
}

impl PageRange {
    /// The largest page, and the largest number of events that a request may name.
    pub(crate) const MOST: usize = 1000;
}
