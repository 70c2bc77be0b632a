//! The cost of clients that watch the gate, at full load: the same gate with and without viewers of
//! its event stream.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    thread::{self, JoinHandle},
};

use tempfile::TempDir;

use crate::{
    bench::Bench,
    cartgate::ADMIN,
    delivery::{Deliveries, PATH},
    load::{Expected, saturate},
    peer::Task,
    speed::{cost, load, rounds},
    table::{Better, GATE, Table},
};

/// The name of the table.
pub(crate) const TABLE: &str = "CPU per verified request with viewers of the event stream";

/// The labels of its rows.
pub(crate) const WITHOUT: &str = "no viewer";
pub(crate) const WITH: &str = "ten viewers";

const VIEWERS: usize = 10;

const BODY: usize = 2 * 1024;

/// Measures two gates in turn, of which only the second is ever watched: a gate records for a while
/// after its last viewer.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Table> {
    let mut table = bench.table(TABLE, "us", Better::Neither);
    let measured = measure_into(bench, &mut table);
    bench.keep(GATE, "viewers", measured)?;
    Ok(table)
}

fn measure_into(bench: &mut Bench, table: &mut Table) -> io::Result<()> {
    let rooms = [room()?, room()?];
    let task = Task::of(BODY);
    let start = |room: &TempDir| bench.start_in(room.path(), GATE, &task);
    let field = [start(&rooms[0])?, start(&rooms[1])?];
    let admin = rooms[1].path().join(GATE.to_string()).join(ADMIN);
    let viewers = Viewers::open(&admin)?;
    let deliveries = Deliveries::new(BODY, PATH);
    let load = load(bench, &deliveries.genuine, Expected::Accepted, BODY);
    rounds(bench, "viewers", &load).run(
        bench,
        &field,
        |_, gate, fleet| saturate(fleet, &load, || gate.cpu()),
        |place, one| table.add([WITHOUT, WITH][place], GATE, cost(&one)),
    )?;
    viewers.close()
}

fn room() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("cartgate-view-").tempdir()
}

/// Clients of the event stream, each on a thread.
struct Viewers(Vec<(UnixStream, JoinHandle<u64>)>);

impl Viewers {
    /// Opens the streams as the owner of the gate's socket.
    fn open(socket: &Path) -> io::Result<Self> {
        let viewers = (0..VIEWERS).map(|_| {
            let mut stream = UnixStream::connect(socket)?;
            stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: cartgate\r\n\r\n")?;
            let mut reader = BufReader::new(stream.try_clone()?);
            let mut first = String::new();
            reader.read_line(&mut first)?;
            if !first.starts_with("HTTP/1.1 200 ") {
                return Err(io::Error::other(format!("no event stream: {first:?}")));
            }
            Ok((stream, thread::spawn(move || drain(&mut reader))))
        });
        viewers.collect::<io::Result<_>>().map(Self)
    }

    /// Closes the streams.
    ///
    /// # Errors
    ///
    /// When one of them was dropped, so that there was less work than announced.
    fn close(self) -> io::Result<()> {
        let mut least = u64::MAX;
        for (stream, thread) in self.0 {
            if thread.is_finished() {
                return Err(io::Error::other("the gate dropped a viewer"));
            }
            stream.shutdown(Shutdown::Both)?;
            least = least.min(thread.join().unwrap_or_default());
        }
        if least < 100_000 {
            let text = format!("a viewer got only {least} bytes");
            return Err(io::Error::other(text));
        }
        Ok(())
    }
}

/// Reads to the end; returns the number of bytes.
fn drain(reader: &mut BufReader<UnixStream>) -> u64 {
    let mut piece = [0; 64 * 1024];
    let mut bytes = 0;
    while let Ok(read @ 1..) = reader.read(&mut piece) {
        bytes += read as u64;
    }
    bytes
}
