//! The test suite of every engine.
//!
//! Each test gets an empty store with a manual clock, stores at least three rows, and checks that
//! the unaffected ones have not changed.

pub(crate) mod duplicates;
pub(crate) mod inserting;
pub(crate) mod late;
pub(crate) mod listing;
pub(crate) mod operating;
pub(crate) mod seals;
pub(crate) mod settling;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tower_cartgate::{EventKind, Secret};
use uuid::Uuid;

use super::{DeliveryRow, ListOrder, Selection, Store, StoreMeter};
use crate::{
    delivery::{
        event::{Arrival, Claim, DeliveryState, SealedEvent, Subscribers},
        seal::DeliverySeals,
    },
    inbox::settings::Limits,
    runtime::clock::{Clock, Millis},
};

/// The time at which tests begin.
pub(crate) const START: Millis = 1_800_000_000_000;

/// The limits of a store of the suite.
pub(crate) const LIMITS: Limits = Limits {
    events: 40,
    bytes: 40_000,
    disk_floor: 0,
    copies: 3,
};

/// Makes the seals of a store of the suite.
pub(crate) fn seals() -> DeliverySeals {
    DeliverySeals::new(&Secret::new("the key of the suite's stores").expect("a secret"))
}

pub(crate) const LEASE: Duration = Duration::from_secs(45);

/// An empty store, opened with [`LIMITS`] and a manual clock at [`START`].
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) meter: Arc<StoreMeter>,
}

/// Makes a test of each function of the suite.
///
/// `$fixture` is an async function that returns a [`Fixture`] and a value that has to live as long.
/// Each test gets the `$attribute`.
macro_rules! suite {
    ($fixture:path) => {
        $crate::inbox::store::suite::suite!($fixture, cfg(test));
    };
    ($fixture:path, $attribute:meta) => {
        $crate::inbox::store::suite::suite!($fixture, $attribute; inserting:
            an_event_is_stored_whole, an_event_without_subscribers_is_a_dead_letter,
            copies_share_a_body_up_to_their_limit, a_copy_repairs_a_damaged_body, a_fault_of_one_harms_no_other, a_full_store_resumes_by_itself,
            a_dropped_future_stops_nothing, many_share_a_commit,
            the_memory_of_an_arrival_is_held_until_the_commit, the_first_value_of_a_name_stays,
            named_values_are_replaced_and_listed, a_named_value_is_replaced_only_if_it_is_the_expected_one);
        $crate::inbox::store::suite::suite!($fixture, $attribute; duplicates:
            a_unique_value_comes_in_once, a_duplicate_is_dropped_where_the_first_is_delivered_or_pending,
            a_duplicate_goes_where_the_first_is_dead_quarantined_or_gone,
            a_duplicate_goes_to_the_destinations_that_lack_the_first,
            a_duplicate_of_a_duplicate_counts_too, duplicates_that_come_at_once_are_stored_once,
            a_duplicate_of_an_arrival_that_is_rejected_is_rejected_too,
            a_duplicate_of_an_arrival_that_is_left_out_is_rejected,
            a_value_that_comes_with_a_third_body_identifies_nothing,
            a_value_is_forgotten_after_its_events,
            copies_are_counted_for_each_destination, copies_of_a_removed_destination_do_not_count,
            dead_and_quarantined_copies_count);
        $crate::inbox::store::suite::suite!($fixture, $attribute; late:
            a_late_event_is_stored_once, a_late_event_goes_to_the_destinations_that_lack_its_body,
            a_copy_of_a_late_event_is_a_duplicate);
        $crate::inbox::store::suite::suite!($fixture, $attribute; seals:
            each_delivery_is_sealed_with_its_destination_and_its_copy,
            a_move_seals_a_delivery_anew);
        $crate::inbox::store::suite::suite!($fixture, $attribute; settling:
            the_longest_due_are_claimed_first_and_copies_last,
            a_claim_hides_until_its_lease_ends, each_settlement_has_its_own_effect,
            a_copy_that_was_delivered_is_only_counted, the_next_due_time_is_that_of_the_queue,
            probes_take_turns, a_wait_that_began_in_the_future_begins_anew);
        $crate::inbox::store::suite::suite!($fixture, $attribute; listing:
            a_list_comes_in_pages, a_list_obeys_each_field, each_delivery_of_an_event_counts,
            one_event_is_shown_with_all_of_it);
        $crate::inbox::store::suite::suite!($fixture, $attribute; operating:
            dead_letters_are_requeued, a_delivery_under_way_is_not_attempted_twice_at_once, each_requeue_is_noticed, a_requeue_moves_deliveries_to_another_queue,
            a_purge_removes_the_selected_deliveries, a_sweep_removes_events_delivered_everywhere,
            stats_count_events_bytes_and_queues);
    };
    ($fixture:path, $attribute:meta; $part:ident: $($test:ident),*) => {
        $(
            #[tokio::test]
            #[$attribute]
            async fn $test() {
                let (fixture, _alive) = $fixture().await;
                $crate::inbox::store::suite::$part::$test(&fixture).await;
            }
        )*
    };
}
pub(crate) use suite;

impl Fixture {
    /// Stores an event with a body of its own for these queues. Returns its id.
    pub(crate) async fn insert(&self, number: u8, queues: &[&str]) -> Uuid {
        let arrival = arrival(number, number, queues);
        let id = arrival.event.id;
        self.store.insert(arrival, Box::new(())).await.unwrap();
        id
    }

    pub(crate) async fn claim(&self, queue: &str, most: usize) -> Vec<Claim> {
        self.store.claim(&queue.into(), most, LEASE).await.unwrap()
    }

    pub(crate) async fn all(&self) -> Vec<DeliveryRow> {
        let all = self
            .store
            .list(Selection::default(), ListOrder::default(), None, 1000);
        all.await.unwrap()
    }

    /// Returns the event and the queue of each delivery in this state.
    pub(crate) async fn in_state(&self, state: DeliveryState) -> Vec<(Uuid, String)> {
        let all = self.all().await.into_iter();
        all.filter(|listed| listed.state == state)
            .map(|listed| (listed.event, listed.queue))
            .collect()
    }
}

/// Makes event `number`. Ids grow with the number, and events with the same `body` are copies.
pub(crate) fn arrival(number: u8, body: u8, queues: &[&str]) -> Arrival {
    Arrival {
        event: SealedEvent {
            id: id(number),
            endpoint: "/webhooks".into(),
            kind: EventKind::Order,
            received: START + Millis::from(number),
            head: Bytes::from(vec![number; 10]),
            seal: [number; 32],
            digest: [body; 32],
            body: Bytes::from(vec![body; 100]),
        },
        subscribers: Subscribers::Queues(queues.iter().map(|queue| Arc::from(*queue)).collect()),
        unique: None,
        late: false,
    }
}

pub(crate) fn id(number: u8) -> Uuid {
    Uuid::from_u128((0x0190 << 112) | (7 << 76) | (2 << 62) | u128::from(number))
}

pub(crate) fn ids(claims: &[Claim]) -> Vec<Uuid> {
    claims.iter().map(|claim| claim.event.id).collect()
}
