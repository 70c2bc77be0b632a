//! The users behind listening TCP sockets, as `/proc/net/tcp` and `/proc/net/tcp6` show them.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The state of a listening socket.
const LISTEN: &str = "0A";

/// Returns the users whose sockets may accept a connection to `address`: those that listen at it, or
/// at every address of its family. Returns none on a system that does not show them.
pub(crate) fn listening_users(address: SocketAddr) -> Option<Vec<u32>> {
    let table = match address {
        SocketAddr::V4(_) => "/proc/net/tcp",
        SocketAddr::V6(_) => "/proc/net/tcp6",
    };
    Some(users(&fs::read_to_string(table).ok()?, address))
}

fn users(table: &str, address: SocketAddr) -> Vec<u32> {
    let sockets = table.lines().skip(1).filter_map(socket);
    let accepts = |local: SocketAddr| {
        local.port() == address.port()
            && (local.ip() == address.ip() || local.ip().is_unspecified())
    };
    sockets
        .filter_map(|(local, user)| accepts(local).then_some(user))
        .collect()
}

/// Parses the line of a listening socket: its address and its user.
fn socket(line: &str) -> Option<(SocketAddr, u32)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let user = fields.nth(3)?;
    (state == LISTEN).then_some(())?;
    let (ip, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((SocketAddr::new(parse_ip(ip)?, port), user.parse().ok()?))
}

/// Parses an address, which the kernel writes as words in the byte order of the machine.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at * 8)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustix::process::geteuid;

    use super::*;

    #[test]
    fn the_user_of_a_listening_socket_is_known() {
        let own = geteuid().as_raw();
        for ip in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
            let ip: IpAddr = ip.parse().expect("an address");
            let Ok(listener) = TcpListener::bind((ip, 0)) else {
                assert!(ip.is_ipv6(), "a machine without IPv6");
                continue;
            };
            let mut address = listener.local_addr().expect("an address");
            match ip {
                IpAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                IpAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            }
            if let Some(users) = listening_users(address) {
                assert_eq!(users, [own], "{ip}");
            }
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn only_sockets_that_listen_there_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:23DC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0\n\
            1: 0200007F:23DC 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 2 1 0\n\
            2: 0100007F:23DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 3 1 0\n\
            3: 0100007F:23DC 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1002        0 4 1 0\n\
            4: 00000000:23DE 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 5 1 0\n\
            5: nonsense\n";
        let of = |address: &str| users(table, address.parse().expect("an address"));
        assert_eq!(of("127.0.0.1:9180"), [1000]);
        assert_eq!(of("127.0.0.2:9180"), [65534]);
        assert_eq!(of("127.0.0.1:9182"), [1003]);
        assert!(of("127.0.0.1:9183").is_empty());
        let table = table.replace("0100007F:23DC", "00000000000000000000000001000000:23DC");
        let found = users(&table, "[::1]:9180".parse().expect("an address"));
        assert_eq!(found, [1000]);
    }
}
