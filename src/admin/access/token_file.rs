//! The file in which a running gate leaves its own token for commands of the same user.
//!
//! It lies in a directory that only its owner can write to, and belongs to that owner: another user
//! can neither read the token nor make a command send one of their choice. It is named by the full
//! address of the listener, because another user can listen at the same port of another address.
//! A command sends the token only to that address, and only while a socket of the file's owner (or
//! of root, as systemd passes sockets on) listens there. Systems without `/proc/net/tcp` do not show
//! whose socket it is; there the address alone decides.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use tower_cartgate::Secret;

use crate::net::listening_users::listening_users;

/// The bits of a mode that let other users change a file.
const OTHERS_WRITE: u32 = 0o022;

/// The bits of a mode that let other users do anything.
const OTHERS: u32 = 0o077;

/// The limit of a token in bytes.
const MAX: u64 = 1024;

/// The token file of a running gate. It is removed when dropped, unless another gate has replaced
/// it.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl TokenFile {
    /// Writes the token for commands that connect to the listener at this address.
    ///
    /// # Errors
    ///
    /// When no directory can hold it; the error is that of the last one.
    pub fn write(listener: SocketAddr, token: &Secret) -> io::Result<Self> {
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        for directory in directories() {
            match Self::write_in(&directory, listener, token) {
                Ok(written) => return Ok(written),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Returns the directory that [`Self::write`] uses, and creates it if it is absent.
    #[must_use]
    pub fn directory() -> Option<PathBuf> {
        directories().find(|directory| prepare(directory).is_ok())
    }

    fn write_in(directory: &Path, listener: SocketAddr, token: &Secret) -> io::Result<Self> {
        prepare(directory)?;
        let path = directory.join(name(listener));
        let unfinished = path.with_extension("unfinished");
        // A killed gate may have left one, and nobody else can write here.
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(token.expose())?;
        fs::rename(&unfinished, &path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            path,
            identity: (metadata.dev(), metadata.ino()),
        })
    }
}

/// The token that a gate of this user has left, and the only address to which it may be sent.
#[derive(Debug, Clone)]
pub struct OwnToken {
    /// The address, which is one of loopback.
    pub address: SocketAddr,
    /// The token.
    pub token: Secret,
}

impl OwnToken {
    /// Returns the token that a gate of this user has left for a host and a port. `localhost` means
    /// the loopback address at which there is such a gate, and not what it resolves to.
    #[must_use]
    pub fn find(host: &str, port: u16) -> Option<Self> {
        let mut found = candidates(host, port).into_iter().filter_map(|address| {
            let listeners = [address.ip(), unspecified(address.ip())];
            let mut listeners = listeners.map(|ip| SocketAddr::new(ip, port)).into_iter();
            listeners.find_map(|listener| {
                directories().find_map(|directory| read_in(&directory, listener, address))
            })
        });
        found.next()
    }
}

/// Returns the loopback addresses that a host means.
fn candidates(host: &str, port: u16) -> Vec<SocketAddr> {
    let ips: Vec<IpAddr> = if host.eq_ignore_ascii_case("localhost") {
        vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        let ip = host.parse::<IpAddr>().ok();
        ip.filter(IpAddr::is_loopback).into_iter().collect()
    };
    ips.into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect()
}

/// Returns the address of a listener at every address of a family.
fn unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.identity) {
            // If this fails, the next gate on this port replaces the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates a directory if it is absent, and checks that only this user can write to it.
fn prepare(directory: &Path) -> io::Result<()> {
    if let Err(error) = DirBuilder::new().mode(0o700).create(directory)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    if owner(directory) != Some(geteuid().as_raw()) {
        let text = "the directory belongs to another user, or others can write to it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

/// Reads the token of a listener, if it may be sent to `address`.
fn read_in(directory: &Path, listener: SocketAddr, address: SocketAddr) -> Option<OwnToken> {
    let owner = owner(directory)?;
    // Root reads the tokens of gates that run as other users.
    let own = geteuid();
    if owner != own.as_raw() && !own.is_root() {
        return None;
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).ok()?)
        .open(directory.join(name(listener)))
        .ok()?;
    let metadata = file.metadata().ok()?;
    let is_private = metadata.is_file() && metadata.uid() == owner && metadata.mode() & OTHERS == 0;
    if !is_private || !is_served_by(owner, address) {
        return None;
    }
    let token = content(file)?;
    Some(OwnToken { address, token })
}

/// Returns whether only this user or root could accept a connection to `address`, as far as the
/// system shows it.
fn is_served_by(user: u32, address: SocketAddr) -> bool {
    listening_users(address).is_none_or(|users| {
        !users.is_empty() && users.iter().all(|found| *found == user || *found == 0)
    })
}

fn content(file: File) -> Option<Secret> {
    let mut token = Vec::new();
    file.take(MAX).read_to_end(&mut token).ok()?;
    Secret::new(token).ok()
}

/// Returns the owner of a directory that only the owner can write to.
fn owner(directory: &Path) -> Option<u32> {
    let found = fs::symlink_metadata(directory).ok()?;
    let is_private = found.is_dir() && found.mode() & OTHERS_WRITE == 0;
    is_private.then(|| found.uid())
}

fn name(listener: SocketAddr) -> String {
    format!("admin-{listener}.token")
}

/// Returns the directories that may hold the file: that of the systemd unit, that of the user's
/// login, and those of services and users without either.
fn directories() -> impl Iterator<Item = PathBuf> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    // systemd lists the directories of a unit that has several.
    let unit = variable("RUNTIME_DIRECTORY").map(|list| match list.split_once(':') {
        Some((first, _)) => first.into(),
        None => list.into(),
    });
    let login = variable("XDG_RUNTIME_DIR").map(|login| Path::new(&login).join("cartgate"));
    let user = format!("/tmp/cartgate-{}", geteuid().as_raw());
    let all = [unit, login, Some("/run/cartgate".into()), Some(user.into())];
    all.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        net::TcpListener,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use socket2::{Domain, Socket, Type};

    use super::*;

    fn token() -> Secret {
        Secret::new("planted-token").expect("a token")
    }

    /// Returns a socket that listens, and its address.
    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    fn read(directory: &Path, address: SocketAddr) -> Option<Vec<u8>> {
        let found = read_in(directory, address, address)?;
        assert_eq!(found.address, address);
        Some(found.token.expose().to_vec())
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn a_token_is_left_for_its_port_and_goes_with_the_gate() {
        let (_listener, at) = listener();
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("cartgate");
        let file = TokenFile::write_in(&dir, at, &token()).expect("written");
        assert_eq!(read(&dir, at).as_deref(), Some(&b"planted-token"[..]));
        let elsewhere = "127.0.0.2:9180".parse().expect("an address");
        assert!(read(&dir, elsewhere).is_none());
        let mode = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((mode(&dir), mode(&file.path)), (0o700, 0o600));
        // Another gate on this port starts before the first one ends.
        let second = TokenFile::write_in(&dir, at, &token()).expect("written");
        drop(file);
        assert!(read(&dir, at).is_some());
        drop(second);
        assert!(read(&dir, at).is_none());
    }

    #[test]
    fn nobody_else_can_be_at_the_address() {
        let (_listener, at) = listener();
        let dir = tempfile::tempdir().expect("a directory");
        let _file = TokenFile::write_in(dir.path(), at, &token()).expect("written");
        assert!(read(dir.path(), at).is_some());
        let own = geteuid().as_raw();
        assert!(is_served_by(own, at));
        // The gate that left this file is gone, and nobody listens at its address.
        let port = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        port.bind(&any.into()).expect("bound");
        let gone = port.local_addr().expect("an address");
        let gone = gone.as_socket().expect("an address");
        let _file = TokenFile::write_in(dir.path(), gone, &token()).expect("written");
        if listening_users(gone).is_some() {
            assert!(read(dir.path(), gone).is_none());
        }
    }

    #[test]
    fn a_token_is_for_loopback_only() {
        let of = |host| {
            let all = candidates(host, 9180).into_iter();
            all.map(|one| one.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of("127.0.0.2"), ["127.0.0.2:9180"]);
        assert_eq!(of("LOCALHOST"), ["127.0.0.1:9180", "[::1]:9180"]);
        assert!(of("10.0.0.1").is_empty());
        assert!(of("0.0.0.0").is_empty());
        assert!(of("localhost.example").is_empty());
    }

    #[test]
    fn nothing_is_left_where_others_could_replace_it() {
        let (_listener, at) = listener();
        let dir = tempfile::tempdir().expect("a directory");
        let own = dir.path().join("own");
        fs::create_dir(&own).expect("made");
        set_mode(&own, 0o770);
        assert!(TokenFile::write_in(&own, at, &token()).is_err());
        let link = dir.path().join("link");
        symlink(dir.path(), &link).expect("made");
        assert!(TokenFile::write_in(&link, at, &token()).is_err());
        assert!(TokenFile::write_in(&dir.path().join("no/parent"), at, &token()).is_err());
    }

    #[test]
    fn a_token_that_others_may_have_planted_is_not_read() {
        let (_listener, at) = listener();
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        let file = TokenFile::write_in(dir, at, &token()).expect("written");
        set_mode(&file.path, 0o640);
        assert!(read(dir, at).is_none(), "others can read it");
        set_mode(&file.path, 0o600);
        set_mode(dir, 0o722);
        assert!(read(dir, at).is_none(), "others can write to the directory");
        set_mode(dir, 0o700);
        assert!(read(dir, at).is_some());
        let elsewhere = dir.join("elsewhere");
        fs::rename(&file.path, &elsewhere).expect("renamed");
        symlink(&elsewhere, &file.path).expect("made");
        assert!(read(dir, at).is_none(), "it is a link");
        fs::remove_file(&file.path).expect("removed");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &file.path, mode).expect("a pipe");
        assert!(read(dir, at).is_none(), "it is a pipe without a writer");
    }
}
