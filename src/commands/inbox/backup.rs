//! `cartgate inbox backup`.

use std::{io, path::absolute};

use super::access::Access;
use crate::{
    cli::BackupArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::message,
    },
};

pub(super) async fn run(args: BackupArgs) -> Result<Outcome, Failure> {
    let access = Access::open(&args.at).await?;
    // The gate, which may write the file, has another working directory.
    let to = absolute(&args.file).map_err(|error: io::Error| {
        Failure::usage(format_args!("{}: {error}", args.file.display()))
    })?;
    access.back_up(&to).await?;
    message(format_args!(
        "cartgate: backup written to {}; keep the key file of the inbox with it",
        to.display()
    ));
    Ok(Outcome::Done)
}
