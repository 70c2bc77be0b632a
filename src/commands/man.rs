//! `cartgate man`.

use std::{fs, io, iter::once};

use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use super::outcome::{Failure, Outcome};
use crate::cli::{self, ManArgs};

pub(super) fn run(args: &ManArgs) -> Result<Outcome, Failure> {
    let mut all = cli::definition();
    // Building sets the full names of the commands, such as `cartgate serve`.
    all.build();
    for command in once(&all).chain(cli::every_command(&all)) {
        let name = command.get_display_name().unwrap_or("cartgate");
        let path = args.dir.join(format!("{name}.1"));
        let written = page(command).and_then(|page| fs::write(&path, page));
        written.map_err(|error| {
            Failure::usage(format_args!("cannot write {}: {error}", path.display()))
        })?;
    }
    Ok(Outcome::Done)
}

/// Returns the page of a command. It sets the examples line by line, where the crate would reflow
/// them.
fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone().after_help(None))
        .source(concat!("cartgate ", env!("CARGO_PKG_VERSION")))
        .manual("Cartgate")
        .render(&mut page)?;
    if let Some(examples) = command.get_after_help() {
        let mut section = Roff::new();
        section.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.to_string().lines() {
            section.text([roman(line)]);
        }
        section.control("fi", []);
        section.to_writer(&mut page)?;
    }
    Ok(page)
}
