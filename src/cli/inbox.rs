//! `cartgate inbox`: its subcommands and flags.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Command, Subcommand};
use jiff::{Timestamp, ZonedDateTime, civil, tz::TimeZone};
use tower_cartgate::{EventKind, SecretName};
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
      Show how many deliveries wait for each destination.

  cartgate inbox list --inbox sqlite:/var/lib/cartgate/inbox.db --state dead
  cartgate inbox retry --inbox sqlite:/var/lib/cartgate/inbox.db --destination shop
      List the dead letters, and retry those of one destination.

While a gate uses an SQLite file, the commands connect to it over the socket FILE.sock. Otherwise they open the file, and no
gate can start on it meanwhile.

Exit status: 0 done, also an empty list; 1 nothing to change, no such event, or rejected by the gate; 2 usage or configuration error."
)]
pub struct InboxArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: InboxCommand,
}

/// The subcommands of `cartgate inbox`.
#[derive(Debug, Subcommand)]
pub enum InboxCommand {
    /// List deliveries with their event, destination, state and last failure
    List(ListArgs),
    /// Show one event: its head, its deliveries and, with --body, its body
    Show(ShowArgs),
    /// Deliver delivered events and dead letters again
    Replay(AgainArgs),
    /// Retry dead letters or other undelivered events now; with --to, at another destination
    Retry(RetryArgs),
    /// Delete deliveries, and events without any left
    Purge(PurgeArgs),
    /// Copy the SQLite file, also while a gate uses it (cp would copy an incomplete file)
    Backup(BackupArgs),
    /// Show the size of the inbox and the queue of each destination
    Stats(StatsArgs),
    /// Show the learned profile of the sender and its payloads, which has no values
    Profile(ProfileArgs),
}

/// The place of the inbox.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inbox")]
pub struct InboxAt {
    /// Configuration file of the gate. Without it and --inbox: the one that `serve` finds
    #[arg(long, value_name = "FILE", conflicts_with = "inbox")]
    pub config: Option<PathBuf>,

    /// The store itself, and the files that it needs.
    #[command(flatten)]
    pub(crate) inbox: Flags<InboxPlan>,
}

/// The selection of deliveries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Only deliveries of these events, by the ids that logs and responses show
    #[arg(value_name = "ID")]
    pub ids: Vec<Uuid>,

    /// Only deliveries received by this endpoint
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,

    /// Only deliveries for this destination
    #[arg(long, value_name = "NAME")]
    pub destination: Option<String>,

    /// Only deliveries in this state
    #[arg(long, value_enum, value_delimiter = ',')]
    pub state: Vec<DeliveryState>,

    /// Only deliveries of events of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<EventKind>,

    /// Only events received since: an age (2h), or a time, local unless it has an offset
    /// (2026-11-24T18:00+01:00)
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub since: Option<When>,

    /// Only events received before: as for --since
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
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// The selection of deliveries.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate inbox show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox show --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox show --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f --body > order.json
      Write the body alone, byte for byte; it holds personal data.")]
pub struct ShowArgs {
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// Event id
    #[arg(value_name = "ID")]
    pub id: Uuid,
    /// Print only the body, byte for byte
    #[arg(long, conflicts_with = "json")]
    pub body: bool,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate inbox replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox replay --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox replay --config cartgate.toml --destination shop --since 2026-11-24T08:00:00Z --rate 50
      Deliver every event of a morning again, 50 per second.

The app gets the same ids as before, and must recognize by them the events that it has.")]
pub struct AgainArgs {
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// The selection of deliveries.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Maximum number of deliveries per second
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
}

/// The arguments of `cartgate inbox retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox retry --config cartgate.toml --destination shop
      Retry all dead letters of one destination, each with its whole retry schedule.

  cartgate inbox retry --config cartgate.toml 0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f
  cartgate inbox retry --config cartgate.toml --state pending
      Retry one event in any state except delivered, or all pending deliveries. They are due now, even if the destination
      is down. For delivered events: cartgate inbox replay.

  cartgate inbox retry --config cartgate.toml --destination old-shop --to shop
      Move pending deliveries and dead letters of a destination that the file no longer names to another one.

  cartgate inbox retry --config cartgate.toml --state quarantined
      Retry quarantined events that are intact again: a copy of a damaged body repairs it.")]
pub struct RetryArgs {
    /// The arguments that `replay` accepts, too.
    #[command(flatten)]
    pub again: AgainArgs,
    /// Move the deliveries to this destination
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
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// The selection of deliveries.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Confirm deletion (not needed for a single id)
    #[arg(long)]
    pub yes: bool,
}

/// The arguments of `cartgate inbox backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox backup --config cartgate.toml /var/lib/cartgate/inbox-2026-11-24.db
      To restore it: stop the gate, move inbox.db away with its -wal and -shm, and put the copy in its place. The copy is
      useless without the key file beside inbox.db: back it up, too.")]
pub struct BackupArgs {
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// File to write; it must not exist. A running gate writes it as its own user
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
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate inbox profile`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate inbox profile --config cartgate.toml
  cartgate inbox profile --config cartgate.toml --toml
      Suggest the lines event, unique and fresh for each [[endpoint]].
  cartgate inbox profile --config cartgate.toml --json | jq -r '.endpoints[].pointers[].pointer'
  cartgate inbox profile --config cartgate.toml --accept orders
      Accept the payloads as they are now: end the alarm about pointers that are missing.

Without a gate on the SQLite file, and with PostgreSQL, this is the profile that a gate has stored, at most some minutes ago.")]
pub struct ProfileArgs {
    /// The place of the inbox.
    #[command(flatten)]
    pub at: InboxAt,
    /// Print a JSON object, like GET /api/v1/profile
    #[arg(long)]
    pub json: bool,
    /// Print only suggested settings, as TOML
    #[arg(long, conflicts_with = "json")]
    pub toml: bool,
    /// Accept the shape of the last payloads of this endpoint
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoint, conflicts_with_all = ["json", "toml"])]
    pub accept: Option<String>,
}

/// Lets each command of the inbox take its store from a file or from flags.
pub(super) fn related(inbox: Command) -> Command {
    inbox.mut_subcommands(|command| {
        WITH_INBOX.into_iter().fold(command, |command, id| {
            command.mut_arg(id, |arg| arg.requires("inbox").conflicts_with("config"))
        })
    })
}

/// A point in time as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// An age.
    Ago(Duration),
    /// A time with its offset.
    At(Timestamp),
    /// A time without an offset, in the zone of this machine.
    Local(ZonedDateTime),
}

/// Parses the name of an endpoint.
fn endpoint(typed: &str) -> Result<String, &'static str> {
    let name: SecretName = typed
        .parse()
        .map_err(|_| "expected the name of an endpoint")?;
    Ok(name.as_ref().to_owned())
}

/// Parses an age, or a time, which is local without an offset.
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
        "expected a time (2026-11-24T18:00, which is local, or with an offset: 18:00Z, 18:00+01:00) or an age (2h)",
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
