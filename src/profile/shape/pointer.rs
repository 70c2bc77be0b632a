//! Writes places as JSON pointers (RFC 6901).

/// Joins steps, from the root.
pub(super) fn pointer<'s>(steps: impl IntoIterator<Item = &'s str>) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        for character in step.chars() {
            match character {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                other => pointer.push(other),
            }
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_tildes_are_escaped() {
        assert_eq!(pointer([]), "");
        assert_eq!(pointer([""]), "/");
        assert_eq!(pointer(["a/b", "c~d", "*"]), "/a~1b/c~0d/*");
    }
}
