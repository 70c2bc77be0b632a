//! Rounds, in which peers are driven one after another. All connections stay open meanwhile, so
//! that a round is short and the same disturbance meets all peers.

use std::io;

use crate::{bench::Bench, fleet::Fleet, peer::Running};

/// A measurement in rounds.
pub(crate) struct Rounds<'a> {
    pub(crate) what: &'a str,
    pub(crate) count: usize,
    /// The open connections to each peer.
    pub(crate) connections: usize,
}

impl Rounds<'_> {
    /// Drives each peer of the field in each round. `add` gets its place in the field. A peer that
    /// fails is left out of further rounds.
    pub(crate) fn run<'r, T>(
        &self,
        bench: &mut Bench,
        field: &[Running],
        drive: impl Fn(&Bench, &Running, &mut Fleet<'r>) -> io::Result<T>,
        mut add: impl FnMut(usize, T),
    ) -> io::Result<()> {
        let mut lanes = Vec::new();
        for (place, peer) in field.iter().enumerate() {
            let fleet = Fleet::connect(peer.address, self.connections);
            if let Some(fleet) = bench.keep(peer.column, self.what, fleet)? {
                lanes.push((place, fleet));
            }
        }
        eprintln!("bench: {}, {} rounds", self.what, self.count);
        for round in 0..self.count {
            let mut failed = Vec::new();
            for lane in order(lanes.len(), round) {
                let (place, fleet) = &mut lanes[lane];
                let peer = &field[*place];
                let outcome = drive(bench, peer, fleet);
                match bench.keep(peer.column, self.what, outcome)? {
                    Some(one) => add(*place, one),
                    None => failed.push(*place),
                }
            }
            lanes.retain(|(place, _)| !failed.contains(place));
        }
        Ok(())
    }
}

/// Returns the order of a round. Each peer is first in turn, and its predecessor is another one in
/// every second round.
fn order(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |turn| {
        let turn = if round.is_multiple_of(2) {
            turn
        } else {
            count - 1 - turn
        };
        (turn + round / 2) % count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_rotate_and_turn() {
        let orders: Vec<Vec<usize>> = (0..4).map(|round| order(3, round).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]]);
        assert_eq!(order(0, 1).count(), 0);
    }
}
