//! The next commands after both files are written.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
};

use super::{answers::Answers, layout::Layout, template::webhook};
use crate::{cli::Front, net::listener::ListenAddress, text::shell::quoted};

/// The next commands.
pub(super) struct NextStep<'a> {
    pub(super) layout: &'a Layout,
    pub(super) answers: &'a Answers,
    /// Whether the files are in the working directory.
    pub(super) is_here: bool,
}

impl Display for NextStep<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Layout { config, secret, .. } = self.layout;
        writeln!(f, "wrote {}", config.display())?;
        match &self.answers.secret {
            Some(_) => writeln!(f, "wrote {} (mode 0600)", secret.display())?,
            None => writeln!(f, "kept {}", secret.display())?,
        }
        writeln!(f, "\nStart the gate:\n  {}", self.start())?;
        if let Some(url) = self.url() {
            let (url, secret) = (quoted(&url), quoted(&secret.display().to_string()));
            write!(f, "\nSend it a signed test order, in another terminal:")?;
            write!(f, "\n  cartgate send {url} --secret-file {secret}")?;
        }
        if self
            .answers
            .secret
            .as_ref()
            .is_some_and(|secret| secret.is_random)
        {
            write!(
                f,
                "\n\nThe secret is a random one for tests. Write the one of Cartfunnel's Webhooks page into its file later; the gate\nnotices the change."
            )?;
        }
        if is_in_repository(secret) {
            write!(
                f,
                "\n\nThe files are in a Git repository. List the secret and the data of the gate in .gitignore:\n  cartfunnel.secret inbox.db* rejected/ acme/"
            )?;
        }
        Ok(())
    }
}

/// Whether a commit could contain the file.
fn is_in_repository(file: &Path) -> bool {
    let mut directories = file.ancestors().skip(1);
    directories.any(|directory| directory.join(".git").exists())
}

impl NextStep<'_> {
    fn start(&self) -> String {
        if self.layout.system {
            let socket = match self.answers.front {
                Front::Plain(_) => "",
                Front::Https(_) => "cartgate.socket ",
            };
            return format!("systemctl enable --now {socket}cartgate");
        }
        match self.is_here {
            true => "cartgate serve".to_owned(),
            false => {
                let config = self.layout.config.display().to_string();
                format!("cartgate serve --config {}", quoted(&config))
            }
        }
    }

    /// Returns the URL of the webhook for a client on this machine.
    fn url(&self) -> Option<String> {
        let path = webhook(self.answers);
        let address = match &self.answers.front {
            Front::Https(domain) => return Some(format!("https://{domain}{path}")),
            Front::Plain(address) => address,
        };
        match address {
            ListenAddress::Unix(socket) => Some(format!("unix:{}:{path}", socket.display())),
            ListenAddress::Systemd(_) => None,
            ListenAddress::Tcp(address) => {
                let (host, port) = address.rsplit_once(':')?;
                let host = match host {
                    "" | "0.0.0.0" | "[::]" => "127.0.0.1",
                    host => host,
                };
                Some(format!("http://{host}:{port}{path}"))
            }
        }
    }
}
