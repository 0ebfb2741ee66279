//! Starts in the future: what is recorded before that time is held back, from subscribers and
//! from groups alike, and a read has nothing to tell.

use std::task::Poll;

use super::*;
use crate::domain::group::{GroupName, Settings};

/// The time of the stores' clocks at first, and one that has not come.
const NOW: Micros = 1_000_000_000;
const LATER: Micros = 2_000_000_000;

async fn note(store: &Store, time: Micros, tags: &[&str]) -> Position {
    store.set_clock(time);
    let writes = vec![write("x/a", vec![noted("noted", tags)])];
    let append = Append { request_id: None, writes, condition: None, recorded_by: None };
    store.engine().append(append).await.unwrap().last_position
}

/// The positions of the next batch.
fn positions(frame: &SubscriptionItem) -> Vec<Position> {
    let SubscriptionItem::Events(encoded) = frame else { panic!("{frame:?}") };
    decode_events(encoded.events.clone()).unwrap().iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn a_subscription_from_a_later_time_is_sent_nothing_that_is_recorded_before() {
    let store = Store::new();
    note(&store, NOW, &[]).await;
    let start = Start::RecordedFrom(LATER);
    let mut follower = store.engine().subscribe(Filter::all(), start).await.unwrap();
    for time in [NOW, LATER - 1] {
        note(&store, time, &[]).await;
        let reported = futures_util::poll!(Box::pin(follower.next()));
        assert!(
            matches!(reported, Poll::Pending),
            "nothing is sent yet, not even a mark: {reported:?}"
        );
    }
    assert_eq!(note(&store, LATER, &[]).await, 4);
    assert_eq!(note(&store, LATER + 1, &[]).await, 5);
    assert_eq!(positions(&follower.next().await.unwrap()), [4, 5]);
    let frame = follower.next().await.unwrap();
    assert!(matches!(frame, SubscriptionItem::CaughtUp(Mark { position: 5, .. })), "{frame:?}");
}

#[tokio::test]
async fn a_filter_does_not_let_through_what_is_held_back() {
    let store = Store::new();
    let start = Start::RecordedFrom(LATER);
    let mut follower = store.engine().subscribe(tagged("desk:one"), start).await.unwrap();
    for (time, tags) in [(LATER - 1, &["desk:one"][..]), (LATER, &[])] {
        let position = note(&store, time, tags).await;
        store.engine().reader.indexed(position).await.unwrap();
    }
    assert_eq!(note(&store, LATER, &["desk:one"]).await, 3);
    let frame = loop {
        let frame = follower.next().await.unwrap();
        let SubscriptionItem::CaughtUp(mark) = &frame else { break frame };
        // The time has come, though nothing that matches had.
        assert_eq!(mark.position, 2);
    };
    assert_eq!(positions(&frame), [3]);
}

#[tokio::test]
async fn a_time_that_has_come_is_not_waited_for() {
    let store = Store::new();
    note(&store, NOW, &[]).await;
    store.set_clock(LATER);
    for time in [NOW + 1, LATER] {
        let start = Start::RecordedFrom(time);
        let mut follower = store.engine().subscribe(Filter::all(), start).await.unwrap();
        let frame = follower.next().await.unwrap();
        assert!(matches!(frame, SubscriptionItem::CaughtUp(Mark { position: 1, .. })), "{frame:?}");
    }
}

#[tokio::test]
async fn a_read_from_a_later_time_has_nothing_to_deliver() {
    let store = Store::new();
    note(&store, NOW, &[]).await;
    let start = Start::RecordedFrom(LATER);
    assert_eq!(store.read(spec(start, Direction::Forwards, None)).await, []);
    assert_eq!(store.read(spec(start, Direction::Backwards, None)).await.len(), 1);
}

async fn group(store: &Store, filter: Filter) -> Consumer {
    let (name, settings) = (GroupName::parse("desk").unwrap(), Settings::default());
    let group = NewGroup { name, filter, start: Start::RecordedFrom(LATER), settings };
    store.engine().groups().create(group, GroupRequest::default()).await.unwrap();
    join(store).await
}

async fn join(store: &Store) -> Consumer {
    let consumer = Consumer::join(store.engine().groups(), "desk", "one").await.unwrap();
    consumer.say(Said { credit: 10, answers: Vec::new(), working: Vec::new() }).await.unwrap();
    consumer
}

/// How many events are missing, and up to where everything is finished.
async fn lag(store: &Store) -> (u64, Position) {
    let (groups, _) = store.engine().groups().list(Some("desk")).await.unwrap();
    assert_eq!(groups[0].origin.as_ref().unwrap().recorded_from, Some(LATER));
    let progress = groups[0].progress.as_ref().unwrap();
    (progress.lag_events, progress.position)
}

#[tokio::test]
async fn a_group_from_a_later_time_is_not_for_what_is_recorded_before() {
    for filter in [Filter::all(), tagged("desk:one")] {
        let mut store = Store::new();
        note(&store, NOW, &["desk:one"]).await;
        let consumer = group(&store, filter).await;
        let before = note(&store, LATER - 1, &["desk:one"]).await;
        assert_eq!(lag(&store).await.0, 0, "nothing of it is for the group");
        drop(consumer);
        // It remembers over a restart, without a consumer.
        store.reopen().await;
        let second = note(&store, LATER - 1, &["desk:one"]).await;
        assert_eq!(lag(&store).await.0, 0);
        assert!(lag(&store).await.1 >= second && second > before);
        let first = note(&store, LATER, &["desk:one"]).await;
        assert_eq!(lag(&store).await.0, 1);
        let mut consumer = join(&store).await;
        let delivered = consumer.next().await.unwrap();
        let events = decode_events(delivered.events).unwrap();
        assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [first]);
    }
}
