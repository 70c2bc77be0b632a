//! The durable inbox, as senders and operators see it.

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
