//! Answers as bytes: whatever an app sends, in whatever pieces, is understood in one way, and never a panic.

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::destination::{
    body_decoder::{Length, Taken},
    response_head::{AnswerHead, NotHttp},
};

/// What was understood: the status, the body as far as it came, and whether it is over.
type Understood = Option<(u16, Vec<u8>, bool)>;

/// Reads the bytes so many at a time, and gives back what stands behind the answer, too.
fn understood(bytes: &[u8], at_a_time: usize) -> Result<(Understood, Vec<u8>), NotHttp> {
    let mut read = BytesMut::new();
    let (mut head, mut body, mut searched) = (None::<AnswerHead>, Vec::new(), 0);
    for some in bytes.chunks(at_a_time) {
        read.extend_from_slice(some);
        if head.is_none() {
            head = AnswerHead::take(&mut read, &mut searched)?;
        }
        let Some(head) = &mut head else { continue };
        while let Taken::Piece(piece) = head.length.take(&mut read)? {
            body.extend_from_slice(&piece);
        }
    }
    let understood = head.map(|head| {
        let over = head.length.is_over() || head.length == Length::UntilClose;
        (head.response.status().as_u16(), body, over)
    });
    Ok((understood, read.to_vec()))
}

/// Pieces of which answers are made, and some that break them.
fn answers() -> impl Strategy<Value = Vec<u8>> {
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
    fn an_answer_is_the_same_however_it_comes(bytes in answers(), at_a_time in 1_usize..40) {
        let whole = understood(&bytes, bytes.len().max(1));
        prop_assert_eq!(&understood(&bytes, at_a_time), &whole);
        prop_assert_eq!(&understood(&bytes, 1), &whole);
    }

    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in vec(any::<u8>(), 0..200)) {
        let _ = understood(&bytes, 7);
        let mut chunks = BytesMut::from(&bytes[..]);
        let mut length = Length::chunked();
        while let Ok(Taken::Piece(_)) = length.take(&mut chunks) {}
    }
}
