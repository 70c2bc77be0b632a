//! Property tests of responses: the same bytes are parsed in the same way however they are cut, and
//! never panic.

use bytes::BytesMut;
use http::HeaderMap;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    body_decoder::{BodyDecoder, Decoded},
    malformed_response::MalformedResponse,
    response_head::ResponseHead,
};

/// The status, the body as far as it arrived, and whether it is complete.
type Parsed = Option<(u16, Vec<u8>, bool)>;

/// Parses the bytes, fed this many at a time. Returns the response and the bytes after it.
fn parsed(bytes: &[u8], at_a_time: usize) -> Result<(Parsed, Vec<u8>), MalformedResponse> {
    let mut read = BytesMut::new();
    let (mut head, mut body, mut searched) = (None::<ResponseHead>, Vec::new(), 0);
    for some in bytes.chunks(at_a_time) {
        read.extend_from_slice(some);
        if head.is_none() {
            head = ResponseHead::take(&mut read, &mut searched, &mut HeaderMap::new())?;
        }
        let Some(head) = &mut head else { continue };
        while let Decoded::Data(data) = head.decoder.decode(&mut read)? {
            body.extend_from_slice(&data);
        }
    }
    let parsed = head.map(|head| {
        let over = head.decoder.is_complete() || head.decoder == BodyDecoder::UntilClose;
        (head.response.status().as_u16(), body, over)
    });
    Ok((parsed, read.to_vec()))
}

/// Generates responses from valid and invalid pieces.
fn responses() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&[u8]; 20] = [
        b"Content-Length: 5\r\n",
        b"content-length: 12\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"X-A: b\r\n",
        b"X-A: b\n",
        b"\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"5;x\r\nhello\r\n",
        b"00c\r\nhello, world\r\n",
        b"0\r\n\r\n",
        b"0\r\nx: y\r\n\r\n",
        b"hello",
        b"\r",
        b"\n",
        b":",
        b"\0",
        b"f",
        b" ",
    ];
    let first = select(vec![
        &b"HTTP/1.1 200 OK\r\n"[..],
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 204 None\r\n",
        b"HTTP/1.1 103 Hints\r\n",
        b"",
    ]);
    (first, vec(select(&PIECES[..]), 0..12)).prop_map(|(first, rest)| {
        let mut bytes = first.to_vec();
        rest.iter().for_each(|piece| bytes.extend_from_slice(piece));
        bytes
    })
}

proptest! {
    #[test]
    fn a_response_is_the_same_however_it_comes(bytes in responses(), at_a_time in 1_usize..40) {
        let whole = parsed(&bytes, bytes.len().max(1));
        prop_assert_eq!(&parsed(&bytes, at_a_time), &whole);
        prop_assert_eq!(&parsed(&bytes, 1), &whole);
    }

    #[test]
    fn any_bytes_are_a_response_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parsed(&bytes, 7);
        let mut chunks = BytesMut::from(&bytes[..]);
        let mut decoder = BodyDecoder::chunked();
        while let Ok(Decoded::Data(_)) = decoder.decode(&mut chunks) {}
    }
}
