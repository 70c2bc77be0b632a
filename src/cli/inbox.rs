//! `cartgate inbox`: what can be typed.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Command, Subcommand};
use jiff::{Timestamp, ZonedDateTime, civil, tz::TimeZone};
use tower_cartgate::EventKind;
use uuid::Uuid;

use super::{flags::Flags, inputs::rate, serve::WITH_INBOX};
use crate::{config::sections::inbox::InboxPlan, delivery::event::DeliveryState};

/// The arguments of `cartgate inbox`.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  cartgate inbox stats --config /etc/cartgate/cartgate.toml
      What waits for whom.

  cartgate inbox list --inbox sqlite:/var/lib/cartgate/inbox.db --state dead
  cartgate inbox retry --inbox sqlite:/var/lib/cartgate/inbox.db --destination shop
      The dead letters, and those of one destination tried again.

While a gate runs on an SQLite file, these ask it over the socket FILE.sock; otherwise they open the file themselves, and no
gate can start on it meanwhile.

Exit status: 0 done, also an empty list; 1 nothing to change, no such event, or refused by the gate; 2 usage or configuration."
)]
pub struct InboxArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: InboxCommand,
}

/// What can be done to an inbox.
#[derive(Debug, Subcommand)]
pub enum InboxCommand {
    /// List deliveries: event, destination, state, and why the last attempt failed
    List(ListArgs),
    /// Shows one event: its head, its deliveries, and its body where that is asked
    Show(ShowArgs),
    /// Delivers again what was delivered or is a dead letter
    Replay(AgainArgs),
    /// Retry dead letters now, or any undelivered events; with --to, at another destination
    Retry(RetryArgs),
    /// Removes deliveries, and events that have none left, for good
    Purge(PurgeArgs),
    /// Writes a copy of the SQLite file, also while a gate runs (cp would not give a whole one)
    Backup(BackupArgs),
    /// Shows how much there is and what waits for each destination
    Stats(StatsArgs),
}

/// Where the inbox is.
#[derive(Debug, Args)]
#[command(next_help_heading = "The inbox")]
pub struct InboxAt {
    /// The configuration file of the gate
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "inbox",
        required_unless_present = "inbox"
    )]
    pub config: Option<PathBuf>,

    /// The store itself, and the files that it needs.
    #[command(flatten)]
    pub(crate) inbox: Flags<InboxPlan>,
}

/// Which deliveries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which deliveries")]
pub struct SelectionArgs {
    /// Those of these events, by the ids that logs and answers show
    #[arg(value_name = "ID")]
    pub ids: Vec<Uuid>,

    /// Those that came to this endpoint
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,

    /// Those for this destination
    #[arg(long, value_name = "NAME")]
    pub destination: Option<String>,

    /// Those that stand so
    #[arg(long, value_enum, value_delimiter = ',')]
    pub state: Vec<DeliveryState>,

    /// Those of events of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<EventKind>,

    /// Received since: how long ago (2h), or a time, which is local unless it has an offset (2026-11-24T18:00+01:00)
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub since: Option<When>,

    /// Received before: as for --since
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub until: Option<When>,
}

/// The arguments of `cartgate inbox list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox list --config cartgate.toml --state dead,quarantined
  cartgate inbox list --config cartgate.toml --destination shop --since 2h
  cartgate inbox list --config cartgate.toml --json | jq -r 'select(.attempts > 3).id'")]
pub struct ListArgs {
    /// Where the inbox is
    #[command(flatten)]
    pub at: InboxAt,
    /// Which deliveries
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Prints a JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate inbox show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox show --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox show --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f --body > order.json
      The body alone, byte for byte; it is somebody's order.")]
pub struct ShowArgs {
    /// Where the inbox is
    #[command(flatten)]
    pub at: InboxAt,
    /// The event
    #[arg(value_name = "ID")]
    pub id: Uuid,
    /// Prints the body, byte for byte, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub body: bool,
    /// Prints a JSON object
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate inbox replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox replay --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox replay --config cartgate.toml --destination shop --since 2026-11-24T08:00:00Z --rate 50
      Everything of a morning once more, fifty a second.

The app gets the same ids as before, and must know by them what it has.")]
pub struct AgainArgs {
    /// Where the inbox is
    #[command(flatten)]
    pub at: InboxAt,
    /// Which deliveries
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// At most so many deliveries a second
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
}

/// The arguments of `cartgate inbox retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox retry --config cartgate.toml --destination shop
      All dead letters of one destination, each with its whole schedule again.

  cartgate inbox retry --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox retry --config cartgate.toml --state pending
      One event in any state except delivered; or all that wait. They are due now, and a destination that is down is
      tried at once. Delivered events: cartgate inbox replay.

  cartgate inbox retry --config cartgate.toml --destination old-shop --to shop
      What waits for a destination that the file no longer names, and its dead letters, to another one.

  cartgate inbox retry --config cartgate.toml --state quarantined
      What is intact by now: a copy of a damaged body mends it.")]
pub struct RetryArgs {
    /// What is taken by `replay`, too
    #[command(flatten)]
    pub again: AgainArgs,
    /// Moves them to this destination
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
}

/// The arguments of `cartgate inbox purge`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox purge --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox purge --config cartgate.toml --state delivered --until 30d --yes")]
pub struct PurgeArgs {
    /// Where the inbox is
    #[command(flatten)]
    pub at: InboxAt,
    /// Which deliveries
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Yes, all that is selected goes for good; one event that is named by its id needs no word
    #[arg(long)]
    pub yes: bool,
}

/// The arguments of `cartgate inbox backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox backup --config cartgate.toml /var/lib/cartgate/inbox-2026-11-24.db
      To restore it: stop the gate, move inbox.db away with its -wal and -shm, and put the copy in its place. The key file
      beside it belongs to it; keep that one, too.")]
pub struct BackupArgs {
    /// Where the inbox is
    #[command(flatten)]
    pub at: InboxAt,
    /// The file to write; it must not be there yet. A running gate writes it as its own user
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The arguments of `cartgate inbox stats`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox stats --config cartgate.toml
  cartgate inbox stats --inbox sqlite:/var/lib/cartgate/inbox.db --json")]
pub struct StatsArgs {
    /// Where the inbox is
    #[command(flatten)]
    pub at: InboxAt,
    /// Prints a JSON object
    #[arg(long)]
    pub json: bool,
}

/// Lets each command of the inbox take its store from a file or from flags.
pub(super) fn related(inbox: Command) -> Command {
    inbox.mut_subcommands(|command| {
        WITH_INBOX.into_iter().fold(command, |command, id| {
            command.mut_arg(id, |arg| arg.requires("inbox").conflicts_with("config"))
        })
    })
}

/// A point in time, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(Duration),
    /// A time with its offset.
    At(Timestamp),
    /// A time without an offset, in the zone of this machine.
    Local(ZonedDateTime),
}

/// A time with an offset is that time; one without is local, as on the operator's clock.
fn when(typed: &str) -> Result<When, &'static str> {
    if let Ok(ago) = humantime::parse_duration(typed) {
        return Ok(When::Ago(ago));
    }
    if let Ok(at) = typed.parse::<Timestamp>() {
        return Ok(When::At(at));
    }
    let local = typed.parse::<civil::DateTime>().ok();
    let local = local.and_then(|local| local.to_zoned_datetime(TimeZone::system()).ok());
    local.map(When::Local).ok_or(
        "expected a time (2026-11-24T18:00, which is local, or with an offset: 18:00Z, 18:00+01:00) or how long ago (2h)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moments_or_so_long_ago() {
        assert_eq!(when("2h"), Ok(When::Ago(Duration::from_secs(7_200))));
        let at = Timestamp::from_second(86_400).expect("in range");
        assert_eq!(when("1970-01-02T00:00:00Z"), Ok(When::At(at)));
        assert_eq!(when("1970-01-02T01:00+01:00"), Ok(When::At(at)));
        assert_eq!(when("1970-01-01 18:30:00.000-05:30"), Ok(When::At(at)));
        for local in ["1970-01-02T03:04", "1970-01-02 03:04:00"] {
            let Ok(When::Local(zoned)) = when(local) else {
                panic!("{local} is not local");
            };
            assert_eq!(zoned.datetime(), civil::datetime(1970, 1, 2, 3, 4, 0, 0));
        }
        assert!(matches!(when("1970-01-02"), Ok(When::Local(_))));
        for nonsense in ["", "yesterday", "-2h"] {
            assert!(when(nonsense).is_err(), "{nonsense}");
        }
    }
}
