//! HTTP/1.1 messages as far as the bench needs them: their end, and the status of a response.

use std::io;

use httparse::{EMPTY_HEADER, Header, Request, Response, Status};

const MOST_HEADERS: usize = 48;

/// A complete response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) closes: bool,
}

/// Parses a response, if these bytes contain all of it.
pub(crate) fn answer(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut response = Response::new(&mut headers);
    let Status::Complete(head) = response.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let Some(status) = response.code else {
        return Ok(None);
    };
    if bytes.len() < head + length(response.headers)? {
        return Ok(None);
    }
    let closes = find(response.headers, "connection");
    Ok(Some(Answer {
        status,
        closes: closes.is_some_and(|value| value.eq_ignore_ascii_case(b"close")),
    }))
}

/// Returns the length of the request with this head, including its body.
pub(crate) fn request_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes).map_err(io::Error::other)? {
        Status::Complete(head) => Ok(Some(head + length(request.headers)?)),
        Status::Partial => Ok(None),
    }
}

/// Returns the length of a body. Peers buffer bodies to verify them, so a chunked message means a
/// wrong set-up.
fn length(headers: &[Header<'_>]) -> io::Result<usize> {
    if find(headers, "transfer-encoding").is_some() {
        return Err(io::Error::other(
            "a chunked message, which no peer should send",
        ));
    }
    let Some(value) = find(headers, "content-length") else {
        return Ok(0);
    };
    let text = str::from_utf8(value).map_err(io::Error::other)?;
    text.parse().map_err(io::Error::other)
}

fn find<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    let mut named = headers
        .iter()
        .filter(|one| one.name.eq_ignore_ascii_case(name));
    named.next().map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body_and_not_before() {
        let whole = b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nok";
        for end in 0..whole.len() {
            assert!(answer(&whole[..end]).expect("valid").is_none(), "{end}");
        }
        let answer = answer(whole).expect("valid").expect("whole");
        assert_eq!((answer.status, answer.closes), (401, true));
    }

    #[test]
    fn a_requests_length_is_known_from_its_head() {
        let head = b"POST / HTTP/1.1\r\ncontent-length: 70\r\n\r\n";
        assert_eq!(request_length(head).expect("valid"), Some(head.len() + 70));
        assert_eq!(request_length(&head[..20]).expect("valid"), None);
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(request_length(chunked).is_err());
    }
}
