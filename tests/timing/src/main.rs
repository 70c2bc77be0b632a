//! Measures the time from a request with a wrong signature to its rejection, over a socket.
//!
//! Usage: `timing bytes COUNT GATE`: the first or the last byte of the signature is wrong.
//! `timing secrets COUNT GATE`: the last byte is wrong, of the signature by the first or by the
//! second secret. `timing leak-NANOSECONDS COUNT`: as `bytes`, with a stand-in that leaks this time.
//! `timing leak-0 COUNT` is the null control: the stand-in leaks nothing, and both classes are equal.

mod exchange;
mod forgery;
mod gate;
mod leaky;

use std::{cell::RefCell, net::SocketAddr, process::ExitCode, sync::OnceLock};

use dudect_bencher::{
    BenchRng, Class, CtRunner,
    ctbench::{BenchMetadata, BenchName, BenchOpts, run_benches_console},
    rand::RngExt as _,
};

use self::{exchange::Exchange, forgery::Forgeries, gate::Gate};

/// The number of exchanges before the first measurement.
const WARM_UP: usize = 20_000;

/// The measurement of this process. The bencher takes functions without a context.
static TASK: OnceLock<Task> = OnceLock::new();

struct Task {
    address: SocketAddr,
    count: usize,
    difference: Difference,
}

/// The difference between the two classes.
#[derive(Clone, Copy)]
enum Difference {
    /// The place of the wrong byte.
    Place,
    Secret,
    None,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let gate;
    let (difference, count, address) = match arguments[..] {
        [name @ ("bytes" | "secrets"), count, program] => {
            gate = Gate::start(program);
            let is_secret = name == "secrets";
            let difference = if is_secret {
                Difference::Secret
            } else {
                Difference::Place
            };
            (difference, count, gate.address)
        }
        ["leak-0", count] => (Difference::None, count, leaky::serve(0)),
        [name, count] if name.starts_with("leak-") => {
            let leak = name["leak-".len()..].parse().expect("nanoseconds");
            (Difference::Place, count, leaky::serve(leak))
        }
        _ => {
            eprintln!("usage: timing bytes|secrets COUNT GATE, or timing leak-NANOSECONDS COUNT");
            return ExitCode::from(2);
        }
    };
    let task = Task {
        address,
        count: count.parse().expect("a number"),
        difference,
    };
    assert!(TASK.set(task).is_ok(), "set once");
    let bench = BenchMetadata {
        name: BenchName("rejection"),
        seed: None,
        benchfn: measure,
    };
    run_benches_console(BenchOpts::default(), vec![bench]).expect("the console takes it");
    ExitCode::SUCCESS
}

/// Measures both classes, interleaved at random.
fn measure(runner: &mut CtRunner, random: &mut BenchRng) {
    let task = TASK.get().expect("set at the start");
    let forgeries = Forgeries::new();
    let exchange = RefCell::new(Exchange::connect(task.address));
    for number in 0..WARM_UP + task.count {
        let is_left: bool = random.random();
        let choice = random.random_range(0..Forgeries::COUNT);
        // A mask of 0 would leave the signature right.
        let mask = random.random_range(1..=u8::MAX);
        let (secret, place) = match (task.difference, is_left) {
            (Difference::Place, true) => (0, 0),
            (Difference::Secret, false) => (1, 31),
            _ => (0, 31),
        };
        let forgery = forgeries.wrong_at(choice, secret, place, mask);
        exchange.borrow_mut().prepare(&forgery);
        let run = || exchange.borrow_mut().run();
        if number < WARM_UP {
            run();
        } else {
            let class = if is_left { Class::Left } else { Class::Right };
            runner.run_one(class, run);
        }
    }
}
