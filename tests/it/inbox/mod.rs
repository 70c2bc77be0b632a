//! The durable inbox, as senders and operators see it.

mod commands;
mod duplicates;
mod ending;
mod seals;
