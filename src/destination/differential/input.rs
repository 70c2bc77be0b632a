//! A fuzz input: the bytes that an app sends, cut into reads.

use std::fmt;

use bytes::Bytes;
use http::Method;

/// The method of the request, the bytes of the app in the pieces in which they arrive, and whether
/// the app closes the connection behind them.
///
/// Layout: flags (bit 0: the method is PUT, bit 1: the app closes), the number of cuts, one length
/// per cut, the bytes. The last piece has no length.
pub(super) struct Input {
    pub(super) method: Method,
    pub(super) closes: bool,
    pub(super) pieces: Vec<Bytes>,
}

impl Input {
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let [flags, count, rest @ ..] = data else {
            return None;
        };
        let (cuts, mut bytes) = rest.split_at(usize::from(*count).min(rest.len()));
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, rest) = bytes.split_at(usize::from(*cut).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces.push(bytes);
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        Some(Self {
            method: if flags & 1 == 0 {
                Method::POST
            } else {
                Method::PUT
            },
            closes: flags & 2 != 0,
            pieces: pieces.map(Bytes::copy_from_slice).collect(),
        })
    }

    /// Returns all bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, closes: {}", self.method, self.closes)?;
        let mut pieces = self.pieces.iter();
        pieces.try_for_each(|piece| write!(f, "\n  {}", piece.escape_ascii()))
    }
}
