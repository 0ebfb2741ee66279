//! What groups record of themselves is in proportion to what has changed.

use std::time::Duration;

use prost::{Message, Name};

use super::*;
use crate::domain::{
    group::{Answer, Chain, Entry, GroupName, Settings},
    limits,
    proto::{GroupCheckpointed, GroupProgressed},
};

/// Events that rest.
const RESTING: usize = 60_000;
/// Events that are acknowledged one by one.
const ACKNOWLEDGED: usize = 60;

async fn join(store: &Store, credit: u64) -> Consumer {
    let consumer = Consumer::join(store.engine().groups(), "desk", "one").await.unwrap();
    consumer.say(Said { credit, ..Said::default() }).await.unwrap();
    consumer
}

/// Appends events to streams of their own.
async fn fill(store: &Store, count: usize) {
    for first in (0..count).step_by(limits::APPEND_EVENTS) {
        let streams = first..count.min(first + limits::APPEND_EVENTS);
        let writes = streams.map(|stream| write(&format!("x/{stream}"), vec![noted("one", &[])]));
        let append = Append {
            request_id: None,
            writes: writes.collect(),
            condition: None,
            recorded_by: None,
        };
        store.engine().append(append).await.unwrap();
    }
}

/// Answers so many events.
async fn answer(consumer: &mut Consumer, count: usize, answer: &Answer) {
    let mut answered = 0;
    while answered < count {
        let delivered = consumer.next().await.unwrap();
        let many = delivered.attempts.len() as u64;
        let deliveries = delivered.first_delivery..delivered.first_delivery + many;
        let answers = deliveries.map(|delivery| (delivery, answer.clone())).collect();
        let credit = if answered + 10_000 < count { many } else { 0 };
        consumer.say(Said { credit, answers, ..Said::default() }).await.unwrap();
        answered += delivered.attempts.len();
    }
}

/// How far the group is, once it is restored.
async fn progress(store: &Store) -> GroupProgress {
    loop {
        let (mut groups, _) = store.engine().groups().list(Some("desk")).await.unwrap();
        if let Some(progress) = groups.remove(0).progress {
            return progress;
        }
    }
}

/// What the group has recorded after a position.
async fn recorded(store: &Store, after: Position) -> Vec<RecordedEvent> {
    let stream = GroupName::parse("desk").unwrap().stream();
    let item = FilterItem { streams: vec![stream], ..FilterItem::default() };
    let filter = Filter::new(vec![item]).unwrap();
    store.read(ReadSpec { filter, ..spec(Start::After(after), Direction::Forwards, None) }).await
}

/// Waits until each of the events is recorded as one that has failed once.
async fn until_all_failed(store: &Store) {
    let failed = |chain: &Chain| {
        let unfinished = &chain.last().unwrap().unfinished;
        unfinished.len() == RESTING && unfinished.iter().all(|(_, attempts)| attempts == 1)
    };
    let (mut chain, mut read) = (Chain::begun(0), 0);
    while !failed(&chain) {
        for event in recorded(store, read).await {
            read = event.position;
            let payload = event.payload.unwrap();
            if payload.type_name() == GroupCheckpointed::full_name() {
                chain.read(&Entry::Whole(GroupCheckpointed::decode(payload.value).unwrap()));
            } else if payload.type_name() == GroupProgressed::full_name() {
                chain.read(&Entry::Changes(GroupProgressed::decode(payload.value).unwrap()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_costs_bytes_for_itself_and_not_for_all_that_rests() {
    let mut store = Store::new();
    let name = GroupName::parse("desk").unwrap();
    let settings = Settings {
        max_attempts: 1_000,
        retry_delay: Duration::from_hours(1),
        ..Settings::default()
    };
    let group = NewGroup { name, filter: Filter::all(), start: Start::Unset, settings };
    store.engine().groups().create(group, GroupRequest::default()).await.unwrap();
    fill(&store, RESTING).await;
    let mut consumer = join(&store, 10_000).await;
    answer(&mut consumer, RESTING, &Answer::Retry("later".into())).await;
    consumer.leave().await;
    assert_eq!(progress(&store).await.resting, RESTING);
    until_all_failed(&store).await;
    let before = store.engine().head().position;
    for _ in 0..ACKNOWLEDGED {
        store.engine().append(append("y/a", "one")).await.unwrap();
        let mut consumer = join(&store, 1).await;
        answer(&mut consumer, 1, &Answer::Handled).await;
        // Whenever the last consumer leaves, how far the group is gets recorded.
        consumer.leave().await;
    }
    let events = recorded(&store, before).await;
    let bytes: usize = events.iter().map(Message::encoded_len).sum();
    // Two that follow each other may be recorded together.
    assert!(bytes < 400 * ACKNOWLEDGED, "{bytes} bytes in {} events", events.len());
    let before = progress(&store).await;
    assert_eq!((before.resting, before.lag_events), (RESTING, RESTING as u64));
    store.reopen().await;
    let after = progress(&store).await;
    assert_eq!((after.position, after.lag_events), (before.position, RESTING as u64));
}
