//! The settings of a table as the reference describes them.

use super::{
    access::Argument,
    definition::{Section, Setting, settings},
    description::Description,
    kind::inline,
};
use crate::config::places::Places;

/// Describes every setting of the table.
pub(crate) fn describe<P: Section>() -> Vec<Description> {
    settings::<P>().map(one).collect()
}

fn one<P: Section>(setting: &Setting<P>) -> Description {
    let nested = setting.access.nested();
    let has_default = setting.required.is_none() && nested.is_none();
    let value = has_default
        .then(|| setting.access.default(&mut P::new(Places::nowhere())))
        .flatten();
    Description {
        key: setting.key,
        flag: setting.flag,
        help: setting.help,
        details: setting.details,
        required: setting.required.is_some(),
        restart: setting.restart,
        value: value.as_ref().map(inline),
        default: setting.default.map(str::to_owned),
        example: setting.example,
        words: words(setting),
        nested,
    }
}

fn words<P>(setting: &Setting<P>) -> Vec<String> {
    let words = match setting.access.argument() {
        Argument::One(text) | Argument::Several(text) => text.words,
        Argument::None | Argument::Switch => Vec::new(),
    };
    let names = words.iter().map(|word| word.get_name().to_owned());
    names.collect()
}
