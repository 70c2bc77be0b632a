//! The empty lines that some clients send behind a body (RFC 9112, section 2.2). They begin no
//! request.

/// Returns the bytes without leading line ends.
pub(super) fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte));
    begin.map_or(&[], |begin| &bytes[begin..])
}
