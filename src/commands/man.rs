//! `cartgate man`.

use std::{fs, io, iter::once};

use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use super::{Failure, Outcome};
use crate::cli::{self, ManArgs};

pub(super) fn run(args: &ManArgs) -> Result<Outcome, Failure> {
    let mut all = cli::definition();
    // Only then do the commands know that they are `cartgate serve` and not `serve`.
    all.build();
    for command in once(&all).chain(cli::every_command(&all)) {
        let name = command.get_display_name().unwrap_or("cartgate");
        let at = args.dir.join(format!("{name}.1"));
        let written = page(command).and_then(|page| fs::write(&at, page));
        written.map_err(|error| {
            Failure::usage(format_args!("cannot write {}: {error}", at.display()))
        })?;
    }
    Ok(Outcome::Done)
}

/// A command's page. The examples are set as they are typed, where the crate would fill their lines.
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
