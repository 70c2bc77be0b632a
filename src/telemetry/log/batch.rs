//! Collects the lines of one millisecond into one write. Otherwise each line of a busy gate would
//! wake the log's thread and need a system call.

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

/// The time that the first line waits for further ones.
const WAIT: Duration = Duration::from_millis(1);

/// The maximum size of a write, which holds only complete lines. It is the size that a pipe accepts
/// atomically: during a restart, two gates share one.
const MAX_WRITE: usize = 4096;

/// Collects lines for a writer. Each call of `write` must pass a complete line.
pub(super) struct Batch<W: Write>(BufWriter<W>);

impl<W: Write> Batch<W> {
    pub(super) fn new(writer: W) -> Self {
        Self(BufWriter::with_capacity(MAX_WRITE, writer))
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
    reason = "the log's thread serves no connections"
)]
fn wait() {
    std::thread::sleep(WAIT);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects the writes that it receives.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for &mut Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn many_lines_go_out_in_few_writes_that_break_none() {
        let mut writes = Writes::default();
        let mut batch = Batch::new(&mut writes);
        let lines: Vec<_> = (0..100).map(|number| format!("{number:0>199}\n")).collect();
        for line in &lines {
            batch.write_all(line.as_bytes()).expect("written");
        }
        batch.flush().expect("flushed");
        drop(batch);
        assert_eq!(writes.0.len(), 5);
        assert!(writes.0.iter().all(|bytes| bytes.ends_with(b"\n")));
        assert_eq!(writes.0.concat(), lines.concat().as_bytes());
    }
}
