use futures_util::poll;

use super::{
    gate::{Gate, Sync},
    *,
};
use crate::domain::{proto, recorded::micros};

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_is_answered_or_shown_anything_before_the_sync() {
    let (gate, mut waiting) = Gate::new();
    let store = Store::on(Arc::new(gate.clone()));
    let engine = store.engine();
    engine.append(append("x/a", "first")).await.unwrap();
    let mut follower = engine.subscribe(Filter::all(), Start::Unset).await.unwrap();
    assert!(
        matches!(follower.next().await.unwrap(), SubscriptionItem::Events(it) if it.count == 1)
    );
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    gate.set(Sync::Wait);
    let opener = engine.submit(append("x/b", "opener")).await.unwrap();
    let mut opener = Box::pin(engine.outcome(opener));
    waiting.recv().await.unwrap();

    // While the journal waits, these three queue up and become one batch.
    let accepted = engine.submit(append("x/a", "second")).await.unwrap();
    let mut stale = append("x/a", "third");
    stale.writes[0].expected_revision = Some(1);
    let refused = engine.submit(stale).await.unwrap();
    let mut accepted = Box::pin(engine.outcome(accepted));
    let mut refused = Box::pin(engine.outcome(refused));
    assert!(poll!(&mut opener).is_pending());
    gate.release_one();
    opener.await.unwrap();
    assert!(
        matches!(follower.next().await.unwrap(), SubscriptionItem::Events(it) if it.count == 1),
        "a subscription has the opener and nothing behind it"
    );
    let mut early = Box::pin(follower.next());
    waiting.recv().await.unwrap();
    assert!(poll!(&mut early).is_pending(), "no subscription has an event before its sync");
    assert!(poll!(&mut accepted).is_pending(), "an append is answered after its sync");
    assert!(poll!(&mut refused).is_pending(), "so is a refusal that rests on it");
    assert_eq!(engine.head().position, 2, "the head moves after the sync");
    assert_eq!(store.all().await.len(), 2, "and nobody reads beyond it");
    gate.set(Sync::Pass);
    assert_eq!(accepted.await.unwrap().last_position, 3);
    assert!(matches!(early.await.unwrap(), SubscriptionItem::Events(it) if it.last == 3));
    let Err(AppendError::Conflict(conflict)) = refused.await else { panic!("it was refused") };
    assert_eq!((conflict.revisions[0].expected, conflict.revisions[0].actual), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_appends_stop_with_the_first_reason_and_reads_go_on() {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let engine = Arc::clone(store.engine());
    engine.append(append("x/a", "kept")).await.unwrap();
    gate.set(Sync::Fail);
    let mut unknown = append("x/a", "unknown");
    unknown.request_id = Some([9; 16]);
    let error = engine.append(unknown.clone()).await.unwrap_err();
    let AppendError::OutcomeUnknown { reason } = error else { panic!("{error}") };
    assert!(reason.contains("the disk has failed"), "{reason}");
    gate.set(Sync::Pass);
    for _ in 0..3 {
        let error = engine.append(append("x/a", "later")).await.unwrap_err();
        let AppendError::StoreFailed { reason: later } = error else { panic!("{error}") };
        assert_eq!(later, reason, "the first reason is kept, though the disk is back");
    }
    assert_eq!(engine.fault().borrow().clone(), Some(reason));
    assert_eq!(store.all().await.iter().map(text).collect::<Vec<_>>(), ["kept"]);
    let mut follower = engine.subscribe(Filter::all(), Start::Unset).await.unwrap();
    assert!(
        matches!(follower.next().await.unwrap(), SubscriptionItem::Events(it) if it.count == 1)
    );
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    drop((follower, engine));

    // A restart settles what became of the unknown one; asking again with its id is safe.
    store.try_close().await.expect_err("it does not close as if all were well");
    store.open(Arc::new(RealFiles));
    let landed = store.all().await.len() == 2;
    let settled = store.engine().append(unknown).await.unwrap();
    assert_eq!((settled.duplicate, settled.last_position), (landed, 2));
    assert_eq!(store.all().await.iter().map(text).collect::<Vec<_>>(), ["kept", "unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_every_append_and_frees_the_directory() {
    let mut store = Store::new();
    let engine = Arc::clone(store.engine());
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { engine.append(append("x/a", &number.to_string())).await })
        })
        .collect();
    drop(engine);
    store.close().await;
    let mut acknowledged = Vec::new();
    for call in calls {
        match call.await.unwrap() {
            Ok(appended) => acknowledged.push(appended.last_position),
            Err(error) => assert!(matches!(error, AppendError::Stopping), "{error}"),
        }
    }
    store.open(Arc::new(RealFiles));
    acknowledged.sort_unstable();
    let there: Vec<_> = store.all().await.iter().map(|event| event.position).collect();
    assert_eq!(there, acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events_of_a_batch_are_recorded_at_one_time() {
    let (gate, mut waiting) = Gate::new();
    let store = Store::on(Arc::new(gate.clone()));
    let engine = store.engine();
    gate.set(Sync::Wait);
    let opener = engine.submit(append("x/a", "opener")).await.unwrap();
    waiting.recv().await.unwrap();
    store.tick.store(1, Ordering::SeqCst);
    let mut pending = Vec::new();
    for _ in 0..3 {
        pending.push(engine.submit(append("x/a", "of one batch")).await.unwrap());
    }
    gate.set(Sync::Pass);
    engine.outcome(opener).await.unwrap();
    for append in pending {
        engine.outcome(append).await.unwrap();
    }
    let all = store.all().await;
    let times: Vec<_> = all.iter().map(|event| micros(&event.recorded_at.unwrap())).collect();
    assert!(times[0] < times[1] && times[1..] == [times[1]; 3], "{times:?}");
}

#[tokio::test]
async fn recorded_times_never_go_back_and_a_clock_set_far_back_stops_appends() {
    const HOUR: Micros = 3_600 * 1_000_000;
    let mut store = Store::new();
    store.set_clock(10 * HOUR);
    store.engine().append(append("x/a", "one")).await.unwrap();
    store.set_clock(10 * HOUR - 5);
    store.engine().append(append("x/a", "two")).await.unwrap();
    store.reopen().await;
    store.set_clock(8 * HOUR);
    let error = store.engine().append(append("x/a", "three")).await.unwrap_err();
    assert!(error.to_string().contains("set the clock"), "{error}");
    store.set_clock(10 * HOUR + 1);
    store.engine().append(append("x/a", "four")).await.unwrap();
    let events = store.all().await;
    let time = |event: &RecordedEvent| micros(&event.recorded_at.unwrap());
    let times = events.iter().map(time);
    assert_eq!(times.collect::<Vec<_>>(), [10 * HOUR, 10 * HOUR, 10 * HOUR + 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_come_back_after_reads_that_failed() {
    come_back(Gate::set_unreadable, "the disk cannot be read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_come_back_after_reads_of_damaged_data() {
    come_back(Gate::set_spoilt, "is damaged").await;
}

async fn come_back(set: impl Fn(&Gate, bool), said: &str) {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let source = proto::SourceRegistered { source_id: "demo".into(), ..Default::default() };
    store.engine().append(known("source/demo", &[source.into()])).await.unwrap();
    store.close().await;
    std::fs::remove_dir_all(store.data.join("projections")).unwrap();
    set(&gate, true);
    store.open(Arc::new(gate.clone()));
    let counts = store.engine().record();
    let error = counts.reached(1).await.unwrap_err().to_string();
    assert!(error.contains(said), "{error}");
    assert_eq!(counts.projections()[0].state, ProjectionState::Failed);
    set(&gate, false);
    let back = async {
        while counts.reached(1).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(bounds::REACH_TIMEOUT, back).await.expect("they come back");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_waits_for_the_disk_says_so_and_answers_afterwards() {
    let (gate, mut waiting) = Gate::new();
    let store = Store::on(Arc::new(gate.clone()));
    let engine = store.engine();
    assert!(engine.writer_answers().await);
    assert_eq!(engine.writer_waits_for(), None);
    gate.set(Sync::Wait);
    let opener = engine.submit(append("x/a", "opener")).await.unwrap();
    waiting.recv().await.unwrap();
    assert_eq!(engine.writer_waits_for(), Some("the journal"));
    let mut answers = Box::pin(engine.writer_answers());
    assert!(poll!(&mut answers).is_pending());
    gate.set(Sync::Pass);
    engine.outcome(opener).await.unwrap();
    assert!(answers.await);
    let stopping = Arc::clone(engine);
    tokio::task::spawn_blocking(move || stopping.stop()).await.unwrap().unwrap();
    assert!(!engine.writer_answers().await, "its thread has ended");
}
