//! The store of an inbox: its contract, and the two engines that fulfil it, SQLite (`sqlite`) for
//! one gate and PostgreSQL (`postgres`) for several.
//!
//! The engines share the meaning of their tables and one test suite (`suite`). The invariants of
//! both are in the documentation of `inbox`.

mod contract;
mod delivery_row;
mod error;
mod list_order;
mod meter;
pub(crate) mod postgres;
mod recipients;
mod schema_version;
mod selection;
mod sql;
pub(crate) mod sqlite;
mod stats;
#[cfg(test)]
pub(crate) mod suite;
mod usage;

#[cfg(test)]
pub(crate) use self::error::Limit;
pub(crate) use self::{
    contract::{Store, StoreFuture},
    delivery_row::{Cursor, DeliveryRow},
    error::StoreError,
    list_order::ListOrder,
    meter::StoreMeter,
    selection::Selection,
    stats::{QueueStats, Stats},
};
