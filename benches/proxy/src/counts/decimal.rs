//! The format of small counts.

/// Formats a count with one decimal, or without if it is whole.
pub(super) fn decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_counts_have_no_decimal() {
        assert_eq!(
            [3.0, 1.98, 0.25, 30.96].map(decimal),
            ["3", "2", "0.2", "31"]
        );
    }
}
