//! `cartgate alarm`.

use serde_json::json;

use super::{
    mistakes::mistakes,
    outcome::{Failure, Outcome},
    output::{Output, message},
    runtime::runtime,
};
use crate::{
    cli::{
        AlarmCommand, AlarmTestArgs, serve_with_file_alone,
        source::{ConfigSource, in_time},
    },
    text::terminal::printable,
};

pub(super) fn run(command: AlarmCommand) -> Result<Outcome, Failure> {
    match command {
        AlarmCommand::Test(args) => test(&args),
    }
}

fn test(args: &AlarmTestArgs) -> Result<Outcome, Failure> {
    let source = ConfigSource::of(&serve_with_file_alone(args.config.as_deref()));
    let source = source.map_err(Failure::usage)?;
    let resolving = source.clone();
    let loaded = in_time(move || {
        let plan = resolving.plan()?;
        resolving.load_alarms(&plan)
    });
    let loaded = loaded.map_err(Failure::usage)?;
    let (receivers, warnings) = loaded.map_err(|error| mistakes(source.lines(error)))?;
    for warning in &warnings {
        message(format_args!("cartgate: warning: {}", source.line(warning)));
    }
    if receivers.is_empty() {
        let from = source.origin();
        return Err(Failure::usage(format_args!(
            "{from} has no [[alarm]]; add one with the `url` of a receiver"
        )));
    }
    let runtime = runtime()?;
    let mut output = Output::stdout();
    let (mut all, mut results) = (true, Vec::new());
    for receiver in &receivers {
        let error = runtime.block_on(receiver.test()).err();
        all &= error.is_none();
        let error = error.map(|error| printable(error.to_string().as_bytes()));
        let (name, place) = (&receiver.name, receiver.place());
        if args.json {
            results.push(json!({
                "alarm": name, "address": place, "sent": error.is_none(), "error": error,
            }));
        } else {
            let result = error.unwrap_or_else(|| "sent".to_owned());
            output.line(format_args!("{name} ({place}): {result}"))?;
        }
    }
    if args.json {
        output.json(&results)?;
    }
    Ok(Outcome::yes_if(all))
}
