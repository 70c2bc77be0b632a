//! The two kinds of load. A saturating load is a closed loop with a fixed number of requests in
//! progress. A paced load is an open loop with requests due at fixed instants. Its latency counts
//! from the instant at which a request was due, so a stall affects all requests that were due in
//! it.

use std::{
    io,
    num::NonZeroU64,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{fleet::Fleet, stop};

/// The longest wait for responses before the loop checks the time.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest wait for the last responses.
const PATIENCE: Duration = Duration::from_secs(20);

/// The expected response.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    Accepted,
    Refused,
}

impl Expected {
    pub(crate) fn is(self, status: u16) -> bool {
        match self {
            Self::Accepted => status == 200,
            Self::Refused => status == 401 || status == 403,
        }
    }
}

/// The requests, their concurrency and the duration.
pub(crate) struct Load<'r> {
    pub(crate) requests: &'r [Vec<u8>],
    pub(crate) expected: Expected,
    pub(crate) at_once: usize,
    pub(crate) warm: Duration,
    pub(crate) span: Duration,
}

/// The results of a saturated peer in the measured span.
pub(crate) struct Saturation {
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
}

/// The time in which an idle peer goes to sleep, so that its CPU time is exact.
const REST: Duration = Duration::from_millis(2);

/// Saturates a peer, and waits for all responses. `cpu` returns the CPU time that it has used.
pub(crate) fn saturate<'r>(
    fleet: &mut Fleet<'r>,
    load: &Load<'r>,
    cpu: impl Fn() -> io::Result<Duration>,
) -> io::Result<Saturation> {
    drive(fleet, load, load.warm)?;
    stop::rest(REST)?;
    let before = cpu()?;
    let (answers, elapsed) = drive(fleet, load, load.span)?;
    stop::rest(REST)?;
    Ok(Saturation {
        answers,
        elapsed,
        cpu: cpu()?.saturating_sub(before),
    })
}

/// Sends for a time, with a fixed number of requests in progress. Returns the number of responses,
/// and the time until the last one.
fn drive<'r>(
    fleet: &mut Fleet<'r>,
    load: &Load<'r>,
    span: Duration,
) -> io::Result<(u64, Duration)> {
    let mut requests = load.requests.iter().cycle();
    let (begun, mut answers) = (Instant::now(), 0);
    let (mut done, mut ready) = (Vec::new(), load.at_once);
    loop {
        if begun.elapsed() < span {
            for request in requests.by_ref().take(ready) {
                fleet.send(request, begun)?;
            }
        } else if fleet.is_settled() {
            return Ok((answers, begun.elapsed()));
        } else if begun.elapsed() > span + PATIENCE {
            return Err(io::Error::other("responses are missing"));
        }
        fleet.poll(PAUSE, &mut done)?;
        ready = done.len();
        for one in done.drain(..) {
            expect(load.expected, one.status)?;
            answers += 1;
        }
    }
}

/// Sends at a fixed rate per second. Returns the latency of each request in nanoseconds.
pub(crate) fn pace<'r>(
    fleet: &mut Fleet<'r>,
    load: &Load<'r>,
    rate: f64,
) -> io::Result<Histogram<u64>> {
    // By default the kernel wakes a thread up to 50 us late, the duration of a request.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    let mut waited =
        Histogram::new_with_bounds(1_000, 60_000_000_000, 3).map_err(io::Error::other)?;
    let mut requests = load.requests.iter().cycle();
    let gap = Duration::from_secs_f64(1.0 / rate);
    let begun = Instant::now();
    let measured = begun + load.warm;
    let end = measured + load.span;
    let (mut due, mut done) = (begun, Vec::new());
    while due < end || !fleet.is_settled() {
        let now = Instant::now();
        // Without an idle connection a request waits, and its latency includes the wait.
        while due <= now && due < end && fleet.is_free() {
            for request in requests.by_ref().take(1) {
                fleet.send(request, due)?;
            }
            due += gap;
        }
        let next = if due > now && due < end {
            due - now
        } else {
            PAUSE
        };
        fleet.poll(next.min(PAUSE), &mut done)?;
        let now = Instant::now();
        for one in done.drain(..) {
            expect(load.expected, one.status)?;
            if one.mark >= measured {
                let took = now.saturating_duration_since(one.mark).as_nanos();
                waited.saturating_record(u64::try_from(took).unwrap_or(u64::MAX));
            }
        }
        if now > end + Duration::from_secs(20) {
            return Err(io::Error::other("it cannot keep up with the fixed load"));
        }
    }
    Ok(waited)
}

fn expect(expected: Expected, status: u16) -> io::Result<()> {
    match (expected.is(status), status) {
        (true, _) => Ok(()),
        (false, 0) => Err(io::Error::other(
            "it closed a connection instead of responding",
        )),
        (false, _) => Err(io::Error::other(format!(
            "it responded {status} under load"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;
    use crate::{
        delivery::{Deliveries, PATH},
        upstream::Upstream,
    };

    fn load(requests: &[Vec<u8>], expected: Expected) -> Load<'_> {
        Load {
            requests,
            expected,
            at_once: 4,
            warm: Duration::ZERO,
            span: Duration::from_millis(100),
        }
    }

    #[test]
    fn every_answer_of_a_saturated_app_is_counted() {
        let upstream = Upstream::start().expect("it starts");
        for size in [200, 300_000] {
            let made = Deliveries::new(size, PATH);
            let before = upstream.arrived();
            let mut fleet = Fleet::connect(upstream.address, 4).expect("connected");
            let accepted = load(&made.genuine, Expected::Accepted);
            let one = saturate(&mut fleet, &accepted, || Ok(Duration::ZERO)).expect("answers");
            let arrived = upstream.arrived() - before;
            assert!(one.answers > 4 && one.answers == arrived, "{arrived}");
        }
    }

    #[test]
    fn a_wrong_answer_is_no_measurement() {
        let upstream = Upstream::start().expect("it starts");
        let made = Deliveries::new(200, PATH);
        let mut fleet = Fleet::connect(upstream.address, 4).expect("connected");
        let refused = load(&made.forged, Expected::Refused);
        assert!(saturate(&mut fleet, &refused, || Ok(Duration::ZERO)).is_err());
    }

    #[test]
    fn what_a_slow_peer_delays_is_counted_from_when_it_was_due() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("known");
        let server = thread::spawn(move || answer_slowly(&listener));
        let made = Deliveries::new(200, PATH);
        let mut fleet = Fleet::connect(address, 1).expect("connected");
        let accepted = load(&made.genuine, Expected::Accepted);
        let waited = pace(&mut fleet, &accepted, 1_000.0).expect("answers");
        drop(fleet);
        server.join().expect("it ends with its connection");
        // Each response takes about 5 ms, but the 100th request is sent 400 ms late.
        assert_eq!(waited.len(), 100);
        assert!(waited.max() > 300_000_000, "{} ns", waited.max());
    }

    fn answer_slowly(listener: &TcpListener) {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 4096];
        while stream.read(&mut request).expect("requests") > 0 {
            thread::park_timeout(Duration::from_millis(5));
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).expect("written");
        }
    }
}
