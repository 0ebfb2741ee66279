//! What a group delivers of what it has handed out, whatever has to be read for that.

use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::domain::{
    group::{Answer, GroupName, Settings},
    limits,
};

/// A bound on what takes a moment.
const SOON: Duration = Duration::from_secs(20);
/// Events that together are more than a group keeps of what it has read.
const COUNT: u64 = 40;

/// Takes so many deliveries: their numbers, and the positions of their events.
async fn take(consumer: &mut Consumer, count: u64) -> Vec<(u64, Position)> {
    let mut taken = Vec::new();
    while (taken.len() as u64) < count {
        let delivered = consumer.next().await.unwrap();
        let events = decode_events(delivered.events).unwrap();
        let positions = events.into_iter().map(|event| event.position);
        taken.extend((delivered.first_delivery..).zip(positions));
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn large_events_come_in_whatever_order_they_were_handed_out() {
    let mut store = Store::new();
    let name = GroupName::parse("desk").unwrap();
    let settings = Settings { retry_delay: Duration::from_millis(1), ..Settings::default() };
    let group = NewGroup { name, filter: Filter::all(), start: Start::Unset, settings };
    store.engine().groups().create(group, GroupRequest::default()).await.unwrap();
    let large = "x".repeat(limits::PAGE_BYTES);
    for number in (1..=COUNT).rev() {
        store.engine().append(append(&format!("x/{number:02}"), &large)).await.unwrap();
    }
    let mut consumer = Consumer::join(store.engine().groups(), "desk", "one").await.unwrap();
    consumer.say(Said { credit: 2 * COUNT, ..Said::default() }).await.unwrap();
    let first = take(&mut consumer, COUNT).await;
    // They rest until one moment. Then they are handed out by stream, against the order of the log.
    let retry = |(delivery, _): &(u64, Position)| (*delivery, Answer::Retry("again".into()));
    let answers = first.iter().map(retry).collect();
    consumer.say(Said { answers, ..Said::default() }).await.unwrap();
    let again = tokio::time::timeout(SOON, take(&mut consumer, COUNT)).await.expect("they come");
    let positions = |taken: &[(u64, Position)]| -> BTreeSet<_> {
        taken.iter().map(|(_, position)| *position).collect()
    };
    assert_eq!(positions(&again), positions(&first));
    let order: Vec<_> = again.iter().map(|(_, position)| *position).collect();
    assert!(!order.is_sorted(), "it would show nothing in the order of the log: {order:?}");
    drop(consumer);
    store.close().await;
}
