//! The whole definition of the command line, with the relations between flags and the names of
//! their variables.

use clap::{Command, CommandFactory as _};

use super::{command::Cli, inbox, serve, variables};

/// Returns the whole definition of the command line.
#[must_use]
pub fn definition() -> Command {
    let command = Cli::command()
        .mut_subcommand("serve", |serve| {
            serve::related(serve).mut_args(|arg| match variables::goes_with_a_file(&arg) {
                true => arg,
                false => arg.conflicts_with_all(["config", "config_toml"]),
            })
        })
        .mut_subcommand("inbox", inbox::related);
    variables::documented(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::cli::{
        variables::{SHARED, variable},
        walk::every_command,
    };

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_example() {
        let mut definition = definition();
        // A command knows its full name only after this.
        definition.build();
        for command in every_command(&definition) {
            let after = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let example = command.get_bin_name().expect("it was built");
            assert!(
                after.contains(example),
                "{}: no example",
                command.get_name()
            );
        }
    }

    #[test]
    fn only_serve_has_a_variable_for_each_flag() {
        let definition = definition();
        let mut of_serve = 0;
        for command in every_command(&definition) {
            for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
                let at = format!("{} --{}", command.get_name(), arg.get_id());
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let variable = variable(command.get_name(), arg);
                assert_eq!(help.contains("[env: "), variable.is_some(), "{at}: {help}");
                if command.get_name() == "serve" {
                    assert!(variable.is_some(), "{at}");
                    of_serve += 1;
                } else if variable.is_some() {
                    assert!(SHARED.contains(&arg.get_id().as_str()), "{at}");
                }
            }
        }
        assert!(of_serve > 20, "only {of_serve} flags were looked at");
    }
}
