//! Addresses that stand for several sockets.

use super::*;

fn refused(address: SocketAddr) -> io::Result<SocketAddr> {
    match address {
        SocketAddr::V6(_) => Err(io::Error::from_raw_os_error(
            Errno::AFNOSUPPORT.raw_os_error(),
        )),
        SocketAddr::V4(_) => Ok(address),
    }
}

fn bound(text: &str, bind: impl Fn(SocketAddr) -> io::Result<SocketAddr>) -> Vec<String> {
    let addresses = tcp_addresses(text).expect("addresses");
    let bound = bind_all(&addresses, bind).expect("bound");
    bound.iter().map(ToString::to_string).collect()
}

#[test]
fn a_machine_without_ipv6_is_listened_on_by_ipv4() {
    assert_eq!(bound(":80", refused), ["0.0.0.0:80"]);
    assert_eq!(bound("localhost:80", refused), ["127.0.0.1:80"]);
    let only_six = tcp_addresses("[::1]:80").expect("an address");
    assert!(bind_all(&only_six, refused).is_err());
}

#[test]
fn every_address_is_one_socket_and_localhost_two() {
    assert_eq!(bound(":80", Ok), ["[::]:80"]);
    assert_eq!(bound("LocalHost:80", Ok), ["[::1]:80", "127.0.0.1:80"]);
}

#[test]
fn an_address_in_use_is_never_skipped() {
    let in_use = |address: SocketAddr| match address {
        SocketAddr::V6(_) => Ok(address),
        SocketAddr::V4(_) => Err(io::ErrorKind::AddrInUse.into()),
    };
    let addresses = tcp_addresses("localhost:80").expect("addresses");
    assert!(bind_all(&addresses, in_use).is_err());
}
