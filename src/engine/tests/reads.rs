//! Reads of events that lie far apart, which two tasks share, and of those that stand together.

use super::gate::Gate;
use super::*;
use crate::{domain::limits, log::fixtures::Random};

/// Records events of any size, and returns the numbers of those that carry the tag.
async fn mixed(store: &Store, tag: &str) -> Vec<usize> {
    let mut random = Random::new();
    let mut wanted = Vec::new();
    for request in 0..40 {
        let events = (0..150).map(|number| {
            let number = request * 150 + number;
            let most = if random.below(50) == 0 { 20_000 } else { 1_500 };
            let text = format!("{number} {}", ".".repeat(random.below(most)));
            if random.below(6) > 0 {
                return noted(&text, &[]);
            }
            wanted.push(number);
            noted(&text, &[tag])
        });
        let writes = vec![write("x/a", events.collect())];
        let append = Append { request_id: None, writes, condition: None, recorded_by: None };
        store.engine().append(append).await.unwrap();
    }
    wanted
}

#[tokio::test]
async fn matches_come_whole_and_in_order_in_both_directions_from_wherever_they_are() {
    let mut store = Store::new();
    let mut wanted = mixed(&store, "desk:one").await;
    let filter = tagged("desk:one");
    for from_disk in [false, true] {
        if from_disk {
            store.reopen().await;
        }
        for direction in [Direction::Forwards, Direction::Backwards] {
            let every = spec(Start::Unset, direction, None);
            let events = store.read(ReadSpec { filter: filter.clone(), ..every }).await;
            let number = |event| text(event).split_once(' ').unwrap().0.parse().unwrap();
            let read: Vec<usize> = events.iter().map(number).collect();
            assert_eq!(read, wanted, "{direction:?}, from the disk: {from_disk}");
            wanted.reverse();
        }
    }
}

/// A read of one event takes its whole frame of the journal.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_stand_in_one_frame_are_read_with_one_read() {
    const EVENTS: u64 = 100;
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let events = (0..EVENTS).map(|number| noted(&number.to_string(), &[])).collect();
    let writes = vec![write("x/a", events)];
    let all = Append { request_id: None, writes, condition: None, recorded_by: None };
    store.engine().append(all).await.unwrap();
    store.close().await;
    store.open(Arc::new(gate.clone()));
    let before = gate.reads();
    let texts = store.engine().record().events((1..=EVENTS).rev()).await.unwrap();
    assert!(texts.keys().copied().eq(1..=EVENTS));
    let reads = gate.reads() - before;
    // The header of the frame and its body.
    assert!((1..=2).contains(&reads), "{reads} reads of the journal");
}

/// Entries of a list name their events in any order, and some name the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_page_are_read_at_once_and_no_more_than_fits_an_answer() {
    const EVENTS: u64 = 100;
    const LARGE: usize = limits::ANSWER_BYTES / 4 * 3;
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let events = (0..EVENTS).map(|number| noted(&number.to_string(), &[])).collect();
    let append = |events| Append {
        request_id: None,
        writes: vec![write("x/a", events)],
        condition: None,
        recorded_by: None,
    };
    store.engine().append(append(events)).await.unwrap();
    store.close().await;
    store.open(Arc::new(gate.clone()));
    let record = store.engine().record();
    // Each names the first event as well.
    let entries: Vec<Vec<Position>> = (1..=EVENTS).rev().map(|at| vec![at, 1]).collect();
    let before = gate.reads();
    let (texts, read) = record.events_of(&entries).await.unwrap();
    let reads = gate.reads() - before;
    assert!(texts.keys().copied().eq(1..=EVENTS));
    assert_eq!(read, entries.len());
    assert!((1..=2).contains(&reads), "{reads} reads of the journal");

    for _ in 0..6 {
        store.engine().append(append(vec![noted(&"x".repeat(LARGE), &[])])).await.unwrap();
    }
    let large: Vec<Vec<Position>> = (EVENTS + 1..=EVENTS + 6).rev().map(|at| vec![at]).collect();
    let (texts, read) = record.events_of(&large).await.unwrap();
    assert!((1..=5).contains(&read), "{read} of {LARGE} bytes");
    let first = large.iter().take(read).flatten().copied();
    assert!(texts.keys().rev().copied().eq(first), "those of the first entries");
    let (texts, read) = record.events_of(&large[..1]).await.unwrap();
    assert_eq!((texts.len(), read), (1, 1));
    let (texts, read) = record.events_of(&[Vec::new(), Vec::new()]).await.unwrap();
    assert_eq!((texts.len(), read), (0, 2), "entries without texts");
}
