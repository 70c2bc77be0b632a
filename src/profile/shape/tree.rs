//! The tree of places. Its size is bounded, whatever the payloads contain.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tower_cartgate::EventKind;

use super::{
    change::{Change, ShapeEvent},
    node::Place,
    occurrence::{KindCounts, Occurrence},
    pointer::pointer,
};
use crate::{
    profile::reading::{Key, PayloadReading, Spot},
    runtime::clock::Millis,
};

/// The largest number of places.
const MAX_NODES: usize = 512;

/// The number of rare keys from which an object counts as a map: its keys are values.
const MAX_RARE_KEYS: usize = 64;

/// The largest number of places whose values are compared.
const MAX_TRACKED: usize = 32;

/// The shape of the payloads of one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "StoredShape", into = "StoredShape")]
pub(in crate::profile) struct PayloadShape {
    /// Each place after its parent.
    nodes: Vec<Place>,
    /// The child of a place by the digest of its key.
    index: HashMap<(usize, u64), usize>,
    bodies: KindCounts,
}

/// A shape as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredShape {
    nodes: Vec<Place>,
    bodies: KindCounts,
}

impl Default for PayloadShape {
    fn default() -> Self {
        Self {
            nodes: vec![Place::root()],
            index: HashMap::new(),
            bodies: KindCounts::default(),
        }
    }
}

impl PayloadShape {
    /// Returns the number of learned bodies of each kind.
    pub(in crate::profile) fn bodies(&self) -> &KindCounts {
        &self.bodies
    }

    /// Learns another body. Returns the news.
    pub(in crate::profile) fn learn(
        &mut self,
        reading: &PayloadReading,
        kind: EventKind,
        now: Millis,
    ) -> Vec<ShapeEvent> {
        *self.bodies.of_mut(kind) += 1;
        self.make_room(&reading.spots);
        let mut events = self.learn_spots(&reading.spots, kind);
        if reading.is_whole {
            self.learn_absences(kind);
            events.extend(self.find_changes(kind, now));
        }
        self.collapse_maps();
        events
    }

    /// Makes the changes usual. Returns their number.
    pub(in crate::profile) fn accept(&mut self) -> usize {
        let changes = self.missing().collect::<Vec<_>>();
        for (place, kind) in &changes {
            self.forget(*place, *kind);
        }
        self.retain(|_, node| node.count() > 0);
        changes.len()
    }

    /// Returns the changes.
    pub(in crate::profile) fn changes(&self) -> Vec<Change> {
        let changes = self.missing();
        changes
            .filter_map(|(place, kind)| self.change(place, kind))
            .collect()
    }

    /// Returns the named places with their pointers, in the order of the payload.
    pub(in crate::profile) fn places(&self) -> Vec<(String, &Place)> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate().skip(1) {
            children[node.parent].push(place);
        }
        let mut found = Vec::new();
        let mut left = vec![0];
        while let Some(place) = left.pop() {
            if let Some(pointer) = self.pointer(place) {
                found.push((pointer, &self.nodes[place]));
                left.extend(children[place].iter().rev());
            }
        }
        found
    }

    /// Removes rare places that the body lacks, if it has more new ones than there is room.
    fn make_room(&mut self, spots: &[Spot]) {
        for node in &mut self.nodes {
            node.is_touched = false;
        }
        let mut known: Vec<Option<usize>> = Vec::with_capacity(spots.len());
        for spot in spots {
            let place = match known.is_empty() {
                true => Some(0),
                false => known[spot.parent].and_then(|parent| self.find(parent, &spot.key)),
            };
            if let Some(place) = place {
                self.nodes[place].is_touched = true;
            }
            known.push(place);
        }
        let new = known.iter().filter(|place| place.is_none()).count();
        if self.nodes.len() + new > MAX_NODES {
            self.retain(|_, node| node.is_touched || node.step().is_some());
        }
        for node in &mut self.nodes {
            node.is_touched = false;
        }
    }

    fn learn_spots(&mut self, spots: &[Spot], kind: EventKind) -> Vec<ShapeEvent> {
        let tracked = self.nodes.iter().filter(|node| node.values.is_tracked());
        let mut tracked = tracked.count();
        let mut events = Vec::new();
        let mut places: Vec<Option<usize>> = Vec::with_capacity(spots.len());
        for spot in spots {
            let place = match places.is_empty() {
                true => Some(0),
                false => places[spot.parent].and_then(|parent| self.enter(parent, &spot.key)),
            };
            places.push(place);
            let Some(place) = place else {
                continue;
            };
            let node = &mut self.nodes[place];
            let was_tracked = node.values.is_tracked();
            let is_back = node.learn(spot, kind, tracked < MAX_TRACKED);
            tracked += usize::from(!was_tracked && node.values.is_tracked());
            let parent = self.nodes[self.nodes[place].parent].as_parent();
            self.nodes[place].name_if_frequent(&spot.key, &parent);
            if is_back && let Some(pointer) = self.pointer(place) {
                events.push(ShapeEvent::Back { kind, pointer });
            }
        }
        events
    }

    fn learn_absences(&mut self, kind: EventKind) {
        for place in 0..self.nodes.len() {
            let parent = self.nodes[self.nodes[place].parent].as_parent();
            let node = &mut self.nodes[place];
            if !node.is_touched {
                node.kinds.of_mut(kind).absent();
                node.forget_name_if_rare(&parent);
            }
        }
    }

    /// Finds the places that are newly missing, and those whose absence has become usual.
    fn find_changes(&mut self, kind: EventKind, now: Millis) -> Vec<ShapeEvent> {
        let mut events = Vec::new();
        for place in 0..self.nodes.len() {
            let node = &self.nodes[place];
            // The absence of the parent is the change, and explains this one.
            let has_parent = place == 0 || self.nodes[node.parent].is_touched;
            let occurrence = *node.kinds.of(kind);
            if has_parent && occurrence.is_newly_missing() && self.pointer(place).is_some() {
                let occurrence = self.nodes[place].kinds.of_mut(kind);
                occurrence.missing_since = Some(now);
                events.extend(self.change(place, kind).map(ShapeEvent::Missing));
            } else if occurrence.is_outdated(now) {
                let pointer = self.pointer(place);
                events.extend(pointer.map(|pointer| ShapeEvent::Usual { kind, pointer }));
                self.forget(place, kind);
            }
        }
        if !events.is_empty() {
            self.retain(|_, node| node.count() > 0);
        }
        events
    }

    /// Replaces the rare keys of each object that has too many of them by one place.
    fn collapse_maps(&mut self) {
        let mut rare: HashMap<usize, usize> = HashMap::new();
        for node in self.nodes.iter().filter(|node| node.step().is_none()) {
            if node.is_rare(&self.nodes[node.parent].as_parent()) {
                *rare.entry(node.parent).or_default() += 1;
            }
        }
        let is_full = |(place, count): (&usize, &usize)| {
            (*count > MAX_RARE_KEYS || self.nodes[*place].is_map).then_some(*place)
        };
        let maps: Vec<_> = rare.iter().filter_map(is_full).collect();
        if maps.is_empty() {
            return;
        }
        for place in &maps {
            self.nodes[*place].is_map = true;
        }
        self.retain(|_, node| node.step().is_some() || !maps.contains(&node.parent));
    }

    /// Forgets the occurrence of a place, and of everything below it, in events of one kind.
    fn forget(&mut self, place: usize, kind: EventKind) {
        let mut forgotten = vec![false; self.nodes.len()];
        forgotten[place] = true;
        for at in place..self.nodes.len() {
            if forgotten[self.nodes[at].parent] || at == place {
                forgotten[at] = true;
                *self.nodes[at].kinds.of_mut(kind) = Occurrence::default();
            }
        }
    }

    /// Keeps the root, and the places that `keep` accepts and whose parents stay.
    fn retain(&mut self, keep: impl Fn(usize, &Place) -> bool) {
        let mut moved: Vec<Option<usize>> = Vec::with_capacity(self.nodes.len());
        let mut kept = Vec::with_capacity(self.nodes.len());
        for (place, mut node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            let parent = match place {
                0 => Some(0),
                _ => moved[node.parent].filter(|_| keep(place, &node)),
            };
            moved.push(parent.map(|_| kept.len()));
            if let Some(parent) = parent {
                node.parent = parent;
                kept.push(node);
            }
        }
        self.nodes = kept;
        self.index = index(&self.nodes);
    }

    /// Returns the place of a key, and makes it if there is room.
    fn enter(&mut self, parent: usize, key: &Key) -> Option<usize> {
        let known = self.find(parent, key);
        if known.is_some() || self.nodes.len() >= MAX_NODES {
            return known;
        }
        let above = &self.nodes[parent];
        let digest = if above.is_map { Key::ANY } else { key.digest() };
        let (place, node) = (self.nodes.len(), above.child(parent, digest));
        self.nodes.push(node);
        self.index.insert((parent, digest), place);
        Some(place)
    }

    /// Returns the known place of a key.
    fn find(&self, parent: usize, key: &Key) -> Option<usize> {
        let at = |digest| self.index.get(&(parent, digest)).copied();
        let own = at(key.digest());
        if self.nodes[parent].is_map {
            own.or_else(|| at(Key::ANY))
        } else {
            own
        }
    }

    /// Returns the missing places with the kinds of events that lack them.
    fn missing(&self) -> impl Iterator<Item = (usize, EventKind)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.flat_map(|(place, node)| {
            let kinds = node.kinds.iter();
            let missing = kinds.filter(|(_, one)| one.missing_since.is_some());
            missing.map(move |(kind, _)| (place, kind))
        })
    }

    fn change(&self, place: usize, kind: EventKind) -> Option<Change> {
        let occurrence = self.nodes[place].kinds.of(kind);
        Some(Change {
            kind,
            pointer: self.pointer(place)?,
            since: occurrence.missing_since?,
            bodies: occurrence.count,
            absent: occurrence.absent,
        })
    }

    /// Returns the pointer to a place; none if a key on the way has no name.
    fn pointer(&self, place: usize) -> Option<String> {
        let mut steps = Vec::new();
        let mut at = place;
        while at != 0 {
            steps.push(self.nodes[at].step()?);
            at = self.nodes[at].parent;
        }
        Some(pointer(steps.into_iter().rev()))
    }
}

fn index(nodes: &[Place]) -> HashMap<(usize, u64), usize> {
    let children = nodes.iter().enumerate().skip(1);
    children
        .map(|(place, node)| ((node.parent, node.key), place))
        .collect()
}

impl From<PayloadShape> for StoredShape {
    fn from(shape: PayloadShape) -> Self {
        Self {
            nodes: shape.nodes,
            bodies: shape.bodies,
        }
    }
}

impl TryFrom<StoredShape> for PayloadShape {
    type Error = &'static str;

    fn try_from(stored: StoredShape) -> Result<Self, Self::Error> {
        let StoredShape { nodes, bodies } = stored;
        let mut places = nodes.iter().enumerate();
        let is_root = places.next().is_some_and(|(_, root)| root.parent == 0);
        if !is_root || !places.all(|(place, node)| node.parent < place) || nodes.len() > MAX_NODES {
            return Err("the places are no tree");
        }
        Ok(Self {
            index: index(&nodes),
            nodes,
            bodies,
        })
    }
}
