//! Writes the log to standard error. Every line is either written completely or counted as lost,
//! even if the descriptor is non-blocking: another process that shares it may change that at any
//! time.

use std::{
    env,
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::fstat,
};

/// Counts the lines that could not be written.
#[derive(Debug, Default)]
pub(super) struct LostLines(AtomicU64);

impl LostLines {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Writes complete lines.
pub(super) struct Stderr<W> {
    to: W,
    lost: Arc<LostLines>,
}

impl<W: Write + AsFd> Stderr<W> {
    pub(super) fn new(to: W) -> (Self, Arc<LostLines>) {
        let lost = Arc::<LostLines>::default();
        let own = Self {
            to,
            lost: Arc::clone(&lost),
        };
        (own, lost)
    }

    /// Writes all of `rest`. After an error, it holds the bytes that were not written.
    fn write_rest(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => *rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until the descriptor accepts bytes, as a blocking one does. Meanwhile, lines queue up.
    fn wait(&self) -> io::Result<()> {
        let mut descriptors = [PollFd::new(&self.to, PollFlags::OUT)];
        match poll(&mut descriptors, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<W: Write + AsFd> Write for Stderr<W> {
    /// Counts the lines that cannot be written, and never fails.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut rest = lines;
        if self.write_rest(&mut rest).is_err() {
            let lost = rest.iter().filter(|byte| **byte == b'\n').count();
            self.lost.0.fetch_add(lost as u64, Relaxed);
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns whether journald reads standard error. `JOURNAL_STREAM` names the device and the inode
/// of its socket, because a child process may have another standard error (`systemd.exec(5)`).
pub(super) fn is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    let named = stream.split_once(':').and_then(|(device, inode)| {
        Some((device.parse::<u64>().ok()?, inode.parse::<u64>().ok()?))
    });
    let own = fstat(io::stderr()).map(|own| (own.st_dev, own.st_ino));
    named.is_some() && own.ok() == named
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::{io::Read as _, os::unix::net::UnixStream, thread};

    #[test]
    fn a_descriptor_that_does_not_block_loses_nothing() {
        let (ours, mut theirs) = UnixStream::pair().expect("two sockets");
        ours.set_nonblocking(true).expect("set");
        let (mut stderr, lost) = Stderr::new(ours);
        let line = [[b'x'; 999].as_slice(), b"\n"].concat();
        let writer = thread::spawn(move || {
            for _ in 0..2_000 {
                stderr.write_all(&line).expect("it never fails");
            }
        });
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).expect("read");
        writer.join().expect("no panic");
        assert_eq!((all.len(), lost.count()), (2_000_000, 0));
    }

    #[test]
    fn what_cannot_be_written_is_counted_by_the_line() {
        let (ours, theirs) = UnixStream::pair().expect("two sockets");
        drop(theirs);
        let (mut stderr, lost) = Stderr::new(ours);
        stderr.write_all(b"one\ntwo\n").expect("it never fails");
        assert_eq!(lost.count(), 2);
    }
}
