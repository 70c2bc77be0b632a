//! The durable inbox from the view of senders and operators.

mod api;
mod attempts;
mod commands;
mod duplicates;
mod ending;
mod lost_file;
mod seals;
mod shown;
mod space;
mod starting;
mod waiting;

use commands::{ask, inbox};
