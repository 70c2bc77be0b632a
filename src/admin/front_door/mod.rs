//! Deliveries that the gate sends to itself, for operators: tests, and saved rejections that verify
//! by now.
//!
//! They enter through the gate's own front door, a pair of connected sockets whose far end a worker
//! serves like any accepted connection. Each delivery is therefore limited, verified, logged and
//! counted like one from outside, and nothing here can open a connection to an address.
//!
//! ```text
//!   test_delivery ── outgoing ──┐                      ┌── balancer ── worker ── stack
//!                               ├── client ══ socket ══┤
//!   saved rejection ────────────┘     pair             └── trait FrontDoor
//!                                       │
//!                          judgement, test_result
//! ```

mod address;
mod client;
mod door;
mod judgement;
mod test_delivery;
mod test_result;

pub(crate) use address::DeliveryAddress;
pub(crate) use client::{FrontDoorClient, FrontDoorError};
pub(crate) use door::FrontDoor;
pub(crate) use test_delivery::{MAX_BODY, TestDelivery, max_body};
pub(crate) use test_result::TestResult;
