//! Jobs: the count, the rate, the end by a person or by an error.

use std::time::{Duration, Instant};

use super::{
    super::{Action, JobState, JobsError, RequestError},
    fixture::{
        Fixture,
        InState::{Dead, Pending},
        request, row,
    },
    in_both_stores,
};
use crate::{
    delivery::event::{DeliveryState, Subscribers},
    runtime::clock::Clock,
};

in_both_stores![
    a_counted_job_changes_nothing_until_it_starts,
    an_event_that_arrives_after_the_count_is_left_alone,
    a_job_goes_no_faster_than_its_rate,
    a_cancelled_job_leaves_what_it_has_not_reached,
    an_error_in_the_middle_ends_the_job_and_is_shown,
];

async fn a_counted_job_changes_nothing_until_it_starts(fixture: Fixture) {
    let fixture = fixture.with(&[Dead("shop"); 3]).await;
    let job = fixture.jobs.create(request(Action::Retry, &[])).await;
    let job = job.expect("created");
    assert_eq!((job.state, job.count, job.done), (JobState::Counted, 3, 0));
    assert_eq!((job.started, job.ended), (None, None));
    assert_eq!(
        fixture.states().await,
        vec![row("shop", DeliveryState::Dead); 3]
    );
    fixture.jobs.start(job.id).expect("started");
    let ended = fixture.ended(job.id).await;
    assert_eq!((ended.state, ended.done), (JobState::Done, 3));
    assert!(ended.created <= ended.started.expect("started"));
    assert!(ended.started <= ended.ended);
    let again = fixture.jobs.start(job.id);
    assert!(matches!(again, Err(JobsError::Started(JobState::Done))));
}

async fn an_event_that_arrives_after_the_count_is_left_alone(fixture: Fixture) {
    let mut fixture = fixture.with(&[Pending("shop"); 3]).await;
    let pending = [DeliveryState::Pending];
    let job = fixture.jobs.create(request(Action::Purge, &pending)).await;
    let job = job.expect("created");
    // Ids have the resolution of a millisecond.
    while Clock::System.now() <= job.created {
        tokio::task::yield_now().await;
    }
    let shop = Subscribers::Queues(vec!["shop".into()]);
    fixture.insert(7, shop).await;
    fixture.jobs.start(job.id).expect("started");
    assert_eq!(fixture.ended(job.id).await.done, 3);
    let left = [row("shop", DeliveryState::Pending)];
    assert_eq!(fixture.states().await, left);
}

async fn a_job_goes_no_faster_than_its_rate(fixture: Fixture) {
    let fixture = fixture.with(&[Dead("shop"); 7]).await;
    let mut paced = request(Action::Retry, &[]);
    paced.rate = Some(20.0);
    let begun = Instant::now();
    let job = fixture.run(paced).await;
    assert_eq!((job.state, job.done), (JobState::Done, 7));
    // Three pages of two take their time before the last one.
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

async fn a_cancelled_job_leaves_what_it_has_not_reached(fixture: Fixture) {
    let fixture = fixture.with(&[Dead("shop"); 5]).await;
    let mut slow = request(Action::Retry, &[]);
    slow.rate = Some(0.001);
    let job = fixture.jobs.create(slow).await.expect("created");
    fixture.jobs.start(job.id).expect("started");
    while fixture.jobs.show(job.id).expect("kept").done == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let cancelled = fixture.jobs.cancel(job.id).await.expect("kept");
    assert_eq!((cancelled.state, cancelled.done), (JobState::Cancelled, 1));
    assert!(cancelled.ended.is_some());
    let dead = |states: Vec<(String, DeliveryState)>| {
        let is_dead = |(_, state): &&(String, DeliveryState)| *state == DeliveryState::Dead;
        states.iter().filter(is_dead).count()
    };
    assert_eq!(dead(fixture.states().await), 4);
    // Cancelling it again changes nothing, and the next job may run.
    let again = fixture.jobs.cancel(job.id).await.expect("kept");
    assert_eq!(again, cancelled);
    assert_eq!(fixture.run(request(Action::Retry, &[])).await.done, 4);
}

async fn an_error_in_the_middle_ends_the_job_and_is_shown(fixture: Fixture) {
    let fixture = fixture.with(&[Dead("shop"); 5]).await;
    let mut slow = request(Action::Retry, &[]);
    slow.rate = Some(2.0);
    let job = fixture.jobs.create(slow).await.expect("created");
    fixture.jobs.start(job.id).expect("started");
    while fixture.jobs.show(job.id).expect("kept").done == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fixture.break_store();
    let failed = fixture.ended(job.id).await;
    assert_eq!(failed.state, JobState::Failed);
    assert!((1..5).contains(&failed.done), "{}", failed.done);
    let error = failed.error.expect("an error");
    assert!(error.contains("delivery"), "{error}");
    assert!(
        fixture
            .jobs
            .create(request(Action::Retry, &[]))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn one_job_runs_at_a_time() {
    let fixture = Fixture::sqlite().await.with(&[Dead("shop"); 3]).await;
    let mut slow = request(Action::Retry, &[]);
    slow.rate = Some(0.001);
    let first = fixture.jobs.create(slow).await.expect("created").id;
    let second = fixture.jobs.create(request(Action::Retry, &[])).await;
    let second = second.expect("created").id;
    fixture.jobs.start(first).expect("started");
    let rejected = fixture.jobs.start(second);
    assert!(matches!(rejected, Err(JobsError::AnotherRuns(running)) if running == first));
    assert!(matches!(
        fixture.jobs.start(first),
        Err(JobsError::Started(JobState::Running))
    ));
    fixture.jobs.cancel(first).await.expect("kept");
    fixture.jobs.start(second).expect("started");
    assert_eq!(fixture.ended(second).await.state, JobState::Done);
}

#[tokio::test]
async fn a_job_that_was_cancelled_before_its_start_never_starts() {
    let fixture = Fixture::sqlite().await.with(&[Dead("shop"); 3]).await;
    let job = fixture.jobs.create(request(Action::Retry, &[])).await;
    let id = job.expect("created").id;
    let cancelled = fixture.jobs.cancel(id).await.expect("kept");
    assert_eq!(
        (cancelled.state, cancelled.started),
        (JobState::Cancelled, None)
    );
    assert!(matches!(
        fixture.jobs.start(id),
        Err(JobsError::Started(JobState::Cancelled))
    ));
    assert_eq!(fixture.states().await[0], row("shop", DeliveryState::Dead));
}

#[tokio::test]
async fn sixteen_jobs_are_kept_and_never_the_running_one_is_forgotten() {
    let fixture = Fixture::sqlite().await.with(&[Dead("shop"); 3]).await;
    let mut slow = request(Action::Retry, &[]);
    slow.rate = Some(0.001);
    let running = fixture.jobs.create(slow).await.expect("created").id;
    fixture.jobs.start(running).expect("started");
    let ended = fixture.jobs.create(request(Action::Retry, &[])).await;
    let ended = ended.expect("created").id;
    let mut counted = Vec::new();
    for _ in 0..15 {
        if counted.len() == 1 {
            fixture.jobs.cancel(ended).await.expect("kept");
        }
        let job = fixture.jobs.create(request(Action::Retry, &[])).await;
        counted.push(job.expect("created").id);
    }
    let kept: Vec<_> = fixture.jobs.list().iter().map(|job| job.id).collect();
    let mut expected = vec![running];
    expected.extend(&counted);
    expected.reverse();
    assert_eq!(kept, expected, "the ended one goes first");
    let last = fixture.jobs.create(request(Action::Retry, &[])).await;
    let last = last.expect("created").id;
    assert!(matches!(
        fixture.jobs.show(counted[0]),
        Err(JobsError::Unknown(_))
    ));
    assert!(fixture.jobs.show(running).is_ok() && fixture.jobs.show(last).is_ok());
    assert_eq!(fixture.jobs.list().len(), 16);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_makes_no_job() {
    let fixture = Fixture::sqlite().await.with(&[Dead("shop"); 3]).await;
    let created = fixture.jobs.create(request(Action::Purge, &[])).await;
    assert!(matches!(
        created,
        Err(JobsError::Request(RequestError::Everything))
    ));
    assert!(fixture.jobs.list().is_empty());
    assert_eq!(fixture.states().await.len(), 3);
}
