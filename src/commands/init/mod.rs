//! `cartgate init`: asks for the app, the secret and the address, and writes a configuration that
//! `serve` accepts.

mod account;
mod answers;
mod layout;
mod new_file;
mod next_step;
mod template;
mod terminal;

use std::{fs, io, net::TcpListener, path::Path};

use rustix::process::geteuid;

use self::{
    answers::Answers, layout::Layout, new_file::NewFile, next_step::NextStep, template::Paths,
};
use super::{
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{
    cli::{Front, InitArgs},
    config::{Finding, Plan},
    net::listener::ListenAddress,
};

pub use template::packaged;

pub(super) fn run(args: InitArgs) -> Result<Outcome, Failure> {
    let force = args.force;
    let layout = match args.system {
        true if !geteuid().is_root() => {
            let message =
                "--system writes to /etc/cartgate, which belongs to root; run it with sudo";
            return Err(Failure::usage(message));
        }
        true => Layout::system(Path::new("/"))?,
        false => Layout::of(&args.dir)?,
    };
    layout.check_unused(force)?;
    let answers = Answers::of(args, layout.has_secret())?;
    if layout.system {
        check_port(&answers.front)?;
    }
    let made = layout.make_directory()?;
    let written = write(&layout, &answers, force);
    if written.is_err() {
        made.remove();
    }
    written?;
    Output::stdout().line(NextStep {
        layout: &layout,
        answers: &answers,
        is_here: is_here(&layout),
    })?;
    Ok(Outcome::Done)
}

/// Rejects ports that the service may not bind.
fn check_port(front: &Front) -> Result<(), Failure> {
    let Front::Plain(ListenAddress::Tcp(address)) = front else {
        return Ok(());
    };
    let port = address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    match port {
        Some(1..1024u16) => Err(Failure::usage(format_args!(
            "the service may not listen on {address}, because ports below 1024 need a privilege; give a public host name for port 443, or systemd:cartgate for cartgate.socket"
        ))),
        _ => Ok(()),
    }
}

/// Whether the configuration is in the working directory.
fn is_here(layout: &Layout) -> bool {
    let here = fs::canonicalize(".");
    here.is_ok_and(|here| layout.config.parent() == Some(here.as_path()))
}

/// Writes both files, or none.
fn write(layout: &Layout, answers: &Answers, force: bool) -> Result<(), Failure> {
    let secret = answers.secret.as_ref();
    let secret = secret
        .map(|secret| NewFile::new(&layout.secret, &secret.line(), layout.secret_access()))
        .transpose()?;
    let readable = secret
        .as_ref()
        .map_or(layout.secret.as_path(), NewFile::path);
    check(layout, answers, readable)?;
    let text = template::text(&layout.paths, answers);
    let config = NewFile::new(&layout.config, text.as_bytes(), layout.config_access())?;
    // The secret comes last: nobody can write a replaced one again.
    let config = config.put(force || layout.is_packaged())?;
    let put = secret.map(|secret| secret.put(force)).transpose();
    if put.is_err() {
        config.undo();
    }
    put.map(drop)
}

/// Checks the configuration as `cartgate check` does, with the secret that is not in its place yet.
/// An address that cannot be used now is only a warning: the gate may run with an older
/// configuration, or as another user.
fn check(layout: &Layout, answers: &Answers, secret: &Path) -> Result<(), Failure> {
    let paths = Paths {
        secret: secret.display().to_string(),
        ..layout.paths.clone()
    };
    let plan = Plan::from_text(&template::text(&paths, answers)).map_err(|all| failure(&all))?;
    if layout.system {
        // systemd makes the directories and the socket of the service, which runs as another user.
        return Ok(());
    }
    let loaded = plan.load().map_err(|all| failure(&all))?;
    let unusable = plan.probe_files(&loaded);
    if !unusable.is_empty() {
        return Err(failure(&unusable));
    }
    for finding in plan.probe_addresses() {
        message(format_args!("cartgate: warning: {}", finding.message));
    }
    for address in plan.server.listen.iter().filter(|one| is_in_use(one)) {
        message(format_args!(
            "cartgate: warning: {address} is in use; unless this gate uses it, choose another address with --listen"
        ));
    }
    Ok(())
}

/// Whether another socket listens on an address.
fn is_in_use(address: &ListenAddress) -> bool {
    let ListenAddress::Tcp(address) = address else {
        return false;
    };
    let every = address
        .strip_prefix(':')
        .map(|port| format!("0.0.0.0:{port}"));
    let bound = TcpListener::bind(every.as_deref().unwrap_or(address));
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn failure(findings: &[Finding]) -> Failure {
    let messages = findings.iter().map(|finding| finding.message.as_str());
    Failure::usage(messages.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use rustix::process::getegid;

    /// Returns a machine with the account of the service, which is that of this process.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("etc")).expect("a directory");
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let accounts = format!("root:x:0:0::/root:/bin/sh\ncartgate:x:{uid}:{gid}::/:\n");
        fs::write(root.path().join("etc/passwd"), accounts).expect("written");
        root
    }

    fn answers() -> Answers {
        Answers {
            secret: Some(answers::GivenSecret::random().expect("randomness")),
            ..Answers::default()
        }
    }

    #[test]
    fn the_files_of_the_service_replace_the_packaged_one_and_no_other() {
        let root = machine();
        let layout = Layout::system(root.path()).expect("an account");
        layout.make_directory().expect("made");
        fs::write(&layout.config, packaged()).expect("written");
        layout.check_unused(false).expect("only the packaged file");
        write(&layout, &answers(), false).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("found").permissions().mode() & 0o777;
        let directory = root.path().join("etc/cartgate");
        assert_eq!(mode(&directory), 0o750);
        assert_eq!((mode(&layout.config), mode(&layout.secret)), (0o640, 0o600));
        let owner = fs::metadata(&layout.secret).expect("found").uid();
        assert_eq!(owner, geteuid().as_raw());
        assert_eq!(fs::read_dir(&directory).expect("a list").count(), 2);
        let refused = layout.check_unused(false).expect_err("a secret is there");
        assert!(refused.to_string().contains("cartfunnel.secret exists"));

        fs::remove_file(&layout.secret).expect("removed");
        fs::write(&layout.config, packaged() + "# edited\n").expect("written");
        let refused = layout.check_unused(false).expect_err("an edited file");
        let refused = refused.to_string();
        assert!(refused.contains("--force") && refused.contains("install -m 600 -o cartgate"));
        // Made meanwhile by another program.
        assert!(write(&layout, &answers(), false).is_err());
        assert!(!layout.has_secret());
    }

    #[test]
    fn a_failure_keeps_the_old_secret_and_removes_a_new_configuration() {
        let root = machine();
        let layout = Layout::system(root.path()).expect("an account");
        layout.make_directory().expect("made");
        fs::write(&layout.secret, "the old one").expect("written");
        // A directory cannot be replaced by a file.
        fs::create_dir(&layout.config).expect("made");
        assert!(write(&layout, &answers(), true).is_err());
        let kept = fs::read_to_string(&layout.secret).expect("kept");
        assert_eq!(kept, "the old one");

        fs::remove_dir(&layout.config).expect("removed");
        fs::remove_file(&layout.secret).expect("removed");
        fs::create_dir(&layout.secret).expect("made");
        assert!(write(&layout, &answers(), true).is_err());
        assert!(!layout.config.exists());
    }

    #[test]
    fn the_service_gets_port_443_from_systemd_and_no_other_below_1024() {
        let root = machine();
        let layout = Layout::system(root.path()).expect("an account");
        let front = |text: &str| text.parse::<Front>().expect("valid");
        for rejected in [":443", "127.0.0.1:80"] {
            let failure = check_port(&front(rejected)).expect_err(rejected);
            assert!(failure.to_string().contains("public host name"));
        }
        for accepted in [":8080", "systemd:cartgate", "unix:/run/cartgate/gate.sock"] {
            check_port(&front(accepted)).expect(accepted);
        }
        let answers = Answers {
            front: front("hooks.shop.example"),
            ..answers()
        };
        check(&layout, &answers, &layout.secret).expect("valid");
        let text = template::text(&layout.paths, &answers);
        assert!(text.contains("listen = \"systemd:cartgate\""), "{text}");
        let next = NextStep {
            layout: &layout,
            answers: &answers,
            is_here: false,
        };
        let start = "systemctl enable --now cartgate.socket cartgate";
        assert!(next.to_string().contains(start), "{next}");
    }

    #[test]
    fn a_machine_without_the_account_is_told_how_to_make_it() {
        let root = machine();
        fs::write(root.path().join("etc/passwd"), "root:x:0:0::/:\n").expect("written");
        let failure = Layout::system(root.path()).expect_err("no account");
        assert!(failure.to_string().contains("useradd --system"));
    }
}
