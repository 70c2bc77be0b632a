//! A profile as the API shows it: names, counts and percentiles, and no value.

use serde::{Deserialize, Serialize};

use super::{
    learned::Learned,
    scalar::TimeForm,
    sender::{Names, Repeats, Sizes},
    shape::{Change, PayloadShape, Place},
    suggestion::{self, Suggestions},
};
use crate::{
    runtime::clock::{Millis, system_time},
    text::rfc3339,
};

/// The profiles of several endpoints.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ProfileView {
    pub(crate) endpoints: Vec<EndpointView>,
}

/// The profile of one endpoint. Times are RFC 3339.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EndpointView {
    pub(crate) endpoint: String,
    pub(crate) durable: bool,
    /// The time of the first learned delivery.
    pub(crate) since: Option<String>,
    /// The time of the last one.
    pub(crate) last: Option<String>,
    pub(crate) deliveries: u64,
    pub(crate) bodies: u64,
    pub(crate) not_json: u64,
    pub(crate) too_large: u64,
    pub(crate) methods: Vec<NameCount>,
    pub(crate) content_types: Vec<NameCount>,
    pub(crate) headers: Vec<HeaderCount>,
    pub(crate) sizes: Option<SizesView>,
    pub(crate) repeats: RepeatsView,
    pub(crate) kinds: Vec<KindBodies>,
    pub(crate) pointers: Vec<PointerView>,
    pub(crate) changes: Vec<ChangeView>,
    pub(crate) suggestions: Suggestions,
    /// The suggestions as lines for `[[endpoint]]`; empty if there are none.
    pub(crate) toml: String,
}

/// A name, and the number of deliveries that have it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NameCount {
    pub(crate) name: String,
    pub(crate) count: u64,
}

/// The name of a header, and the number of deliveries that have it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeaderCount {
    pub(crate) name: String,
    pub(crate) count: u64,
    /// Whether every delivery has it.
    pub(crate) always: bool,
}

/// Sizes of bodies in bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SizesView {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

/// Bodies that came again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RepeatsView {
    pub(crate) bodies: u64,
    /// The largest number of arrivals of one body.
    pub(crate) most: u64,
    pub(crate) spacing: Vec<SpacingView>,
}

/// The time to a repeat from the arrival before it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SpacingView {
    /// 1 for the first time that a body came again.
    pub(crate) repeat: u64,
    pub(crate) count: u64,
    pub(crate) p50_ms: u64,
    pub(crate) p90_ms: u64,
    pub(crate) max_ms: u64,
}

/// The learned bodies of one event kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KindBodies {
    pub(crate) kind: String,
    pub(crate) bodies: u64,
}

/// A place in the payload.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PointerView {
    /// A JSON pointer; `*` stands for any element of an array, or any key of a map.
    pub(crate) pointer: String,
    pub(crate) kinds: Vec<PointerKind>,
    pub(crate) types: Vec<String>,
    /// Whether no two bodies had the same value, so far.
    pub(crate) unique: bool,
    pub(crate) time: Option<TimeForm>,
    pub(crate) event_name: bool,
    /// The number of distinct values, if they are few.
    pub(crate) distinct: Option<u64>,
    pub(crate) missing: bool,
}

/// The occurrence of a place in bodies of one kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PointerKind {
    pub(crate) kind: String,
    pub(crate) count: u64,
    pub(crate) always: bool,
}

/// A place that always occurred, and is missing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChangeView {
    pub(crate) kind: String,
    pub(crate) pointer: String,
    pub(crate) since: String,
    /// The bodies that had it.
    pub(crate) bodies: u64,
    /// The bodies without it since then.
    pub(crate) absent: u64,
}

impl EndpointView {
    /// Makes the view of a profile.
    pub(super) fn new(endpoint: &str, durable: bool, learned: &Learned) -> Self {
        let shape = &learned.shape;
        let suggestions = Suggestions::of(learned);
        let toml = suggestion::toml(&suggestions, endpoint, durable, learned.bodies);
        Self {
            endpoint: endpoint.to_owned(),
            durable,
            since: learned.first.map(time),
            last: learned.last.map(time),
            deliveries: learned.deliveries,
            bodies: learned.bodies,
            not_json: learned.not_json,
            too_large: learned.too_large,
            methods: counts(&learned.methods),
            content_types: counts(&learned.content_types),
            headers: headers(learned),
            sizes: sizes(&learned.sizes),
            repeats: repeats(&learned.repeats),
            kinds: kinds(shape),
            pointers: pointers(shape),
            changes: shape.changes().into_iter().map(ChangeView::from).collect(),
            suggestions,
            toml,
        }
    }
}

fn counts(names: &Names) -> Vec<NameCount> {
    let all = names.by_count().into_iter();
    all.map(|(name, count)| NameCount {
        name: name.to_owned(),
        count,
    })
    .collect()
}

fn headers(learned: &Learned) -> Vec<HeaderCount> {
    let all = learned.headers.by_count().into_iter();
    all.map(|(name, count)| HeaderCount {
        name: name.to_owned(),
        count,
        always: count == learned.deliveries,
    })
    .collect()
}

fn sizes(sizes: &Sizes) -> Option<SizesView> {
    (sizes.count() > 0).then(|| SizesView {
        p50: sizes.percentile(50.0),
        p90: sizes.percentile(90.0),
        p99: sizes.percentile(99.0),
        max: sizes.largest(),
    })
}

fn repeats(repeats: &Repeats) -> RepeatsView {
    let spacing = repeats.spacing().filter(|(_, times)| times.count() > 0);
    RepeatsView {
        bodies: repeats.bodies,
        most: repeats.most,
        spacing: spacing
            .map(|(repeat, times)| SpacingView {
                repeat: repeat as u64,
                count: times.count(),
                p50_ms: times.percentile(50.0),
                p90_ms: times.percentile(90.0),
                max_ms: times.largest(),
            })
            .collect(),
    }
}

fn kinds(shape: &PayloadShape) -> Vec<KindBodies> {
    let kinds = shape.bodies().iter().filter(|(_, bodies)| **bodies > 0);
    kinds
        .map(|(kind, bodies)| KindBodies {
            kind: kind.to_string(),
            bodies: *bodies,
        })
        .collect()
}

fn pointers(shape: &PayloadShape) -> Vec<PointerView> {
    let places = shape.places().into_iter();
    // The root is the payload itself.
    let places = places.filter(|(pointer, _)| !pointer.is_empty());
    places
        .map(|(pointer, place)| PointerView {
            kinds: occurrences(shape, place),
            types: place.types.names(),
            unique: suggestion::is_unique(place),
            time: place.times.form(),
            event_name: suggestion::is_event_name(&pointer, place),
            distinct: place.values.distinct().map(|distinct| distinct as u64),
            missing: place.is_missing(),
            pointer,
        })
        .collect()
}

fn occurrences(shape: &PayloadShape, place: &Place) -> Vec<PointerKind> {
    let kinds = place.kinds.iter().filter(|(_, one)| one.count > 0);
    kinds
        .map(|(kind, one)| PointerKind {
            kind: kind.to_string(),
            count: one.count,
            always: one.is_always(*shape.bodies().of(kind)),
        })
        .collect()
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            kind: change.kind.to_string(),
            pointer: change.pointer,
            since: time(change.since),
            bodies: change.bodies,
            absent: change.absent,
        }
    }
}

fn time(at: Millis) -> String {
    rfc3339::millis(system_time(at))
}
