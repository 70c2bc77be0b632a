//! The settings of a plan as flags. Which flags there are, their help, their defaults and their
//! parsers follow from the definitions in `config::sections`.

use std::{fmt, marker::PhantomData};

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches,
    builder::{PossibleValuesParser, ValueParser},
    parser::ValueSource,
};

use crate::{
    config::{
        Argument, Place, Places, Section, Setting, Text,
        definition::{Group, settings},
    },
    secret::source::{self, variable_is_set},
};

/// The settings of `P` that were given as flags or variables.
pub(crate) struct Flags<P> {
    given: Vec<(&'static str, Vec<String>)>,
    plan: PhantomData<fn() -> P>,
}

impl<P: Section> Flags<P> {
    /// Returns the plan of these flags if the flag that stands for the whole was given.
    pub(crate) fn plan_if(&self, at: &'static str) -> Option<P> {
        self.has(at).then(|| self.plan(at))
    }

    /// Whether any of them was given.
    pub(crate) fn any(&self) -> bool {
        !self.given.is_empty()
    }

    /// Whether this flag was given.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == flag)
    }

    /// Returns the plan of these flags, with every other value at its default. `at` is the flag
    /// that stands for the whole.
    pub(crate) fn plan(&self, at: &'static str) -> P {
        let mut plan = P::new(Places::new(Place::flag(at)));
        for setting in settings::<P>() {
            if let Some(flag) = setting.flag {
                plan.places().insert_flag(setting.key, flag);
            }
        }
        self.apply(&mut plan);
        plan
    }

    /// Overrides the values of a plan that were given as flags, and the secrets that variables
    /// hold.
    pub(crate) fn apply(&self, plan: &mut P) {
        for setting in settings::<P>() {
            let Some(flag) = setting.flag else {
                continue;
            };
            if let Some((_, texts)) = self.given.iter().find(|(given, _)| *given == flag) {
                let set = setting.access.set(plan, texts);
                set.expect("clap has parsed the texts of the flag");
                plan.places().insert(setting.key, Place::flag(flag));
                if let Some(Some((at, _))) = setting.access.secret(plan) {
                    *at = Place::flag(flag);
                }
            } else if let Argument::One(Text {
                variable: Some(variable),
                ..
            }) = setting.access.argument()
                && variable_is_set(variable)
                && let Some(secret) = setting.access.secret(plan)
            {
                // The flag names a file; its name without `-file` is that of the variable.
                let of = flag.trim_end_matches("-file");
                *secret = Some((
                    Place::Variable { of },
                    source::SecretPlace::Variable(variable.to_owned()),
                ));
            }
        }
    }
}

impl<P: Section> Args for Flags<P> {
    fn augment_args(command: Command) -> Command {
        let groups = P::groups().iter();
        groups.fold(command, |command, group| {
            let heading = Some(group.heading).filter(|heading| !heading.is_empty());
            command.next_help_heading(heading).args(args(group))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<P: Section> FromArgMatches for Flags<P> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = settings::<P>().filter_map(|setting| setting.flag);
        let given = flags.filter_map(|flag| Some((flag, texts(matches, &id(flag))?)));
        Ok(Self {
            given: given.collect(),
            plan: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the texts of a flag that was given, by itself or by its variable.
fn texts(matches: &ArgMatches, id: &str) -> Option<Vec<String>> {
    let given = [ValueSource::CommandLine, ValueSource::EnvVariable].map(Some);
    if !given.contains(&matches.value_source(id)) {
        return None;
    }
    match matches.try_get_many::<String>(id) {
        Ok(texts) => Some(texts.into_iter().flatten().cloned().collect()),
        Err(_) => Some(vec![matches.get_flag(id).to_string()]),
    }
}

fn args<P: Section>(group: &'static Group<P>) -> impl Iterator<Item = Arg> {
    let settings = group.settings.iter();
    settings.filter_map(|setting| Some(arg(setting, setting.flag?)))
}

fn arg<P: Section>(setting: &'static Setting<P>, flag: &'static str) -> Arg {
    let arg = Arg::new(id(flag)).long(flag.trim_start_matches('-'));
    match setting.access.argument() {
        Argument::None => unreachable!("{flag} is the flag of a table"),
        Argument::Switch => arg.action(ArgAction::SetTrue).help(help(setting, None)),
        Argument::One(text) => value(setting, arg.action(ArgAction::Set), text),
        Argument::Several(text) => {
            let several = arg.action(ArgAction::Append).value_delimiter(',');
            value(setting, several, text)
        }
    }
}

fn value<P: Section>(setting: &'static Setting<P>, arg: Arg, text: Text) -> Arg {
    let arg = arg
        .value_name(text.placeholder)
        .help(help(setting, text.variable))
        .value_parser(parser(setting, text));
    if setting.required.is_some() || setting.default.is_some() {
        return arg;
    }
    match setting.access.default(&mut P::new(Places::nowhere())) {
        Some(toml::Value::Array(values)) if !values.is_empty() => {
            let values: Vec<_> = values.iter().map(plain).collect();
            arg.default_value(values.join(","))
        }
        Some(toml::Value::Array(_)) | None => arg,
        Some(value) => arg.default_value(plain(&value)),
    }
}

fn parser<P: Section>(setting: &'static Setting<P>, text: Text) -> ValueParser {
    if !text.words.is_empty() {
        return PossibleValuesParser::new(text.words).into();
    }
    let parse = |text: &str| {
        let text = text.to_owned();
        let mut scratch = P::new(Places::nowhere());
        let set = setting
            .access
            .set(&mut scratch, std::slice::from_ref(&text));
        set.map(|()| text)
    };
    ValueParser::from(parse)
}

/// The help of a setting, in which a list says that it is one.
fn help<P>(setting: &Setting<P>, variable: Option<&str>) -> String {
    let mut help = setting.help.to_owned();
    if matches!(setting.access.argument(), Argument::Several(_)) {
        help += "; may be repeated";
    }
    if let Some(words) = setting.default {
        help = format!("{help} [default: {words}]");
    }
    if let Some(variable) = variable {
        help = format!("{help}. Without this flag: the variable {variable}");
    }
    help
}

fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn id(flag: &str) -> String {
    flag.trim_start_matches('-').replace('-', "_")
}

// The texts may be secrets by mistake, so a debug print names only the flags.
impl<P> fmt::Debug for Flags<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = self.given.iter().map(|(flag, _)| flag);
        f.debug_set().entries(flags).finish()
    }
}

impl<P> Clone for Flags<P> {
    fn clone(&self) -> Self {
        Self {
            given: self.given.clone(),
            plan: PhantomData,
        }
    }
}

impl<P> Default for Flags<P> {
    fn default() -> Self {
        Self {
            given: Vec::new(),
            plan: PhantomData,
        }
    }
}
