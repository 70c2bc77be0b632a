//! Walks through the commands of a definition.

use clap::Command;

/// Returns the commands of a definition, and the commands below them.
pub(crate) fn every_command(definition: &Command) -> Vec<&Command> {
    let own = definition.get_subcommands();
    own.flat_map(|command| std::iter::once(command).chain(every_command(command)))
        .collect()
}
