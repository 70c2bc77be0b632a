//! Words for a POSIX shell.

/// Quotes a word, unless it is plain.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        for (word, written) in [
            ("a-b_c./:=@%+,9", "a-b_c./:=@%+,9"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(id)`id`;\"", "'$(id)`id`;\"'"),
            ("it's", r"'it'\''s'"),
            ("ü", "'ü'"),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
