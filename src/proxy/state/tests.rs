//! Phases, framing and progress of one connection.

use super::{
    connection_state::ConnectionState, framing::MOST_FRAMING, phase::Phase, progress::Progress,
};

#[test]
fn a_second_stay_in_a_phase_is_another_stay() {
    let state = ConnectionState::new();
    let first = state.stay();
    state.enter(Phase::Head);
    state.enter(Phase::Idle);
    assert_eq!(state.phase(), Phase::Idle);
    assert_ne!(state.stay(), first);
}

#[test]
fn idle_begins_when_the_answer_is_complete_and_flushed() {
    let state = ConnectionState::new();
    state.begin_request();
    state.flushed();
    assert_eq!(state.phase(), Phase::Body);
    state.complete_response();
    assert_eq!(state.phase(), Phase::Body);
    state.flushed();
    assert_eq!(state.phase(), Phase::Idle);
}

#[test]
fn framing_may_take_as_much_as_the_body_and_a_little_more() {
    let state = ConnectionState::new();
    state.begin_request();
    state.count_read(MOST_FRAMING);
    assert!(!state.check_framing());
    state.count_read(1);
    state.set_body_bytes(1);
    assert!(!state.check_framing());
    state.count_read(2);
    assert!(state.check_framing() && state.has_too_much_framing());
    state.begin_request();
    assert!(!state.check_framing() && !state.has_too_much_framing());
}

#[test]
fn the_memory_of_a_complete_body_is_not_evicted() {
    let state = ConnectionState::new();
    state.hold(1000);
    state.complete_body();
    assert_eq!(state.take_held(), 0);
    assert_eq!(state.take_claimed(), 1000);
    assert_eq!(state.take_claimed(), 0);
}

#[test]
fn progress_forgets_what_is_older_than_two_seconds() {
    let progress = Progress::default();
    progress.add(7, 100);
    assert_eq!(progress.recent(7), 100);
    progress.add(8, 1);
    assert_eq!(progress.recent(8), 101);
    assert_eq!(progress.recent(9), 1);
    assert_eq!(progress.recent(10), 0);
    progress.add(20, 5);
    assert_eq!(progress.recent(20), 5);
}
