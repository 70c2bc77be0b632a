//! `cartgate check`.

use serde_json::json;

use super::{
    mistakes::mistakes,
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{
    cli::{
        CheckArgs, serve_in_environment,
        source::{ConfigSource, ConfigSourceError, Origin, in_time},
        unused_variables,
    },
    config::{self, Finding, Place, Plan},
};

pub(super) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    if args.schema {
        return print_schema();
    }
    let served = serve_in_environment(args.file.as_deref());
    let served = served.map_err(|error| by_variable(&error, args.json))?;
    let source = ConfigSource::of(&served).map_err(Failure::usage)?;
    let (checked, without_files) = (source.clone(), args.without_files);
    let checked = in_time(move || check(&checked, without_files)).map_err(Failure::usage)?;
    let (plan, warnings) = checked.map_err(|error| failure(&source, error, args.json))?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&json!({ "usable": true, "mistakes": [], "warnings": warnings }))?;
        return Ok(Outcome::Done);
    }
    unused_variables(&plan.variables(), *source.origin() != Origin::Flags)
        .iter()
        .for_each(message);
    for warning in &warnings {
        message(format_args!("cartgate: warning: {}", source.line(warning)));
    }
    if args.show {
        output.line(plan)?;
    } else {
        output.line(format_args!("{}: usable", source.origin()))?;
    }
    Ok(Outcome::Done)
}

fn print_schema() -> Result<Outcome, Failure> {
    let schema = serde_json::to_string_pretty(&config::json_schema());
    let schema = schema.expect("a tree of JSON values has a text");
    Output::stdout().line(schema)?;
    Ok(Outcome::Done)
}

/// Returns the plan and all warnings about it.
fn check(
    source: &ConfigSource,
    without_files: bool,
) -> Result<(Plan, Vec<Finding>), ConfigSourceError> {
    let plan = source.plan()?;
    let warnings = if without_files {
        plan.warnings.clone()
    } else {
        source.load_to_start(&plan)?.warnings
    };
    Ok((plan, warnings))
}

/// Returns the failure for a variable that `serve` would reject as well.
fn by_variable(error: &clap::Error, as_json: bool) -> Failure {
    let rendered = error.to_string();
    let line = rendered.lines().next().unwrap_or_default();
    let line = line.trim_start_matches("error: ").to_owned();
    if as_json {
        let finding = Finding::new(Place::flag("--config"), &line);
        if let Some(failure) = print_mistakes(&[finding]) {
            return failure;
        }
    }
    Failure::usage(line)
}

fn failure(source: &ConfigSource, error: ConfigSourceError, as_json: bool) -> Failure {
    if let (true, ConfigSourceError::Mistakes(findings)) = (as_json, &error)
        && let Some(failure) = print_mistakes(findings)
    {
        return failure;
    }
    mistakes(source.lines(error))
}

/// Prints the mistakes as JSON; returns a failure if stdout cannot be written.
fn print_mistakes(findings: &[Finding]) -> Option<Failure> {
    let all = json!({ "usable": false, "mistakes": findings, "warnings": [] });
    Output::stdout().json(&all).err().map(Failure::from)
}
