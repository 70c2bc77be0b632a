//! Decodes the body of a response from the bytes that were read.

use bytes::{Buf as _, Bytes, BytesMut};

use super::{header_lines::section_end, malformed_response::MalformedResponse};

/// The maximum size of a chunk's size line with its extensions, and of all trailers. It keeps an
/// app from sending them without end.
const MAX_FRAMING: usize = 16 * 1024;

/// The framing of a body, and the part of it that is still to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyDecoder {
    /// The body ends after this number of bytes.
    Length { remaining: u64 },
    /// The body ends with the last chunk.
    Chunked(ChunkState),
    /// The body ends with the connection.
    UntilClose,
}

/// The place of the next byte in a chunked body (RFC 9112, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkState {
    Size,
    Data { remaining: u64 },
    DataEnd,
    Trailers,
    End,
}

/// The result of a decoding step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// The next bytes of the body, at least one.
    Data(Bytes),
    /// More bytes have to be read first.
    NeedsMore,
    /// The body has ended.
    End,
}

impl BodyDecoder {
    pub(super) fn length(length: u64) -> Self {
        Self::Length { remaining: length }
    }

    pub(super) fn chunked() -> Self {
        Self::Chunked(ChunkState::Size)
    }

    /// Returns whether the whole body was decoded.
    pub(super) fn is_complete(&self) -> bool {
        matches!(
            self,
            Self::Length { remaining: 0 } | Self::Chunked(ChunkState::End)
        )
    }

    /// Returns whether the end of the connection is the end of the body. Trailers may be missing:
    /// the zero-sized chunk before them completes the body (RFC 9112, section 8).
    pub(super) fn may_end(&self) -> bool {
        self.is_complete() || matches!(self, Self::UntilClose | Self::Chunked(ChunkState::Trailers))
    }

    /// Returns the number of bytes that are still to come, if it is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        match self {
            Self::Length { remaining } => Some(*remaining),
            Self::Chunked(ChunkState::End) => Some(0),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// Decodes the next bytes and removes them from `read`.
    pub(super) fn decode(&mut self, read: &mut BytesMut) -> Result<Decoded, MalformedResponse> {
        match self {
            Self::Length { remaining: 0 } => Ok(Decoded::End),
            Self::Length { remaining } => Ok(take(remaining, read)),
            Self::UntilClose => Ok(take(&mut { u64::MAX }, read)),
            Self::Chunked(state) => state.decode(read),
        }
    }
}

impl ChunkState {
    fn decode(&mut self, read: &mut BytesMut) -> Result<Decoded, MalformedResponse> {
        loop {
            let next = match self {
                Self::Size => size(read)?,
                Self::Data { remaining: 0 } => Some(Self::DataEnd),
                Self::Data { remaining } => return Ok(take(remaining, read)),
                Self::DataEnd => data_end(read)?,
                Self::Trailers => trailers(read),
                Self::End => return Ok(Decoded::End),
            };
            match next {
                Some(next) => *self = next,
                None if read.len() > MAX_FRAMING => {
                    return Err(MalformedResponse(
                        "a chunk's size or the trailers are too long",
                    ));
                }
                None => return Ok(Decoded::NeedsMore),
            }
        }
    }
}

/// Takes the available bytes, up to `remaining`.
fn take(remaining: &mut u64, read: &mut BytesMut) -> Decoded {
    let length = usize::try_from(*remaining).map_or(read.len(), |most| most.min(read.len()));
    if length == 0 {
        return Decoded::NeedsMore;
    }
    *remaining -= length as u64;
    Decoded::Data(read.split_to(length).freeze())
}

fn size(read: &mut BytesMut) -> Result<Option<ChunkState>, MalformedResponse> {
    const UNREADABLE: MalformedResponse = MalformedResponse("a chunk's size cannot be read");
    // httparse reads a size without digits as 0, and so takes an empty line for the last chunk.
    if read.first().is_some_and(|digit| !digit.is_ascii_hexdigit()) {
        return Err(UNREADABLE);
    }
    // httparse takes a line feed for a part of an extension.
    let line_feed = memchr::memchr(b'\n', read);
    if line_feed.is_some_and(|place| read[place - 1] != b'\r') {
        return Err(UNREADABLE);
    }
    let size = httparse::parse_chunk_size(read).map_err(|_| UNREADABLE)?;
    let httparse::Status::Complete((end, size)) = size else {
        return Ok(None);
    };
    read.advance(end);
    Ok(Some(match size {
        0 => ChunkState::Trailers,
        remaining => ChunkState::Data { remaining },
    }))
}

fn data_end(read: &mut BytesMut) -> Result<Option<ChunkState>, MalformedResponse> {
    match &read[..] {
        [b'\r', b'\n', ..] => {
            read.advance(2);
            Ok(Some(ChunkState::Size))
        }
        [] | [b'\r'] => Ok(None),
        _ => Err(MalformedResponse("a chunk is longer than its size says")),
    }
}

/// Skips the trailers up to their empty line. They are dropped, so their faults do not matter.
fn trailers(read: &mut BytesMut) -> Option<ChunkState> {
    let end = match &read[..] {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => section_end(read, 0)?,
    };
    read.advance(end);
    Some(ChunkState::End)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `bytes`, fed this many at a time, and returns the body and whether it is complete.
    fn decoded(
        mut decoder: BodyDecoder,
        bytes: &[u8],
        at_a_time: usize,
    ) -> Result<(Vec<u8>, bool), MalformedResponse> {
        let (mut read, mut body) = (BytesMut::new(), Vec::new());
        for some in bytes.chunks(at_a_time) {
            read.extend_from_slice(some);
            while let Decoded::Data(data) = decoder.decode(&mut read)? {
                assert!(!data.is_empty());
                body.extend_from_slice(&data);
            }
        }
        Ok((body, decoder.is_complete()))
    }

    const CHUNKS: &[u8] =
        b"5\r\nhello\r\n1; a=\"b\"\r\n \r\n00A \r\n0123456789\r\n0\r\nx: 1\r\n\r\n";

    #[test]
    fn chunks_are_the_same_however_they_come() {
        for at_a_time in 1..=CHUNKS.len() {
            let (body, complete) =
                decoded(BodyDecoder::chunked(), CHUNKS, at_a_time).expect("right");
            assert_eq!(body, b"hello 0123456789", "{at_a_time}");
            assert!(complete, "{at_a_time}");
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
                let (body, complete) =
                    decoded(BodyDecoder::chunked(), bytes.as_bytes(), at_a_time).expect("right");
                assert_eq!((&body[..], complete), (&b"a"[..], true), "{trailers:?}");
            }
        }
        let mut decoder = BodyDecoder::chunked();
        let mut read = BytesMut::from(&b"1\r\na\r\n0\r\nx: "[..]);
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::Data("a".into())));
        assert!(!decoder.may_end());
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::NeedsMore));
        assert!(decoder.may_end() && !decoder.is_complete());
    }

    #[test]
    fn chunks_are_over_at_their_last_byte_and_not_before() {
        for end in 0..CHUNKS.len() {
            let (_, complete) = decoded(BodyDecoder::chunked(), &CHUNKS[..end], 7).expect("so far");
            assert!(!complete, "{end}");
        }
        let mut decoder = BodyDecoder::chunked();
        let mut read = BytesMut::from(&b"1\r\na\r\n0\r\n\r\nHTTP/1.1"[..]);
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::Data("a".into())));
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::End));
        assert_eq!(&read[..], b"HTTP/1.1");
    }

    #[test]
    fn broken_chunks_are_no_body() {
        for bytes in [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\na\r\n",
            b"1\na\n",
            b"1;x\na\r\n",
            b"2\r\nabc\r\n",
            b"1\r\na0\r\n\r\n",
            b"11111111111111111\r\n",
        ] {
            let result = decoded(BodyDecoder::chunked(), bytes, 1);
            assert!(result.is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_size_or_trailers_without_end_are_not_waited_for() {
        let size = [&b"1;"[..], &vec![b'x'; MAX_FRAMING]].concat();
        let trailers = [&b"0\r\nx: "[..], &vec![b'x'; MAX_FRAMING]].concat();
        for bytes in [size, trailers] {
            assert!(decoded(BodyDecoder::chunked(), &bytes, 1000).is_err());
        }
    }

    #[test]
    fn a_known_length_leaves_what_comes_behind_it() {
        let mut decoder = BodyDecoder::length(3);
        let mut read = BytesMut::from(&b"ab"[..]);
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::Data("ab".into())));
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::NeedsMore));
        assert!(!decoder.may_end());
        read.extend_from_slice(b"cd");
        assert_eq!(decoder.decode(&mut read), Ok(Decoded::Data("c".into())));
        assert!(decoder.is_complete());
        assert_eq!(
            (decoder.decode(&mut read), &read[..]),
            (Ok(Decoded::End), &b"d"[..])
        );
    }

    #[test]
    fn only_the_end_ends_a_body_without_length() {
        let (body, complete) = decoded(BodyDecoder::UntilClose, b"hello", 2).expect("right");
        assert_eq!((&body[..], complete), (&b"hello"[..], false));
        assert!(BodyDecoder::UntilClose.may_end());
    }
}
