//! The account of the service, which owns its secret.

use std::{fs, io, path::Path};

use crate::commands::outcome::Failure;

/// The name of the account, which the packages create.
const NAME: &str = "cartgate";

/// The ids of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Returns the account of the service. Packages write accounts of services into this file, so
    /// other sources of accounts need no look-up.
    pub(super) fn of_service(passwd: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(passwd).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(String::new()),
            _ => Err(Failure::usage(format_args!(
                "cannot read {}: {error}",
                passwd.display()
            ))),
        })?;
        text.lines().find_map(parse).ok_or_else(|| {
            Failure::usage(format_args!(
                "there is no account {NAME}; install the package, or run `useradd --system --shell /usr/sbin/nologin {NAME}`"
            ))
        })
    }
}

/// Parses `name:password:uid:gid:…`, if it is the account of the service.
fn parse(line: &str) -> Option<Account> {
    let mut fields = line
        .strip_prefix(NAME)?
        .strip_prefix(':')?
        .split(':')
        .skip(1);
    let mut number = || fields.next()?.parse().ok();
    Some(Account {
        uid: number()?,
        gid: number()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let account = Account { uid: 998, gid: 997 };
        assert_eq!(parse("cartgate:x:998:997::/:/sbin/nologin"), Some(account));
        for other in [
            "cartgate2:x:1:1::/:",
            "cartgate:x:y:1::/:",
            "#cartgate:x:1:1",
            "",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
