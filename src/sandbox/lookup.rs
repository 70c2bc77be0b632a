//! The explanation of a failed name look-up for which the sandbox may be the reason.

use std::{fs::File, io};

use super::enter::current;

/// Files of the resolver that other programs replace.
const REPLACED: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// Returns the error of a failed look-up, or one that names the file which the resolver could not
/// read.
pub(crate) fn explain(error: io::Error) -> io::Error {
    let is_unreadable = |file: &&str| {
        let opened = File::open(file);
        opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    let unreadable = current().and_then(|_| REPLACED.into_iter().find(|file| is_unreadable(file)));
    let Some(file) = unreadable else {
        return error;
    };
    let text = format!(
        "{error}; {file} was replaced, and the sandbox of a gate that runs as root permits only the file of the start: \
         restart the gate, or run it as its own user"
    );
    io::Error::new(error.kind(), text)
}
