//! The checked-in inputs of one target, by file name.

use std::{fs, path::Path};

use crate::mutation::{Dice, mutate};

pub struct Corpus(Vec<(String, Vec<u8>)>);

impl Corpus {
    /// Loads the inputs in the order of their names, so that a seed always gives the same mutant.
    pub fn load(target: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/corpus")
            .join(target);
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| {
                let entry = entry.expect("a file");
                let name = entry.file_name().into_string().expect("a plain name");
                (name, fs::read(entry.path()).expect("it can be read"))
            })
            .collect();
        files.sort();
        assert!(
            files.len() >= 5,
            "{} files in {}",
            files.len(),
            folder.display()
        );
        Self(files)
    }

    pub fn all(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, data)| (name.as_str(), data.as_slice()))
    }

    /// Returns an input with one to four changes, some of them with parts of another input.
    pub fn mutant(&self, dice: &mut Dice) -> Vec<u8> {
        let mut data = self.one(dice).to_owned();
        for _ in 0..=dice.below(4) {
            mutate(&mut data, self.one(dice), dice);
        }
        data
    }

    fn one(&self, dice: &mut Dice) -> &[u8] {
        &self.0[dice.below(self.0.len())].1
    }
}
