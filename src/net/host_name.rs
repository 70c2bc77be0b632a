//! Validates host names as in `Host` and URLs (RFC 3986, section 3.2.2).

/// Returns whether the text is `uri-host [ ":" port ]`, without userinfo and without the
/// sub-delimiters of RFC 3986. No host on the Internet has these, and some readers take a comma as
/// the separator of a list.
pub(crate) fn is_host(text: &str) -> bool {
    // A name without a port needs no search for one.
    is_host_name(text) || has_port(text)
}

fn has_port(text: &str) -> bool {
    let (name, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, ""),
    };
    let port_is_valid = port.is_empty() || port.parse::<u16>().is_ok() && !port.starts_with('+');
    port_is_valid && is_host_name(name)
}

/// Returns whether the text is a name or an address, without a port.
pub(crate) fn is_host_name(name: &str) -> bool {
    if let Some(inner) = name.strip_prefix('[') {
        let address = inner.strip_suffix(']').unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_plain = |byte| PLAIN[usize::from(byte)];
    !name.is_empty() && name.len() <= 255 && name.bytes().all(is_plain)
}

/// The bytes of a name.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let ascii = byte as u8;
        table[byte] = ascii.is_ascii_alphanumeric() || matches!(ascii, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_what_only_looks_like_one() {
        for host in [
            "a",
            "a.example:80",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8080",
            "a:",
            "xn--a_b",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ":80", "a:b", "a:99999", "a:+1", "u@a", "a b", "a/b", "a,b", "[::1", "[x]", "::1",
            "a\\b", "a?b", "a#b", "[::1]x",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}
