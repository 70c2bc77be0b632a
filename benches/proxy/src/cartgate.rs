//! The gate with default limits, header rules and metrics.

use std::{fmt::Write, fs, io, os::unix::fs::OpenOptionsExt, path::PathBuf, process::Command};

use crate::{
    delivery::{PATH, SECRET},
    peer::{Peer, Site, first_line},
};

/// The socket of its admin listener, in its directory.
pub(crate) const ADMIN: &str = "admin.sock";

/// A built gate.
#[derive(Clone)]
pub(crate) struct Cartgate {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
}

impl Peer for Cartgate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> io::Result<String> {
        first_line(&self.program, "--version")
    }

    fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        if !self.program.is_file() {
            return Err(io::Error::other(
                "the gate is not built: cargo build --release",
            ));
        }
        let secret = site.folder.join("secret");
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(secret)?;
        io::Write::write_all(&mut file, SECRET.as_bytes())?;
        let configuration = site.folder.join("cartgate.toml");
        fs::write(&configuration, text(site))?;
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--config").arg(configuration);
        Ok(command)
    }
}

/// The configuration: one worker, because the peers have one thread; the log off, like theirs; the
/// console off, for which a gate records the requests of its first minute; and a `max_connections`
/// that the bench does not reach. All other settings are defaults.
fn text(site: &Site<'_>) -> String {
    let access = if site.task.logs { "all" } else { "off" };
    let sandbox = match site.task.sandbox {
        true => "",
        false => ", sandbox = false",
    };
    let mut text = format!(
        "server = {{ listen = \"{}\", workers = 1, max_connections = 20000{sandbox} }}\n\
         admin = {{ listen = \"unix:{}\", console = \"off\" }}\n\
         log = {{ access = \"{access}\" }}\n\
         secret.bench.file = \"{}\"\n",
        site.listen,
        site.folder.join(ADMIN).display(),
        site.folder.join("secret").display(),
    );
    for number in 1..=site.task.endpoints {
        let last = number == site.task.endpoints;
        let path = if last {
            PATH.to_owned()
        } else {
            format!("{PATH}/{number}")
        };
        let app = match site.task.unix {
            true => format!("unix:{}", site.upstream.socket.display()),
            false => format!("http://{}", site.upstream.address),
        };
        let added = write!(
            text,
            "[[endpoint]]\nname = \"e{number}\"\npath = \"{path}\"\nsecrets = [\"bench\"]\nevent = {{ kind = \"order\" }}\n\
             [[endpoint.destination]]\nurl = \"{app}\"\n"
        );
        added.expect("a String takes all that is written");
    }
    text
}
