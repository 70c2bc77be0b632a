//! A gate with a console that runs until it is stopped: a sample app behind it, and a trickle of
//! deliveries and forgeries, so that a new user sees everything in the first minute.
//!
//! ```text
//!   traffic (shop, random) ──► gate (settings, reload) ──► sample_app
//!                                │
//!                              console ◄── the link in welcome
//! ```

mod random;
mod reload;
mod run;
mod sample_app;
mod settings;
mod shop;
mod traffic;
mod welcome;

pub use run::ConsoleDemo;
pub use shop::SampleShop;
