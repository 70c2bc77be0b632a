//! Each action changes the deliveries that it is about, and no others.

use super::{
    super::{Action, DeliveryFilter, JobRequest, JobState, JobsError, OperationError, Skipped},
    fixture::{
        Fixture,
        InState::{Dead, Delivered, NoSubscriber, Pending, Quarantined},
        request, row,
    },
    in_both_stores,
};
use crate::delivery::event::{DeliveryState, Subscribers};

in_both_stores![
    dead_letters_are_tried_again_and_nothing_else_moves,
    what_has_no_destination_any_more_is_moved_to_another,
    a_named_destination_is_moved_even_if_it_is_configured,
    of_an_event_only_what_somebody_takes_is_tried_again,
    what_is_broken_stays_in_quarantine_until_a_copy_has_mended_it,
    an_event_whose_deliveries_two_pages_share_is_done_once,
    a_replay_delivers_again_what_was_delivered,
    purge_removes_what_is_selected_alone,
    nothing_goes_to_a_destination_that_is_not_configured,
];

async fn dead_letters_are_tried_again_and_nothing_else_moves(fixture: Fixture) {
    let states = [
        Dead("shop"),
        Pending("shop"),
        Dead("old"),
        Delivered("mail"),
        NoSubscriber,
        Quarantined("mail"),
        Dead("mail"),
    ];
    let fixture = fixture.with(&states).await;
    for round in 0..2 {
        let job = fixture.run(request(Action::Retry, &[])).await;
        assert_eq!(job.state, JobState::Done);
        assert_eq!(job.count, if round == 0 { 4 } else { 2 });
        assert_eq!(job.done, if round == 0 { 2 } else { 0 });
        // That of `old`, and the one without a subscriber.
        assert_eq!((job.skipped.unserved, job.skipped.quarantined), (2, 0));
        let expected = [
            row("shop", DeliveryState::Pending),
            row("shop", DeliveryState::Pending),
            row("old", DeliveryState::Dead),
            row("mail", DeliveryState::Delivered),
            row("", DeliveryState::Dead),
            row("mail", DeliveryState::Quarantined),
            row("mail", DeliveryState::Pending),
        ];
        assert_eq!(fixture.states().await, expected, "round {round}");
    }
}

async fn what_has_no_destination_any_more_is_moved_to_another(fixture: Fixture) {
    let states = [
        Dead("old"),
        Pending("old"),
        Delivered("mail"),
        NoSubscriber,
        Pending("mail"),
        Dead("shop"),
        Pending("older"),
    ];
    let fixture = fixture.with(&states).await;
    let job = fixture.run(to("shop", DeliveryFilter::default())).await;
    assert_eq!((job.count, job.done), (4, 4));
    assert_eq!(job.skipped, Skipped::default());
    let expected = [
        row("shop", DeliveryState::Pending),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Delivered),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Pending),
        row("shop", DeliveryState::Dead),
        row("shop", DeliveryState::Pending),
    ];
    assert_eq!(fixture.states().await, expected);
}

async fn a_named_destination_is_moved_even_if_it_is_configured(fixture: Fixture) {
    let states = [Dead("mail"), Dead("old"), Pending("mail"), Dead("shop")];
    let fixture = fixture.with(&states).await;
    let mail = DeliveryFilter {
        destination: Some("mail".to_owned()),
        ..DeliveryFilter::default()
    };
    let job = fixture.run(to("shop", mail)).await;
    assert_eq!((job.count, job.done), (2, 2));
    let expected = [
        row("shop", DeliveryState::Pending),
        row("old", DeliveryState::Dead),
        row("shop", DeliveryState::Pending),
        row("shop", DeliveryState::Dead),
    ];
    assert_eq!(fixture.states().await, expected);
}

async fn of_an_event_only_what_somebody_takes_is_tried_again(mut fixture: Fixture) {
    for number in 0..3 {
        let both = Subscribers::Queues(vec!["old".into(), "shop".into()]);
        fixture.insert(number, both).await;
        for queue in ["old", "shop"] {
            fixture.settle(queue, Fixture::dead()).await;
        }
    }
    let job = fixture.run(request(Action::Retry, &[])).await;
    assert_eq!((job.count, job.done, job.skipped.unserved), (6, 3, 3));
    let one = [
        row("old", DeliveryState::Dead),
        row("shop", DeliveryState::Pending),
    ];
    let all: Vec<_> = std::iter::repeat_n(one, 3).flatten().collect();
    assert_eq!(fixture.states().await, all);
}

async fn what_is_broken_stays_in_quarantine_until_a_copy_has_mended_it(fixture: Fixture) {
    let states = [
        Quarantined("shop"),
        Quarantined("shop"),
        Dead("shop"),
        Quarantined("mail"),
    ];
    let mut fixture = fixture.with(&states).await;
    for id in [fixture.ids[0], fixture.ids[3]] {
        fixture.damage(id);
    }
    let broken = [DeliveryState::Quarantined];
    let job = fixture.run(request(Action::Retry, &broken)).await;
    assert_eq!((job.count, job.done, job.skipped.quarantined), (3, 1, 2));
    let mut expected = [
        row("shop", DeliveryState::Quarantined),
        row("shop", DeliveryState::Pending),
        row("shop", DeliveryState::Dead),
        row("mail", DeliveryState::Quarantined),
        row("mail", DeliveryState::Pending),
    ];
    assert_eq!(fixture.states().await, expected[..4]);
    // A copy with the bytes of the first event.
    let mail = Subscribers::Queues(vec!["mail".into()]);
    fixture.insert(0, mail).await;
    let job = fixture.run(request(Action::Retry, &broken)).await;
    assert_eq!((job.count, job.done, job.skipped.quarantined), (2, 1, 1));
    expected[0] = row("shop", DeliveryState::Pending);
    assert_eq!(fixture.states().await, expected);
}

async fn an_event_whose_deliveries_two_pages_share_is_done_once(mut fixture: Fixture) {
    for number in 0..3 {
        let all = Subscribers::Queues(vec!["mail".into(), "news".into(), "shop".into()]);
        fixture.insert(number, all).await;
    }
    let pending = [DeliveryState::Pending];
    let job = fixture.run(request(Action::Retry, &pending)).await;
    assert_eq!((job.count, job.done, job.skipped.unserved), (9, 6, 3));
}

async fn a_replay_delivers_again_what_was_delivered(fixture: Fixture) {
    let states = [Delivered("shop"), Dead("shop"), Delivered("mail")];
    let fixture = fixture.with(&states).await;
    let mut replay = request(Action::Replay, &[]);
    replay.selection.destination = Some("shop".to_owned());
    let job = fixture.run(replay).await;
    assert_eq!((job.count, job.done), (2, 2));
    let expected = [
        row("shop", DeliveryState::Pending),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Delivered),
    ];
    assert_eq!(fixture.states().await, expected);
}

async fn purge_removes_what_is_selected_alone(fixture: Fixture) {
    let states = [
        Dead("shop"),
        Pending("shop"),
        Delivered("mail"),
        Dead("mail"),
        Dead("old"),
    ];
    let fixture = fixture.with(&states).await;
    let by_id = DeliveryFilter {
        ids: vec![fixture.ids[1]],
        ..DeliveryFilter::default()
    };
    let mut purge = request(Action::Purge, &[]);
    purge.selection = by_id;
    let job = fixture.run(purge).await;
    assert_eq!((job.count, job.done), (1, 1));
    let dead = [DeliveryState::Dead];
    let job = fixture.run(request(Action::Purge, &dead)).await;
    assert_eq!((job.count, job.done), (3, 3));
    let expected = [row("mail", DeliveryState::Delivered)];
    assert_eq!(fixture.states().await, expected);
    let stats = fixture.operations().stats().await.expect("read");
    assert_eq!(stats.events, 1);
}

async fn nothing_goes_to_a_destination_that_is_not_configured(fixture: Fixture) {
    let states = [Dead("shop"), Pending("shop"), Dead("mail")];
    let fixture = fixture.with(&states).await;
    let created = fixture
        .jobs
        .create(to("nowhere", DeliveryFilter::default()));
    let error = created.await.expect_err("rejected");
    let JobsError::Operation(OperationError::UnknownDestination(name)) = error else {
        panic!("{error}");
    };
    assert_eq!(name, "nowhere");
    assert!(fixture.jobs.list().is_empty());
    let expected = [
        row("shop", DeliveryState::Dead),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Dead),
    ];
    assert_eq!(fixture.states().await, expected);
}

fn to(destination: &str, selection: DeliveryFilter) -> JobRequest {
    JobRequest {
        selection,
        to: Some(destination.to_owned()),
        ..request(Action::Move, &[])
    }
}
