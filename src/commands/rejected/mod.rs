//! `cartgate rejected`: lists and shows the rejections that a gate saved. Escapes received text for
//! the terminal.

mod judge;
mod print;

use std::path::{Path, PathBuf};

use self::{judge::Judges, print::Report};
use super::{
    input,
    mistakes::mistakes,
    outcome::{Failure, Outcome},
    output::{self, Output, message},
};
use crate::{
    cli::{
        RejectedAt, RejectedCommand, RejectedListArgs, RejectedShowArgs, serve_with_file_alone,
        source::ConfigSource,
    },
    config::Plan,
    rejected::{ReadError, SavedFile},
    secret::source::{SECRET_VARIABLE, variable_is_set},
};

pub(super) fn run(command: RejectedCommand) -> Result<Outcome, Failure> {
    match command {
        RejectedCommand::List(args) => list(args),
        RejectedCommand::Show(args) => show(args),
    }
}

fn list(args: RejectedListArgs) -> Result<Outcome, Failure> {
    let Selection { dir, judges } = Selection::new(args.at)?;
    let files = SavedFile::all(&dir).map_err(|error| input::unreadable(&dir, &error))?;
    let mut output = Output::stdout();
    if !args.json && !files.is_empty() {
        output.line(print::HEADINGS)?;
    }
    for file in &files {
        let rejection = match file.read() {
            Ok(Some(rejection)) => rejection,
            // The gate has evicted it meanwhile.
            Ok(None) => continue,
            Err(error) => {
                message(format_args!("cartgate: {}: {error}", file.path.display()));
                continue;
            }
        };
        let verdict = judges.judge(&rejection);
        let report = Report {
            rejection: &rejection,
            file,
            verdict: verdict.as_ref(),
        };
        if args.json {
            output.json_line(&report.json())?;
        } else {
            output.line(report.line())?;
        }
    }
    Ok(Outcome::Done)
}

fn show(args: RejectedShowArgs) -> Result<Outcome, Failure> {
    let Selection { dir, judges } = Selection::new(args.at)?;
    let file = SavedFile::of(&dir, args.id);
    let rejection = file.read().map_err(|error| match error {
        ReadError::Io(error) => input::unreadable(&file.path, &error),
        error => Failure::no(format_args!("{}: {error}", file.path.display())),
    })?;
    let rejection = rejection.ok_or_else(|| {
        let dir = dir.display();
        Failure::no(format_args!("no saved rejection {} in {dir}", args.id))
    })?;
    if args.body {
        output::bytes(&rejection.bytes())?;
        return Ok(Outcome::Done);
    }
    let verdict = judges.judge(&rejection);
    let report = Report {
        rejection: &rejection,
        file: &file,
        verdict: verdict.as_ref(),
    };
    let mut output = Output::stdout();
    if args.json {
        output.json(&report.json_with_headers())?;
    } else {
        output.line(report.screen())?;
    }
    Ok(Outcome::Done)
}

/// The directory of saved rejections, and the secrets that judge them.
struct Selection {
    dir: PathBuf,
    judges: Judges,
}

impl Selection {
    fn new(at: RejectedAt) -> Result<Self, Failure> {
        let (dir, plan) = match at.dir {
            Some(dir) => (dir, None),
            None => configured(at.config.as_deref())?,
        };
        let has_secrets =
            !at.secret_file.is_empty() || plan.is_none() && variable_is_set(SECRET_VARIABLE);
        let secrets = has_secrets
            .then(|| input::secrets(at.secret_file))
            .transpose()?;
        let judges = Judges::new(plan.as_ref(), secrets, at.header_name)?;
        Ok(Self { dir, judges })
    }
}

/// Returns the directory of a configuration, and the configuration.
fn configured(file: Option<&Path>) -> Result<(PathBuf, Option<Plan>), Failure> {
    let source = ConfigSource::of(&serve_with_file_alone(file)).map_err(Failure::usage)?;
    let plan = source.plan();
    let plan = plan.map_err(|error| mistakes(source.lines(error)))?;
    let rejected = plan.rejected.as_ref().ok_or_else(|| {
        Failure::usage(format_args!(
            "{} has no [rejected] table, so its gate saves no rejections; add one, or name a directory with --dir",
            source.origin()
        ))
    })?;
    Ok((rejected.settings.dir.clone(), Some(plan)))
}
