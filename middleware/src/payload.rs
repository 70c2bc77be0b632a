//! The bytes of a complete body in one or more pieces, genuine or not.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};

pub(crate) struct Payload {
    chunks: Chunks,
    len: usize,
    joined: OnceLock<Bytes>,
}

/// The pieces of a body. Most bodies have one piece, which needs no list.
pub(crate) enum Chunks {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Payload {
    pub(crate) fn new(chunks: Chunks) -> Self {
        let len = chunks.as_slice().iter().map(Bytes::len).sum();
        Self {
            chunks,
            len,
            joined: OnceLock::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn chunks(&self) -> &[Bytes] {
        self.chunks.as_slice()
    }

    /// Returns the body in one piece. Copies several pieces together at the first call.
    pub(crate) fn bytes(&self) -> &Bytes {
        match &self.chunks {
            Chunks::One(bytes) => bytes,
            Chunks::Many(chunks) => self.joined.get_or_init(|| join(chunks, self.len)),
        }
    }

    /// Joins the pieces and drops them.
    pub(crate) fn join(&mut self) {
        if let Chunks::Many(chunks) = &self.chunks {
            self.chunks = Chunks::One(join(chunks, self.len));
        }
    }
}

fn join(chunks: &[Bytes], len: usize) -> Bytes {
    let mut joined = BytesMut::with_capacity(len);
    chunks
        .iter()
        .for_each(|chunk| joined.extend_from_slice(chunk));
    joined.freeze()
}

impl Chunks {
    fn as_slice(&self) -> &[Bytes] {
        match self {
            Self::One(bytes) if bytes.is_empty() => &[],
            Self::One(bytes) => std::slice::from_ref(bytes),
            Self::Many(chunks) => chunks,
        }
    }
}

impl From<Vec<Bytes>> for Chunks {
    fn from(mut chunks: Vec<Bytes>) -> Self {
        match chunks.len() {
            0 | 1 => Self::One(chunks.pop().unwrap_or_default()),
            _ => Self::Many(chunks),
        }
    }
}
