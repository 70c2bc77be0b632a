//! A line for a POSIX shell that posts a body with curl. Path, headers and body come from clients,
//! so each is one quoted word, and what a terminal could act on is encoded.

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{net::listener::ListenAddress, text::shell::quoted};

/// The request of a line.
pub(super) struct CurlLine<'a> {
    /// A public listener of the gate.
    pub(super) listen: &'a ListenAddress,
    /// Whether TCP listeners speak TLS.
    pub(super) has_certificate: bool,
    /// The host of the endpoint, if it has one.
    pub(super) host: Option<String>,
    pub(super) method: &'a str,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: &'a [u8],
}

impl fmt::Display for CurlLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match printable(self.body) {
            Some(text) => write!(f, "printf %s {}", quoted(text))?,
            None => {
                let text = BASE64_STANDARD.encode(self.body);
                write!(f, "printf %s {} | base64 -d", quoted(&text))?;
            }
        }
        // Without these flags curl changes the path, expands braces in it, and uses a proxy.
        f.write_str(" | curl -sS -i --path-as-is --globoff --noproxy '*'")?;
        let url = self.write_address(f)?;
        write!(f, " -X {}", quoted(self.method))?;
        for (name, value) in &self.headers {
            write!(f, " -H {}", quoted(&format!("{name}: {value}")))?;
        }
        if !self.headers.iter().any(|(name, _)| name == "content-type") {
            // Otherwise curl sends the type of a form.
            f.write_str(" -H Content-Type:")?;
        }
        write!(f, " --data-binary @- {}", quoted(&url))
    }
}

impl CurlLine<'_> {
    /// Writes the flags that lead to the listener, and returns the URL.
    fn write_address(&self, f: &mut fmt::Formatter<'_>) -> Result<String, fmt::Error> {
        let target = encoded(&self.target);
        let host = self.host.as_deref();
        match self.listen {
            ListenAddress::Unix(path) => {
                let path = path.to_string_lossy();
                write!(f, " --unix-socket {}", quoted(&path))?;
                Ok(format!("http://{}{target}", host.unwrap_or("localhost")))
            }
            listen => {
                let address = reachable(listen);
                let scheme = if self.has_certificate {
                    "https"
                } else {
                    "http"
                };
                let Some(host) = host else {
                    return Ok(format!("{scheme}://{address}{target}"));
                };
                // The name need not resolve to this machine.
                write!(f, " --connect-to {}", quoted(&format!("::{address}")))?;
                let port = address.rsplit_once(':').map_or("", |(_, port)| port);
                Ok(format!("{scheme}://{host}:{port}{target}"))
            }
        }
    }
}

/// Returns an address at which this machine reaches the listener.
fn reachable(listen: &ListenAddress) -> String {
    let text = listen.to_string();
    let Ok(mut address) = text.parse::<SocketAddr>() else {
        return text;
    };
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string()
}

/// Returns a body that a person can read and a terminal cannot act on.
fn printable(body: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let is_printable = body.iter().all(is_plain);
    str::from_utf8(body).ok().filter(|_| is_printable)
}

/// Encodes the bytes of a target that no URL should contain.
fn encoded(target: &str) -> String {
    let mut text = String::with_capacity(target.len());
    for byte in target.bytes() {
        if byte.is_ascii_graphic() {
            text.push(byte.into());
        } else {
            write!(text, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn line(listen: &str, body: &[u8], change: impl FnOnce(&mut CurlLine<'_>)) -> String {
        let listen = listen.parse().expect("an address");
        let mut line = CurlLine {
            listen: &listen,
            has_certificate: false,
            host: None,
            method: "POST",
            target: "/hooks".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body,
        };
        change(&mut line);
        line.to_string()
    }

    /// Runs the line in a shell in which curl shows its standard input and its arguments.
    fn run(line: &str) -> (Vec<u8>, Vec<String>) {
        let script = format!("curl() {{ cat; printf '\\0'; printf '%s\\0' \"$@\"; }}\n{line}");
        let ran = Command::new("sh").args(["-c", &script]).output();
        let ran = ran.expect("a shell");
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        let mut args: Vec<_> = ran.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(args.pop(), Some(&b""[..]));
        let first = args
            .iter()
            .position(|arg| *arg == b"-sS")
            .expect("curl ran");
        let text = |arg: &&[u8]| String::from_utf8(arg.to_vec()).expect("text");
        let body = args[..first].join(&0);
        (body, args[first..].iter().map(text).collect())
    }

    #[test]
    fn the_body_arrives_byte_by_byte() {
        let all: Vec<u8> = (0..=255).collect();
        for body in [
            &b"{\"a\": \"it's $HOME `id` \\n !! %s\"}"[..],
            b"",
            b"-n",
            b"line\nline\n",
            "gr\u{fc}n \u{202e}".as_bytes(),
            b"\x1b[2J",
            &all,
        ] {
            let line = line("127.0.0.1:8080", body, |_| {});
            assert!(
                line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}"
            );
            assert_eq!(run(&line).0, body, "{line}");
        }
    }

    #[test]
    fn hostile_words_stay_words() {
        let line = line("127.0.0.1:8080", b"a", |line| {
            line.method = "X'`id`$";
            line.target = "/a';id;'\"$(id)`{1,2}[x]|&<>\u{202e}/../b?c=d'".to_owned();
            let value = "a'; touch /planted; '".to_owned();
            line.headers = vec![("x-a".to_owned(), value)];
        });
        let (_, args) = run(&line);
        let expected = [
            "-sS",
            "-i",
            "--path-as-is",
            "--globoff",
            "--noproxy",
            "*",
            "-X",
            "X'`id`$",
            "-H",
            "x-a: a'; touch /planted; '",
            "-H",
            "Content-Type:",
            "--data-binary",
            "@-",
            "http://127.0.0.1:8080/a';id;'\"$(id)`{1,2}[x]|&<>%E2%80%AE/../b?c=d'",
        ];
        assert_eq!(args, expected);
    }

    #[test]
    fn the_line_leads_to_the_listener() {
        for (listen, has_certificate, host, flags, url) in [
            ("0.0.0.0:80", false, None, "", "http://127.0.0.1:80/hooks"),
            ("[::]:80", true, None, "", "https://[::1]:80/hooks"),
            (
                "[::]:80",
                true,
                Some("shop.example"),
                "--connect-to ::[::1]:80",
                "https://shop.example:80/hooks",
            ),
            (
                "unix:/run/a b",
                true,
                Some("shop.example"),
                "--unix-socket /run/a b",
                "http://shop.example/hooks",
            ),
            (
                "unix:/s",
                false,
                None,
                "--unix-socket /s",
                "http://localhost/hooks",
            ),
        ] {
            let line = line(listen, b"a", |line| {
                line.has_certificate = has_certificate;
                line.host = host.map(str::to_owned);
            });
            let args = run(&line).1;
            assert!(args.join(" ").contains(flags), "{args:?}");
            assert_eq!(args.last().map(String::as_str), Some(url));
        }
    }
}
