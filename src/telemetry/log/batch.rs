//! How the log's thread writes: what comes within a millisecond goes out at once, since of a busy gate's lines each would
//! otherwise wake the thread and be a system call of its own. Nothing stays here once no line waits.

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

/// How long a first line waits for others.
const PATIENCE: Duration = Duration::from_millis(1);

/// Bytes that are written at once, of whole lines. No more than a pipe takes in one piece, since a gate that is replaced
/// shares its with the next one.
const AT_ONCE: usize = 4096;

/// Gathers lines on their way to a writer. Each has to be written whole.
pub(crate) struct Batch<W: Write>(BufWriter<W>);

impl<W: Write> Batch<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self(BufWriter::with_capacity(AT_ONCE, writer))
    }
}

impl<W: Write> Write for Batch<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.buffer().is_empty() {
            wait();
        }
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no connection sleeps with the log's thread"
)]
fn wait() {
    std::thread::sleep(PATIENCE);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that it was given.
    #[derive(Default)]
    struct Pieces(Vec<Vec<u8>>);

    impl Write for &mut Pieces {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0.push(piece.to_vec());
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn many_lines_go_out_in_few_pieces_that_break_none() {
        let mut pieces = Pieces::default();
        let mut batch = Batch::new(&mut pieces);
        let lines: Vec<_> = (0..100).map(|number| format!("{number:0>199}\n")).collect();
        for line in &lines {
            batch.write_all(line.as_bytes()).expect("written");
        }
        batch.flush().expect("flushed");
        drop(batch);
        assert_eq!(pieces.0.len(), 5);
        assert!(pieces.0.iter().all(|piece| piece.ends_with(b"\n")));
        assert_eq!(pieces.0.concat(), lines.concat().as_bytes());
    }
}
