//! Tests of lists, of counts and of single events.

use tower_cartgate::EventKind;
use uuid::Uuid;

use super::{
    Fixture, START, arrival, id,
    operating::{only, selected, six, states},
};
use crate::{
    delivery::event::DeliveryState,
    inbox::store::{Cursor, ListOrder, Selection},
};

/// Returns all deliveries in pages of this length.
async fn pages(fixture: &Fixture, order: ListOrder, most: usize) -> Vec<Vec<(Uuid, String)>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = fixture.store.list(Selection::default(), order, after, most);
        let page = page.await.unwrap();
        let Some(last) = page.last() else {
            return pages;
        };
        after = Some(Cursor::from(last));
        let rows = page.iter().map(|one| (one.event, one.queue.clone()));
        pages.push(rows.collect());
    }
}

pub(crate) async fn a_list_comes_in_pages(fixture: &Fixture) {
    for number in [3, 1, 2] {
        fixture.insert(number, &["shop", "mail"]).await;
    }
    let (mail, shop) = (
        |number| (id(number), "mail".to_owned()),
        |number| (id(number), "shop".to_owned()),
    );
    let page = |number| vec![mail(number), shop(number)];
    let oldest = pages(fixture, ListOrder::OldestFirst, 2).await;
    assert_eq!(oldest, [page(1), page(2), page(3)]);
    let newest = pages(fixture, ListOrder::NewestFirst, 3).await;
    let expected = [
        vec![shop(3), mail(3), shop(2)],
        vec![mail(2), shop(1), mail(1)],
    ];
    assert_eq!(newest, expected);
}

pub(crate) async fn a_list_obeys_each_field(fixture: &Fixture) {
    six(fixture).await;
    let mut other = arrival(7, 7, &["mail"]);
    other.event.endpoint = "/carts".into();
    other.event.kind = EventKind::AbandonedCart;
    fixture.store.insert(other, Box::new(())).await.unwrap();
    let all = Selection::default;
    let cases = [
        (all(), vec![1, 2, 3, 4, 5, 6, 7]),
        (only(&[6, 2, 90]), vec![2, 6]),
        (
            Selection {
                endpoint: Some("/carts".to_owned()),
                ..all()
            },
            vec![7],
        ),
        (
            Selection {
                queue: Some("mail".to_owned()),
                ..all()
            },
            vec![7],
        ),
        (
            Selection {
                kind: Some(EventKind::AbandonedCart),
                ..all()
            },
            vec![7],
        ),
        (
            Selection {
                since: Some(START + 3),
                until: Some(START + 5),
                ..all()
            },
            vec![3, 4],
        ),
        (states(&[DeliveryState::Pending]), vec![6, 7]),
        (states(&[DeliveryState::Delivered]), vec![1, 2]),
        (
            states(&[DeliveryState::Quarantined, DeliveryState::Dead]),
            vec![3, 4, 5],
        ),
        (
            states(&[DeliveryState::Quarantined, DeliveryState::Pending]),
            vec![5, 6, 7],
        ),
        (
            Selection {
                queue: Some("shop".to_owned()),
                ids: vec![id(3), id(6)],
                ..states(&[DeliveryState::Dead])
            },
            vec![3],
        ),
        (
            Selection {
                queue: Some("mail".to_owned()),
                ..states(&[DeliveryState::Dead])
            },
            vec![],
        ),
        (
            Selection {
                before: Some(id(5)),
                ..states(&[DeliveryState::Quarantined, DeliveryState::Dead])
            },
            vec![3, 4],
        ),
        (
            Selection {
                not_in: vec!["shop".into(), "o\"ld".into()],
                ..all()
            },
            vec![7],
        ),
        (
            Selection {
                not_in: vec!["mail".into()],
                before: Some(id(3)),
                endpoint: Some("/webhooks".to_owned()),
                ..all()
            },
            vec![1, 2],
        ),
    ];
    for (selection, expected) in cases {
        let text = format!("{selection:?}");
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        let count = fixture.store.count(selection.clone()).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{text}");
        assert_eq!(selected(fixture, selection).await, expected, "{text}");
    }
}

pub(crate) async fn each_delivery_of_an_event_counts(fixture: &Fixture) {
    let count = async |selection| fixture.store.count(selection).await.unwrap();
    assert_eq!(count(Selection::default()).await, 0);
    for number in 1..=5 {
        fixture.insert(number, &["shop", "mail"]).await;
    }
    assert_eq!(count(Selection::default()).await, 10);
    assert_eq!(count(only(&[2, 4])).await, 4);
    let received = Selection {
        since: Some(START + 2),
        ..Selection::default()
    };
    assert_eq!(count(received).await, 8);
}

pub(crate) async fn one_event_is_shown_with_all_of_it(fixture: &Fixture) {
    for (number, body) in [(1, 1), (2, 1), (3, 3)] {
        let stored = fixture
            .store
            .insert(arrival(number, body, &["shop", "mail"]), Box::new(()));
        stored.await.unwrap();
    }
    let (event, deliveries) = fixture.store.show(id(2)).await.unwrap().unwrap();
    assert_eq!((event.id, &event.body[..]), (id(2), &[1; 100][..]));
    for (listed, queue) in deliveries.iter().zip(["mail", "shop"]) {
        assert_eq!(
            (listed.event, &*listed.queue, &*listed.kind),
            (id(2), queue, "order")
        );
        assert_eq!((listed.copy, listed.seen, listed.size), (1, 2, 100));
        assert_eq!(
            (listed.first_received, listed.received),
            (START + 1, START + 2)
        );
    }
    assert_eq!(deliveries.len(), 2);
    assert!(fixture.store.show(id(4)).await.unwrap().is_none());
}
