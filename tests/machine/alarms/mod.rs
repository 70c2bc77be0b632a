//! Each condition of a gate begins and ends: the real program sends both alarms to a receiver that
//! records them. Conditions of hours and days need no patience, because libfaketime moves the wall
//! clock of the gate. Its timers run in real time, as those of a machine that was suspended.

mod app;
mod certificates;
pub(crate) mod gate;
mod inbox;
mod payloads;
mod receivers;
mod requests;
mod secrets;
mod silence;
mod store;
