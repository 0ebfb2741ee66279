//! Reads of events that lie far apart, which two tasks share.

use super::*;
use crate::log::fixtures::Random;

/// Records events of any size, and tells the numbers of those that carry the tag.
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
        let append = Append { request_id: None, writes, condition: None };
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
