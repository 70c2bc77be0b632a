//! The order of a list of deliveries.

/// The order of a list, by the time at which the events were received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ListOrder {
    #[default]
    OldestFirst,
    NewestFirst,
}

impl ListOrder {
    /// Returns the SQL operator of the deliveries behind a cursor.
    pub(super) fn behind(self) -> &'static str {
        match self {
            Self::OldestFirst => ">",
            Self::NewestFirst => "<",
        }
    }

    /// Returns the SQL operator of the deliveries up to a cursor.
    pub(super) fn up_to(self) -> &'static str {
        match self {
            Self::OldestFirst => "<=",
            Self::NewestFirst => ">=",
        }
    }

    /// Returns the SQL keyword of the order.
    pub(super) fn direction(self) -> &'static str {
        match self {
            Self::OldestFirst => "ASC",
            Self::NewestFirst => "DESC",
        }
    }
}
