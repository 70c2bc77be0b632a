//! The text of the demonstration on the terminal.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
};

use anstyle::{AnsiColor, Color, Style};

use super::settings::{CARTS_PATH, CONFIG_FILE, ORDERS_PATH};
use crate::net::listener::ListenAddress;

const BOLD: Style = Style::new().bold();

const GREEN: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));

const YELLOW: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));

/// The link to the console, and what to try there.
pub(super) struct Welcome<'d> {
    pub(super) link: String,
    pub(super) gate: ListenAddress,
    pub(super) dir: &'d Path,
}

/// The app has stopped.
pub(super) struct Stopped;

/// The app runs again.
pub(super) struct Started;

impl Display for Welcome<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { link, gate, dir } = self;
        writeln!(
            f,
            "Open the console. The link works once, and within 15 minutes:\n\n  {BOLD}{link}{BOLD:#}\n"
        )?;
        writeln!(
            f,
            "A sample shop sends two deliveries a second to the gate at {gate}, and a forgery every few\n\
             seconds. Orders ({ORDERS_PATH}) are stored first; carts ({CARTS_PATH}) go to the app at once.\n"
        )?;
        writeln!(f, "{BOLD}Try this{BOLD:#}")?;
        for (number, step) in STEPS.iter().enumerate() {
            writeln!(f, "  {}. {step}", number + 1)?;
        }
        let config = dir.join(CONFIG_FILE);
        write!(
            f,
            "\nThe configuration is {}. Ctrl-C ends the demonstration and removes its files.",
            config.display()
        )
    }
}

/// The steps of a first minute.
const STEPS: [&str; 6] = [
    "Live: a rejected delivery shows its reason and the probable cause.",
    "Press Enter here: the sample app stops. Carts fail; orders wait in the inbox.",
    "Inbox: a waiting order shows its attempts. Open it to see the request as it was forwarded.",
    "Press Enter again: the app runs, and each waiting order is delivered.",
    "Inbox: retry a dead letter, or replay a delivered order.",
    "Health: send a test order or a forgery, and see the response beside it.",
];

impl Display for Stopped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{YELLOW}The app is stopped.{YELLOW:#} Orders wait in the inbox. Press Enter to start it."
        )
    }
}

impl Display for Started {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{GREEN}The app runs.{GREEN:#} Waiting orders are delivered. Press Enter to stop it."
        )
    }
}
