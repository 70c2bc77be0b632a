//! `cartgate check`.

use std::path::Path;

use serde_json::json;

use super::output::{Output, message};
use super::{Failure, Outcome, serve::mistakes};
use crate::cli::{CheckArgs, unknown_variables};
use crate::config::{FileError, Finding, Plan, Source, in_time};

pub(super) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let source = Source::File(args.file.clone());
    let (path, without_files) = (args.file.clone(), args.without_files);
    let checked = in_time(move || check(&path, without_files)).map_err(Failure::usage)?;
    let checked = checked.map_err(|error| match error {
        FileError::Mistakes(findings) => mistakes_of(&source, &findings, args.json),
        FileError::Unreadable(error) => {
            Failure::usage(format_args!("cannot read {}: {error}", args.file.display()))
        }
    });
    let (plan, warnings) = checked?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&json!({ "usable": true, "mistakes": [], "warnings": warnings }))?;
        return Ok(Outcome::Done);
    }
    unknown_variables(&plan.variables())
        .iter()
        .for_each(message);
    for warning in &warnings {
        message(format_args!("cartgate: warning: {}", source.line(warning)));
    }
    if args.show {
        output.line(plan)?;
    } else {
        output.line(format_args!("{}: can be used", args.file.display()))?;
    }
    Ok(Outcome::Done)
}

/// The plan and all warnings about it.
fn check(path: &Path, without_files: bool) -> Result<(Plan, Vec<Finding>), FileError> {
    let plan = Plan::from_file(path)?;
    let warnings = if without_files {
        plan.warnings.clone()
    } else {
        plan.load().map_err(FileError::Mistakes)?.warnings
    };
    Ok((plan, warnings))
}

fn mistakes_of(source: &Source, findings: &[Finding], as_json: bool) -> Failure {
    let lines = findings
        .iter()
        .map(|finding| source.line(finding))
        .collect();
    if as_json {
        let all = json!({ "usable": false, "mistakes": findings, "warnings": [] });
        if let Err(error) = Output::stdout().json(&all) {
            return error.into();
        }
    }
    mistakes(lines)
}
