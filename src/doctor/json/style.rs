//! The ways in which common JSON libraries write documents.

/// A style of writing JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(super) layout: Layout,
    pub(super) escapes: Escapes,
    pub(super) sorted: bool,
    pub(super) numbers: Numbers,
}

/// The spelling of numbers without an exponent. A parser loses the zeros of `19.90`, and some
/// writers add them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    AsWritten,
    /// `19.90` as `19.9` and `20.00` as `20`.
    Shortest,
    /// `19.9` as `19.90`.
    Cents,
    /// `19.9` as `19.90` and `20` as `20.00`.
    AllCents,
    /// `20` as `20.0`.
    Floats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Compact,
    /// `, ` and `: ` on one line, as in Python.
    Spaced,
    Indented(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    AsWritten,
    Least,
    Ascii,
    Slashes,
    AsciiAndSlashes,
    Html,
}

impl Style {
    /// Returns every known style.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const LAYOUTS: [Layout; 5] = [
            Layout::Compact,
            Layout::Spaced,
            Layout::Indented("  "),
            Layout::Indented("    "),
            Layout::Indented("\t"),
        ];
        const ESCAPES: [Escapes; 6] = [
            Escapes::AsWritten,
            Escapes::Least,
            Escapes::Ascii,
            Escapes::Slashes,
            Escapes::AsciiAndSlashes,
            Escapes::Html,
        ];
        const NUMBERS: [Numbers; 4] = [
            Numbers::Cents,
            Numbers::Shortest,
            Numbers::AllCents,
            Numbers::Floats,
        ];
        let written = [false, true].into_iter().flat_map(|sorted| {
            LAYOUTS.into_iter().flat_map(move |layout| {
                ESCAPES.into_iter().map(move |escapes| Self {
                    layout,
                    escapes,
                    sorted,
                    numbers: Numbers::AsWritten,
                })
            })
        });
        // Each style costs a MAC, so the numbers are combined only with the most common escapes.
        let renumbered = NUMBERS.into_iter().flat_map(|numbers| {
            LAYOUTS.into_iter().flat_map(move |layout| {
                ESCAPES.into_iter().take(3).map(move |escapes| Self {
                    layout,
                    escapes,
                    sorted: false,
                    numbers,
                })
            })
        });
        written.chain(renumbered)
    }

    /// Returns a description of the signed text.
    pub(crate) fn description(self) -> String {
        let layout = match self.layout {
            Layout::Compact => "compact",
            Layout::Spaced => "with a space after each comma and colon",
            Layout::Indented("\t") => "indented by tabs",
            Layout::Indented(indent) if indent.len() == 2 => "indented by 2",
            Layout::Indented(_) => "indented by 4",
        };
        let escapes = match self.escapes {
            Escapes::AsWritten => "",
            Escapes::Least => ", with the fewest escapes",
            Escapes::Ascii => ", escaped to ASCII",
            Escapes::Slashes => ", with escaped slashes",
            Escapes::AsciiAndSlashes => ", escaped to ASCII with escaped slashes",
            Escapes::Html => ", with <, > and & escaped",
        };
        let sorted = if self.sorted { ", keys sorted" } else { "" };
        let numbers = match self.numbers {
            Numbers::AsWritten => "",
            Numbers::Shortest => ", with numbers without zeros at their end (19.9 for 19.90)",
            Numbers::Cents => ", with zeros at the end of numbers (19.90 for 19.9)",
            Numbers::AllCents => ", with two decimals in each number (20.00 for 20)",
            Numbers::Floats => ", with whole numbers as 20.0",
        };
        format!("the signed text was {layout}{escapes}{sorted}{numbers}")
    }
}
