//! When a lease ends: after everything that has arrived was handled, and without a charge for an
//! event that the consumer has not received.

use std::{pin::pin, time::Duration};

use futures_util::FutureExt as _;

use super::{
    gate::{Gate, Sync},
    *,
};
use crate::domain::group::{Answer, GroupName, Settings};

const GROUP: &str = "desk";
/// Long enough for a consumer that answers at once, on a machine with other work.
const LEASE: Duration = Duration::from_secs(1);

/// A group that tries each event once, so that a lease that ends parks it.
async fn create(store: &Store) {
    let settings =
        Settings { lease: LEASE, max_attempts: 1, retry_delay: Duration::from_millis(1) };
    let name = GroupName::parse(GROUP).unwrap();
    let group = NewGroup { name, filter: Filter::all(), start: Start::Unset, settings };
    store.engine().groups().create(group, GroupRequest::default()).await.unwrap();
}

async fn join(store: &Store, name: &str, credit: u64) -> Consumer {
    let consumer = Consumer::join(store.engine().groups(), GROUP, name).await.unwrap();
    consumer.say(Said { credit, ..Said::default() }).await.unwrap();
    consumer
}

async fn status(store: &Store) -> GroupProgress {
    let (mut groups, _) = store.engine().groups().list(Some(GROUP)).await.unwrap();
    groups.pop().unwrap().progress.expect("it is restored")
}

/// The deliveries that come next, and how often their events were tried.
async fn take(consumer: &mut Consumer, count: usize) -> Vec<(u64, u32)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let Delivered { first_delivery, attempts, .. } = consumer.next().await.unwrap();
        taken.extend((first_delivery..).zip(attempts));
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_came_while_something_was_recorded_are_handled_before_a_lease_ends() {
    let (gate, mut waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    create(&store).await;
    let mut consumer = join(&store, "one", 2).await;
    // What is ready first, an answer or the end of the lease, is drawn each time.
    for round in 1..=6 {
        for stream in ["a/1", "b/1"] {
            store.engine().append(append(stream, "noted")).await.unwrap();
        }
        let taken = take(&mut consumer, 2).await;
        gate.set(Sync::Wait);
        while waiting.try_recv().is_ok() {}
        let park = Said { credit: 1, answers: vec![(taken[0].0, park())], ..Said::default() };
        consumer.say(park).await.unwrap();
        waiting.recv().await.expect("it is being recorded");
        let handled = vec![(taken[1].0, Answer::Handled)];
        let mut answered =
            pin!(consumer.say(Said { credit: 1, answers: handled, ..Said::default() }));
        assert!(answered.as_mut().now_or_never().is_none(), "the group is not free to hear it");
        // The time that has to pass is the lease itself.
        tokio::time::sleep(LEASE + LEASE / 10).await;
        gate.set(Sync::Pass);
        answered.await.unwrap();
        let progress = status(&store).await;
        assert_eq!((progress.lag_events, progress.parked), (0, round), "{progress:?}");
    }
    consumer.leave().await;
    store.close().await;
}

fn park() -> Answer {
    Answer::Park("aside".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_has_not_received_it_cannot_fail_at() {
    let mut store = Store::new();
    create(&store).await;
    for stream in ["a/1", "b/1", "c/1"] {
        store.engine().append(append(stream, "noted")).await.unwrap();
    }
    let deaf = join(&store, "deaf", 3).await;
    while status(&store).await.consumers[0].unanswered < 3 {
        tokio::task::yield_now().await;
    }
    // It is given them over and over, and never takes what is sent.
    let mut other = join(&store, "other", 3).await;
    let attempts: Vec<_> = take(&mut other, 3).await.into_iter().map(|(_, it)| it).collect();
    assert_eq!(attempts, [0, 0, 0]);
    let answers = (1..=3).map(|delivery| (delivery, Answer::Handled)).collect();
    other.say(Said { answers, ..Said::default() }).await.unwrap();
    let status = status(&store).await;
    assert_eq!((status.lag_events, status.parked), (0, 0), "{status:?}");
    drop((deaf, other));
    store.close().await;
}
