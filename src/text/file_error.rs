//! The reason why a file cannot be read, with the next step.

use std::io::{self, ErrorKind};

/// Returns the reason in words. The frequent ones name the next step.
pub(crate) fn file_error(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
        ErrorKind::PermissionDenied => {
            "permission denied; let the gate's user read it, or use sudo".to_owned()
        }
        ErrorKind::IsADirectory => "it is a directory; name a file in it".to_owned(),
        _ => error.to_string(),
    }
}
