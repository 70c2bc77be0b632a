//! Tests of the recorder as its viewers see it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use http::Request;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    arming::AFTERGLOW, budget, feed, frame::Frame, handle::Recorder, ring, row_id::RowId,
    viewer::Viewer,
};
use crate::{
    net::peer::Peer,
    proxy::{
        access_log::line::{Line, Path},
        verdict::Verdict,
    },
};

/// Ends a rejected request, and returns its id.
fn reject(recorder: &Recorder) -> Uuid {
    let id = Uuid::now_v7();
    let request = Request::post("/hooks?a=b").header("authorization", "planted");
    let (head, ()) = request.body(()).expect("a request").into_parts();
    if let Some(recording) = recorder.begin(&head) {
        let line = Line {
            verdict: Verdict::Rejected { reason: "mismatch" },
            id,
            endpoint: Some("hooks"),
            destination: None,
            status: Some(401),
            received: 5,
            declared: Some(5),
            hint: None,
            signature: None,
            duration: Duration::from_micros(1500),
            peer: Peer::Unix,
            method: Some(&head.method),
            path: Some(Path(head.uri.path())),
        };
        recorder.record(&line, *recording);
    }
    id
}

fn armed() -> Arc<Recorder> {
    let recorder = Recorder::new();
    recorder.look();
    recorder
}

fn tick(recorder: &Recorder) {
    assert!(recorder.tick(Instant::now()), "still armed");
}

/// An event of the stream.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<RowId>,
    data: Value,
}

impl Event {
    fn ids(&self) -> Vec<Uuid> {
        let items = self.data["items"].as_array().expect("rows");
        let ids = items.iter().map(|row| row["id"].as_str().expect("an id"));
        ids.map(|id| id.parse().expect("an id")).collect()
    }
}

fn parsed(text: &[u8]) -> Event {
    let text = str::from_utf8(text).expect("text");
    let text = text.strip_suffix("\n\n").expect("a whole event");
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Event {
        name: field("event").expect("a name").to_owned(),
        id: field("id").map(|id| id.parse().expect("the name of a row")),
        data: serde_json::from_str(field("data").expect("data")).expect("JSON"),
    }
}

/// Returns the next event, or none if the stream waits or has ended.
async fn next(viewer: &mut Viewer) -> Option<Event> {
    let text = timeout(Duration::from_millis(20), viewer.next()).await;
    text.ok().flatten().map(|text| parsed(&text))
}

async fn all(viewer: &mut Viewer) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = next(viewer).await {
        events.push(event);
    }
    events
}

/// Returns the ids of the rows in these events, in their order.
fn rows(events: &[Event]) -> Vec<Uuid> {
    let rows = events.iter().filter(|event| event.name == "deliveries");
    rows.flat_map(Event::ids).collect()
}

#[test]
fn nothing_is_recorded_unless_somebody_has_looked() {
    let recorder = Recorder::new();
    let id = reject(&recorder);
    assert!(recorder.find(id).is_none());
    recorder.look();
    let id = reject(&recorder);
    let record = recorder.find(id).expect("recorded");
    let row = serde_json::to_value(&record.row).expect("text");
    assert_eq!(row["verdict"], "rejected");
    assert_eq!(row["reason"], "mismatch");
    assert_eq!((&row["path"], &row["ms"]), (&"/hooks".into(), &1.5.into()));
    assert!(row["at"].as_str().expect("a time").ends_with('Z'));
    let head = serde_json::to_value(&record.received).expect("text");
    assert_eq!(head["target"], "/hooks?a=b");
    assert!(!format!("{record:?}").contains("planted"));
    assert!(!recorder.tick(Instant::now() + AFTERGLOW), "nobody looks");
    let id = reject(&recorder);
    assert!(recorder.find(id).is_none());
}

#[tokio::test]
async fn a_viewer_gets_each_row_once() {
    let recorder = armed();
    let before = [reject(&recorder), reject(&recorder)];
    tick(&recorder);
    let pending = reject(&recorder);
    let mut viewer = Viewer::join(&recorder, None).expect("a viewer");
    let later = reject(&recorder);
    tick(&recorder);
    tick(&recorder);
    let events = all(&mut viewer).await;
    assert_eq!(rows(&events), [before[0], before[1], pending, later]);
    assert_eq!(events.len(), 2, "a quiet tick sends nothing: {events:?}");
    assert_eq!(events[1].id.map(|id| id.number), Some(4));
}

#[tokio::test]
async fn a_viewer_resumes_after_the_row_that_it_names() {
    let recorder = armed();
    let ids: Vec<_> = (0..3).map(|_| reject(&recorder)).collect();
    tick(&recorder);
    let instance = recorder.instance();
    let from = |instance, number| Some(RowId { instance, number });
    let mut resumed = Viewer::join(&recorder, from(instance, 2)).expect("a viewer");
    assert_eq!(rows(&all(&mut resumed).await), ids[2..]);
    let mut whole = Viewer::join(&recorder, from(instance, 3)).expect("a viewer");
    assert!(all(&mut whole).await.is_empty());
    let mut ahead = Viewer::join(&recorder, from(instance, u64::MAX)).expect("a viewer");
    assert!(all(&mut ahead).await.is_empty());
    let mut other = Viewer::join(&recorder, from(Uuid::now_v7(), 2)).expect("a viewer");
    assert_eq!(rows(&all(&mut other).await), ids, "another run's number");
}

#[tokio::test]
async fn a_viewer_learns_how_many_rows_it_lacks() {
    let recorder = armed();
    let instance = recorder.instance();
    let first = reject(&recorder);
    for _ in 0..ring::CAPACITY + 4 {
        recorder.tick(Instant::now());
        reject(&recorder);
    }
    tick(&recorder);
    assert!(recorder.find(first).is_none(), "evicted");
    let last = RowId {
        instance,
        number: 2,
    };
    let mut viewer = Viewer::join(&recorder, Some(last)).expect("a viewer");
    let events = all(&mut viewer).await;
    assert_eq!(rows(&events).len(), ring::CAPACITY);
    assert_eq!(events[0].data["skipped"], 3);
    assert_eq!(events[1].data["skipped"], 0);
    let mut new = Viewer::join(&recorder, None).expect("a viewer");
    assert_eq!(
        all(&mut new).await[0].data["skipped"],
        0,
        "it lacks nothing"
    );
}

#[tokio::test]
async fn requests_beyond_the_budget_are_counted() {
    let recorder = armed();
    let mut viewer = Viewer::join(&recorder, None).expect("a viewer");
    let most = (budget::COMMON + budget::RESERVE) as usize;
    for _ in 0..most + 7 {
        reject(&recorder);
    }
    tick(&recorder);
    let events = all(&mut viewer).await;
    assert_eq!(rows(&events).len(), most);
    assert_eq!(events[0].data["skipped"], 7);
    recorder.skip(5);
    tick(&recorder);
    let quiet = next(&mut viewer).await.expect("a count without rows");
    assert_eq!((&quiet.data["skipped"], quiet.ids().len()), (&5.into(), 0));
    assert_eq!(quiet.id, events[0].id, "a client resumes from the same row");
}

#[tokio::test]
async fn a_viewer_that_falls_behind_is_dropped_and_the_others_go_on() {
    let recorder = armed();
    let mut slow = Viewer::join(&recorder, None).expect("a viewer");
    let mut quick = Viewer::join(&recorder, None).expect("a viewer");
    let mut seen = VecDeque::new();
    for _ in 0..feed::CAPACITY + 1 {
        let id = reject(&recorder);
        tick(&recorder);
        seen.extend(rows(&all(&mut quick).await));
        assert_eq!(seen.pop_front(), Some(id));
    }
    assert!(slow.next().await.is_none(), "it has missed a frame");
    drop(slow);
    assert!(recorder.is_watched());
    drop(quick);
    assert!(!recorder.is_watched());
}

#[tokio::test]
async fn a_cause_reaches_its_row_before_and_after_its_end() {
    let recorder = armed();
    let mut viewer = Viewer::join(&recorder, None).expect("a viewer");
    let ended = reject(&recorder);
    recorder.explain(ended, "other-body", "the body <b>differs</b>".to_owned());
    tick(&recorder);
    let events = all(&mut viewer).await;
    assert_eq!(events[0].data["items"][0]["cause"], "other-body");
    assert_eq!(events[1].name, "cause");
    assert_eq!(events[1].data["text"], "the body <b>differs</b>");
    assert_eq!(events[1].id, None);
    tick(&recorder);
    assert!(all(&mut viewer).await.is_empty(), "each cause is news once");
}

#[tokio::test]
async fn the_stream_ends_with_the_last_rows() {
    let recorder = armed();
    let mut viewer = Viewer::join(&recorder, None).expect("a viewer");
    let id = reject(&recorder);
    let ending = tokio::spawn({
        let recorder = Arc::clone(&recorder);
        async move { recorder.end().await }
    });
    let events = all(&mut viewer).await;
    assert_eq!(rows(&events), [id]);
    assert_eq!(events.last().map(|event| &*event.name), Some("end"));
    assert!(viewer.next().await.is_none());
    assert!(!ending.is_finished(), "it waits for the viewer");
    drop(viewer);
    ending.await.expect("no panic");
    assert!(
        Viewer::join(&recorder, None).is_none(),
        "nobody can view it any more"
    );
}

#[test]
fn an_event_is_one_line_whatever_its_text() {
    let frame = Frame::event("a", &"\n\r\u{2028}\u{85}</script>\u{0}");
    let event = parsed(&frame.into_text());
    assert_eq!(event.data, "\n\r\u{2028}\u{85}</script>\u{0}");
}
