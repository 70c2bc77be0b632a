//! Alarms of a running gate, and `cartgate alarm test`, against receivers that record each message.

mod command;
mod receiver;
mod running;
