//! Phases, framing and pace of one connection.

use super::*;

#[test]
fn a_second_stay_in_a_phase_is_another_stay() {
    let activity = Activity::new();
    let first = activity.stay();
    activity.enter(Phase::Head);
    activity.enter(Phase::Idle);
    assert_eq!(activity.phase(), Phase::Idle);
    assert_ne!(activity.stay(), first);
}

#[test]
fn idle_begins_when_the_answer_is_complete_and_flushed() {
    let activity = Activity::new();
    activity.begin_request();
    activity.flushed();
    assert_eq!(activity.phase(), Phase::Body);
    activity.answer_is_complete();
    assert_eq!(activity.phase(), Phase::Body);
    activity.flushed();
    assert_eq!(activity.phase(), Phase::Idle);
}

#[test]
fn framing_may_take_as_much_as_the_body_and_a_little_more() {
    let activity = Activity::new();
    activity.begin_request();
    activity.read(MOST_FRAMING);
    assert!(!activity.judge_framing());
    activity.read(1);
    activity.carried(1);
    assert!(!activity.judge_framing());
    activity.read(2);
    assert!(activity.judge_framing() && activity.is_mostly_framing());
    activity.begin_request();
    assert!(!activity.judge_framing() && !activity.is_mostly_framing());
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
