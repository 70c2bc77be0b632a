//! `cartgate sign`.

use std::fmt::Write as _;

use http::HeaderName;
use tower_cartgate::{Signature, Signer};

use super::{
    input,
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{
    cli::{Input, SignArgs},
    net::destination_address::{Address, Transport},
    text::shell::quoted,
};

pub(super) fn run(args: &SignArgs) -> Result<Outcome, Failure> {
    let secret = input::secret(args.secret_file.clone())?;
    let body = input::body(&args.body)?;
    let signature = Signer::new(&secret).sign(&body);
    let mut output = Output::stdout();
    match &args.curl {
        Some(address) => {
            output.line(curl(args, address, &signature))?;
            if args.body == Input::Stdin {
                message(
                    "cartgate: the line reads the body from standard input; pipe the same bytes into it",
                );
            }
        }
        None => output.line(signature)?,
    }
    Ok(Outcome::Done)
}

/// Returns a curl command line that sends the signed body.
fn curl(args: &SignArgs, address: &Address, signature: &Signature) -> String {
    // Without --globoff curl expands braces and brackets in the address.
    let mut line = format!("curl -sS -i --globoff -X {}", quoted(args.method.as_str()));
    if let Transport::Unix(socket) = address.transport() {
        write!(line, " --unix-socket {}", quoted(&socket.to_string_lossy()))
            .expect("writing to a String cannot fail");
    }
    let body = match &args.body {
        Input::Stdin => "@-".to_owned(),
        Input::File(path) => format!("@{}", path.display()),
    };
    let signed = format!("{}: {signature}", spelled(&args.header_name));
    let parts = [
        "-H",
        "Content-Type: application/json",
        "-H",
        &signed,
        "--data-binary",
        &body,
        &url(address),
    ];
    for part in parts {
        line.push(' ');
        line.push_str(&quoted(part));
    }
    line
}

fn url(address: &Address) -> String {
    match address.transport() {
        Transport::Unix(_) => {
            let target = address.target().map_or("/", |target| target.as_str());
            format!("http://localhost{target}")
        }
        Transport::Tcp { .. } => address.to_string(),
    }
}

/// Returns a header name with the capitals of Cartfunnel's documents; HTTP ignores case.
fn spelled(name: &HeaderName) -> &str {
    if *name == Signature::HEADER {
        "X-Cartfunnel-Hmac-SHA256"
    } else {
        name.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use clap::Parser;

    use crate::cli::{Cli, Command};

    fn line(typed: &[&str]) -> String {
        let typed = ["cartgate", "sign", "--secret-file", "x"]
            .iter()
            .chain(typed);
        let Command::Sign(args) = Cli::parse_from(typed).command else {
            panic!("not sign")
        };
        let address = args.curl.clone().expect("an address was typed");
        curl(&args, &address, &Signature::from([0; 32]))
    }

    #[test]
    fn a_shell_reads_the_line_as_it_is_meant() {
        let line = line(&[
            "--curl",
            "http://127.0.0.1:1/a?b=c&d",
            "--method",
            "put",
            "it's.json",
        ]);
        assert!(line.starts_with("curl -sS -i --globoff -X PUT "), "{line}");
        assert!(line.contains(r"--data-binary '@it'\''s.json'"), "{line}");
        assert!(line.contains("'X-Cartfunnel-Hmac-SHA256: AAAA"), "{line}");
        assert!(line.ends_with(" 'http://127.0.0.1:1/a?b=c&d'"), "{line}");
    }

    #[test]
    fn a_socket_has_its_own_flag() {
        let line = line(&["--curl", "unix:/run/gate.sock:/hooks", "body.json"]);
        assert!(line.contains(" --unix-socket /run/gate.sock "), "{line}");
        assert!(line.ends_with(" http://localhost/hooks"), "{line}");
    }

    #[test]
    fn another_header_is_named() {
        let line = line(&[
            "--header-name",
            "X-Shopify-Hmac-SHA256",
            "--curl",
            "http://h/",
            "b",
        ]);
        assert!(line.contains("'x-shopify-hmac-sha256: "), "{line}");
    }
}
