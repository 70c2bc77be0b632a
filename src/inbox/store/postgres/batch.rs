//! A batch of arrivals, and the state of each while the batch is stored.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    delivery::{
        event::{Arrival, InsertOutcome},
        seal::DeliverySeals,
    },
    inbox::{
        settings::Limits,
        store::{
            error::StoreError,
            recipients::{Mark, Recipients},
            usage::Usage,
        },
    },
    runtime::clock::Millis,
};

pub(super) type Digest = [u8; 32];
pub(super) type InsertResult = Result<InsertOutcome, StoreError>;

/// Arrivals that have a digest in common, as their places in a batch.
pub(super) type Groups<'a> = BTreeMap<&'a Digest, Vec<usize>>;

/// How arrivals are stored.
pub(super) struct Rules<'a> {
    pub(super) limits: &'a Limits,
    pub(super) seals: &'a DeliverySeals,
    pub(super) shard: i32,
    pub(super) now: Option<Millis>,
}

/// A batch of arrivals. Vectors without another note have one element for each arrival.
pub(super) struct Batch<'a> {
    pub(super) arrivals: &'a [&'a Arrival],
    pub(super) recipients: Vec<Recipients>,
    pub(super) results: Vec<Option<InsertResult>>,
    /// The duplicates of other arrivals of this batch.
    pub(super) followers: Vec<Follower>,
    /// Unique values that came with one more body.
    pub(super) changed_marks: BTreeMap<Digest, Mark>,
    /// The arrivals that are stored.
    pub(super) stored: Vec<StoredArrival>,
    /// Bodies, each with the number of arrivals that were counted but not stored.
    pub(super) excess: Vec<(i64, i64)>,
    /// Bytes of the bodies that are new.
    pub(super) body_bytes: i64,
}

/// An arrival that is a duplicate of another one of its batch.
pub(super) struct Follower {
    pub(super) place: usize,
    /// The place of the other arrival.
    pub(super) leader: usize,
    /// The destination that is to get the other arrival.
    pub(super) queue: Arc<str>,
}

/// An arrival that is stored, and its body.
pub(super) struct StoredArrival {
    pub(super) place: usize,
    pub(super) body: i64,
    /// The number of earlier events with the same body, and when the first of them came.
    pub(super) copy: u32,
    pub(super) first_received: Millis,
}

impl<'a> Batch<'a> {
    pub(super) fn new(arrivals: &'a [&'a Arrival]) -> Self {
        let recipients = arrivals
            .iter()
            .map(|arrival| Recipients::new(&arrival.subscribers));
        Self {
            arrivals,
            recipients: recipients.collect(),
            results: vec![None; arrivals.len()],
            followers: Vec::new(),
            changed_marks: BTreeMap::new(),
            stored: Vec::new(),
            excess: Vec::new(),
            body_bytes: 0,
        }
    }

    /// Rejects the arrivals that there is no room for.
    pub(super) fn apply_limits(&mut self, limits: &Limits, mut usage: Usage) {
        for (arrival, result) in self.arrivals.iter().zip(&mut self.results) {
            let size = (arrival.event.head.len() + arrival.event.body.len()) as u64;
            *result = usage.add(size, limits).err().map(Err);
        }
    }

    /// Groups the arrivals without a result by a digest. Rows are locked in the order of the
    /// digests.
    pub(super) fn groups(&self, digest: impl Fn(&'a Arrival) -> Option<&'a Digest>) -> Groups<'a> {
        let mut groups = Groups::new();
        for (place, arrival) in self.arrivals.iter().enumerate() {
            if self.results[place].is_none()
                && let Some(digest) = digest(arrival)
            {
                groups.entry(digest).or_default().push(place);
            }
        }
        groups
    }

    /// Returns the first arrival of a group.
    pub(super) fn first(&self, places: &[usize]) -> &'a Arrival {
        self.arrivals[places[0]]
    }

    pub(super) fn into_results(self) -> Vec<InsertResult> {
        let results = self.results.into_iter();
        results
            .map(|result| result.unwrap_or(Err(StoreError::Copies)))
            .collect()
    }
}
