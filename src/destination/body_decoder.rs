//! How long the body of a destination's answer is, and how it is taken, piece by piece, out of what was read. Which of the ways a
//! head means is `answer_head`'s; nothing here reads.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::destination::response_head::{NotHttp, end};

/// Bytes that a chunk's size, with extensions, or all trailers may take: what is longer is no framing but a flood.
const LONGEST: usize = 16 * 1024;

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes.
    Known { left: u64 },
    /// As many as the chunks say.
    Chunked(Chunk),
    /// All that comes.
    UntilClose,
}

/// Where in the chunks (RFC 9112, section 7.1) the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers,
    Over,
}

/// What was taken out of the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The next bytes of the body, at least one.
    Piece(Bytes),
    /// More has to be read first.
    Nothing,
    /// The body was over before.
    Over,
}

impl Length {
    pub(super) fn known(left: u64) -> Self {
        Self::Known { left }
    }

    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunk::Size)
    }

    /// Whether the whole body was taken.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Known { left: 0 } | Self::Chunked(Chunk::Over))
    }

    /// Whether the end of the connection is the end of the body, and not something missing. Trailers may be missing: the
    /// zero-sized chunk before them completes the body (RFC 9112, section 8).
    pub(super) fn may_end(&self) -> bool {
        self.is_over() || matches!(self, Self::UntilClose | Self::Chunked(Chunk::Trailers))
    }

    /// How many bytes are still to come, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Known { left } => Some(*left),
            Self::Chunked(Chunk::Over) => Some(0),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, read: &mut BytesMut) -> Result<Taken, NotHttp> {
        match self {
            Self::Known { left: 0 } => Ok(Taken::Over),
            Self::Known { left } => Ok(piece(left, read)),
            Self::UntilClose => Ok(piece(&mut { u64::MAX }, read)),
            Self::Chunked(chunk) => chunk.take(read),
        }
    }
}

impl Chunk {
    fn take(&mut self, read: &mut BytesMut) -> Result<Taken, NotHttp> {
        loop {
            let next = match self {
                Self::Size => size(read)?,
                Self::Data { left: 0 } => Some(Self::DataEnd),
                Self::Data { left } => return Ok(piece(left, read)),
                Self::DataEnd => data_end(read)?,
                Self::Trailers => trailers(read),
                Self::Over => return Ok(Taken::Over),
            };
            match next {
                Some(next) => *self = next,
                None if read.len() > LONGEST => {
                    return Err(NotHttp("a chunk's size or the trailers are too long"));
                }
                None => return Ok(Taken::Nothing),
            }
        }
    }
}

/// As much as there is, and no more than may be.
fn piece(left: &mut u64, read: &mut BytesMut) -> Taken {
    let length = usize::try_from(*left).map_or(read.len(), |left| left.min(read.len()));
    if length == 0 {
        return Taken::Nothing;
    }
    *left -= length as u64;
    Taken::Piece(read.split_to(length).freeze())
}

fn size(read: &mut BytesMut) -> Result<Option<Chunk>, NotHttp> {
    const UNREADABLE: NotHttp = NotHttp("a chunk's size cannot be read");
    // The parser takes no digit at all for nought, and so an empty line for the end.
    if read.first().is_some_and(|digit| !digit.is_ascii_hexdigit()) {
        return Err(UNREADABLE);
    }
    let size = httparse::parse_chunk_size(read).map_err(|_| UNREADABLE)?;
    let httparse::Status::Complete((end, size)) = size else {
        return Ok(None);
    };
    read.advance(end);
    Ok(Some(match size {
        0 => Chunk::Trailers,
        left => Chunk::Data { left },
    }))
}

fn data_end(read: &mut BytesMut) -> Result<Option<Chunk>, NotHttp> {
    match &read[..] {
        [b'\r', b'\n', ..] => {
            read.advance(2);
            Ok(Some(Chunk::Size))
        }
        [] | [b'\r'] => Ok(None),
        _ => Err(NotHttp("a chunk is longer than its size says")),
    }
}

/// Skips the trailers up to their empty line. They are dropped, so their faults do not matter.
fn trailers(read: &mut BytesMut) -> Option<Chunk> {
    let end = match &read[..] {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => end(read, 0)?,
    };
    read.advance(end);
    Some(Chunk::Over)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body that comes of these bytes, fed so many at a time, and what is left of them; the error, if there is one.
    fn decoded(
        mut length: Length,
        bytes: &[u8],
        at_a_time: usize,
    ) -> Result<(Vec<u8>, bool), NotHttp> {
        let (mut read, mut body) = (BytesMut::new(), Vec::new());
        for some in bytes.chunks(at_a_time) {
            read.extend_from_slice(some);
            while let Taken::Piece(piece) = length.take(&mut read)? {
                assert!(!piece.is_empty());
                body.extend_from_slice(&piece);
            }
        }
        Ok((body, length.is_over()))
    }

    const CHUNKS: &[u8] =
        b"5\r\nhello\r\n1; a=\"b\"\r\n \r\n00A \r\n0123456789\r\n0\r\nx: 1\r\n\r\n";

    #[test]
    fn chunks_are_the_same_however_they_come() {
        for at_a_time in 1..=CHUNKS.len() {
            let (body, over) = decoded(Length::chunked(), CHUNKS, at_a_time).expect("right");
            assert_eq!(body, b"hello 0123456789", "{at_a_time}");
            assert!(over, "{at_a_time}");
        }
    }

    #[test]
    fn faults_in_trailers_do_not_matter() {
        for trailers in [
            "x : 1\r\n",
            "no colon\r\n",
            "a: 1\n folded\n",
            "x\0: 1\r\n",
            "",
        ] {
            let bytes = format!("1\r\na\r\n0\r\n{trailers}\r\n");
            for at_a_time in [1, 100] {
                let (body, over) =
                    decoded(Length::chunked(), bytes.as_bytes(), at_a_time).expect("right");
                assert_eq!((&body[..], over), (&b"a"[..], true), "{trailers:?}");
            }
        }
        let mut length = Length::chunked();
        let mut read = BytesMut::from(&b"1\r\na\r\n0\r\nx: "[..]);
        assert_eq!(length.take(&mut read), Ok(Taken::Piece("a".into())));
        assert!(!length.may_end());
        assert_eq!(length.take(&mut read), Ok(Taken::Nothing));
        assert!(length.may_end() && !length.is_over());
    }

    #[test]
    fn chunks_are_over_at_their_last_byte_and_not_before() {
        for end in 0..CHUNKS.len() {
            let (_, over) = decoded(Length::chunked(), &CHUNKS[..end], 7).expect("so far");
            assert!(!over, "{end}");
        }
        let mut length = Length::chunked();
        let mut read = BytesMut::from(&b"1\r\na\r\n0\r\n\r\nHTTP/1.1"[..]);
        assert_eq!(length.take(&mut read), Ok(Taken::Piece("a".into())));
        assert_eq!(length.take(&mut read), Ok(Taken::Over));
        assert_eq!(&read[..], b"HTTP/1.1");
    }

    #[test]
    fn broken_chunks_are_no_body() {
        for bytes in [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\na\r\n",
            b"1\na\n",
            b"2\r\nabc\r\n",
            b"1\r\na0\r\n\r\n",
            b"11111111111111111\r\n",
        ] {
            let result = decoded(Length::chunked(), bytes, 1);
            assert!(result.is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_size_or_trailers_without_end_are_not_waited_for() {
        let size = [&b"1;"[..], &vec![b'x'; LONGEST]].concat();
        let trailers = [&b"0\r\nx: "[..], &vec![b'x'; LONGEST]].concat();
        for bytes in [size, trailers] {
            assert!(decoded(Length::chunked(), &bytes, 1000).is_err());
        }
    }

    #[test]
    fn a_known_length_leaves_what_comes_behind_it() {
        let mut length = Length::known(3);
        let mut read = BytesMut::from(&b"ab"[..]);
        assert_eq!(length.take(&mut read), Ok(Taken::Piece("ab".into())));
        assert_eq!(length.take(&mut read), Ok(Taken::Nothing));
        assert!(!length.may_end());
        read.extend_from_slice(b"cd");
        assert_eq!(length.take(&mut read), Ok(Taken::Piece("c".into())));
        assert!(length.is_over());
        assert_eq!(
            (length.take(&mut read), &read[..]),
            (Ok(Taken::Over), &b"d"[..])
        );
    }

    #[test]
    fn only_the_end_ends_a_body_without_length() {
        let (body, over) = decoded(Length::UntilClose, b"hello", 2).expect("right");
        assert_eq!((&body[..], over), (&b"hello"[..], false));
        assert!(Length::UntilClose.may_end());
    }
}
