//! Steps of one alarm, alone and shared by two gates.

use super::*;

const COOL_DOWN: Millis = 900_000;

const START: Millis = 1_800_000_000_000;

/// Rules of one gate or of several, at a time after the start.
fn rules(gate: u128, shared: bool, after: Millis) -> Rules {
    Rules {
        cool_down: Duration::from_millis(COOL_DOWN.unsigned_abs()),
        shared,
        gate: Uuid::from_u128(gate),
        now: START + after,
    }
}

/// An alarm in the eyes of the gates that share its record.
#[derive(Default)]
struct Alarm {
    record: Option<AlarmRecord>,
    shared: bool,
}

impl Alarm {
    fn shared() -> Self {
        Self {
            record: None,
            shared: true,
        }
    }

    /// Takes the step of a gate. Returns the edge that it sends.
    fn step(&mut self, gate: u128, after: Millis, judgement: Judgement) -> Option<Edge> {
        let rules = rules(gate, self.shared, after);
        match rules.step(self.record.as_ref(), judgement) {
            AlarmStep::Nothing => None,
            AlarmStep::Send(edge, record) => {
                self.record = Some(record);
                Some(edge)
            }
            AlarmStep::Confirm(record) => {
                self.record = Some(record);
                None
            }
            AlarmStep::Forget => {
                self.record = None;
                None
            }
        }
    }

    fn sent(&mut self) {
        self.record = self.record.as_ref().map(AlarmRecord::as_sent);
    }
}

use Judgement::{Holds, Over, Unknown};

#[test]
fn an_edge_is_sent_once() {
    let mut alarm = Alarm::default();
    assert_eq!(alarm.step(1, 0, Over), None);
    assert_eq!(alarm.step(1, 1, Holds), Some(Edge::Raised));
    alarm.sent();
    for after in 2..100 {
        assert_eq!(alarm.step(1, after * 1_000, Holds), None);
        assert_eq!(alarm.step(1, after * 1_000, Unknown), None);
    }
    assert_eq!(alarm.step(1, 100_000, Over), Some(Edge::Recovered));
    alarm.sent();
    assert_eq!(alarm.step(1, 101_000, Over), None);
}

#[test]
fn a_flapping_condition_sends_one_pair_per_cool_down() {
    let mut alarm = Alarm::default();
    let mut edges = Vec::new();
    for second in 0..3 * COOL_DOWN / 1_000 {
        let judgement = if second % 2 == 0 { Holds } else { Over };
        edges.extend(alarm.step(1, second * 1_000, judgement));
        alarm.sent();
    }
    let pair = [Edge::Raised, Edge::Recovered];
    assert_eq!(edges, [pair, pair, pair].concat());
}

#[test]
fn a_condition_that_outlasts_the_cool_down_is_raised_late() {
    let mut alarm = Alarm::default();
    assert_eq!(alarm.step(1, 0, Holds), Some(Edge::Raised));
    assert_eq!(alarm.step(1, 1, Over), Some(Edge::Recovered));
    assert_eq!(alarm.step(1, COOL_DOWN - 1, Holds), None);
    assert_eq!(alarm.step(1, COOL_DOWN, Holds), Some(Edge::Raised));
}

#[test]
fn a_shared_alarm_is_over_once_no_gate_confirms_it() {
    let mut alarm = Alarm::shared();
    assert_eq!(alarm.step(1, 0, Holds), Some(Edge::Raised));
    alarm.sent();
    let mut after = 0;
    while after < 60_000 {
        after += 2_000;
        assert_eq!(alarm.step(2, after, Over), None, "{after}");
        assert_eq!(alarm.step(1, after, Holds), None, "{after}");
    }
    // From here on, the condition holds at neither gate.
    let mut edges = Vec::new();
    while after < 120_000 {
        after += 2_000;
        edges.extend(alarm.step(2, after, Over));
        edges.extend(alarm.step(1, after, Over));
    }
    assert_eq!(edges, [Edge::Recovered]);
}

#[test]
fn an_edge_that_no_receiver_got_is_sent_again_after_its_gate_has_ended() {
    let mut alone = Alarm::default();
    assert_eq!(alone.step(1, 0, Holds), Some(Edge::Raised));
    assert_eq!(alone.step(1, 10, Holds), None, "it still tries");
    assert_eq!(alone.step(2, 20, Holds), Some(Edge::Raised), "restarted");
    alone.sent();
    assert_eq!(alone.step(3, 30, Holds), None, "restarted after success");
    assert_eq!(alone.step(3, 40, Over), Some(Edge::Recovered));
    assert_eq!(alone.step(4, 50, Over), Some(Edge::Recovered), "restarted");

    let mut shared = Alarm::shared();
    assert_eq!(shared.step(1, 0, Holds), Some(Edge::Raised));
    assert_eq!(shared.step(2, 20, Holds), None, "the first may still try");
    assert_eq!(shared.step(2, ABANDONED, Holds), Some(Edge::Raised));
}

#[test]
fn a_record_is_forgotten_after_the_cool_down() {
    let mut alarm = Alarm::default();
    alarm.step(1, 0, Holds);
    alarm.step(1, 1, Over);
    alarm.sent();
    alarm.step(1, COOL_DOWN - 1, Over);
    assert!(alarm.record.is_some());
    alarm.step(1, COOL_DOWN, Over);
    assert!(alarm.record.is_none());
}

#[test]
fn a_clock_that_was_ahead_delays_an_alarm_by_no_more_than_that() {
    let mut alarm = Alarm::default();
    alarm.step(1, 0, Holds);
    alarm.step(1, 1, Over);
    assert_eq!(alarm.step(1, -10 * COOL_DOWN, Holds), Some(Edge::Raised));
}
