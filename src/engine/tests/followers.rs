use tokio::sync::mpsc;

use super::*;
use crate::{
    domain::known::examples,
    engine::lanes::{Lane, concurrent_pieces},
    projections::counts::{CountAnswer, CountQuery},
};

async fn append_many(store: &Store, count: usize) {
    for _ in 0..count / 1_000 {
        let events = (0..1_000).map(|_| noted("noted", &[])).collect();
        let writes = vec![write("x/a", events)];
        let request = Append { request_id: None, writes, condition: None, recorded_by: None };
        store.engine().append(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_live_subscriber_that_lags_is_notified_and_again_when_it_has_caught_up() {
    let store = Store::new();
    store.engine().append(append("x/a", "first")).await.unwrap();
    let mut follower = store.engine().subscribe(Filter::all(), Start::Unset).await.unwrap();
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::Events(_)));
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    append_many(&store, 12_000).await;
    let frame = follower.next().await.unwrap();
    let SubscriptionItem::FellBehind(mark) = frame else { panic!("{frame:?}") };
    assert_eq!(mark.position, 1);
    let mut seen = 1;
    loop {
        match follower.next().await.unwrap() {
            SubscriptionItem::Events(encoded) => {
                assert_eq!(encoded.first, seen + 1);
                seen = encoded.last;
            }
            SubscriptionItem::CaughtUp(mark) => break assert_eq!(mark.position, seen),
            other @ (SubscriptionItem::Checkpoint(_)
            | SubscriptionItem::FellBehind(_)
            | SubscriptionItem::Heartbeat) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(seen, 12_001);
}

#[tokio::test]
async fn a_filter_that_matches_nothing_still_brings_checkpoints() {
    let store = Store::new();
    let mut follower = store.engine().subscribe(tagged("desk:none"), Start::Unset).await.unwrap();
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    store.engine().append(append("x/a", "first")).await.unwrap();
    store.engine().reader.indexed(1).await.unwrap();
    let mut waiting = Box::pin(follower.next());
    assert!(futures_util::poll!(&mut waiting).is_pending());
    // Only the clock of the timers is moved; the test does not wait.
    tokio::time::pause();
    let frame = waiting.await.unwrap();
    let SubscriptionItem::Checkpoint(mark) = frame else { panic!("{frame:?}") };
    assert_eq!((mark.position, mark.recorded_at), (1, Some(1_000_000_000)));
}

/// An event does not say how far the log has come. An event and a checkpoint may be due at once,
/// and chance decides which of them a follower gets first. So the test has many followers.
#[tokio::test]
async fn a_subscriber_that_is_woken_while_a_checkpoint_is_due_still_gets_its_event() {
    let store = Store::new();
    let mut followers = Vec::new();
    for _ in 0..16 {
        let mut follower =
            store.engine().subscribe(tagged("desk:one"), Start::Unset).await.unwrap();
        assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
        followers.push(follower);
    }
    let mut waiting: Vec<_> = followers.iter_mut().map(|it| Box::pin(it.next())).collect();
    for waiting in &mut waiting {
        assert!(futures_util::poll!(waiting).is_pending());
    }
    let events = vec![noted("for them", &["desk:one"]), noted("not for them", &[])];
    let request = Append {
        request_id: None,
        writes: vec![write("x/a", events)],
        condition: None,
        recorded_by: None,
    };
    store.engine().append(request).await.unwrap();
    store.engine().reader.indexed(2).await.unwrap();
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(20)).await;
    tokio::time::resume();
    for reported in waiting {
        assert!(matches!(reported.await.unwrap(), SubscriptionItem::Events(_)));
    }
    for follower in &mut followers {
        let next = tokio::time::timeout(Duration::from_secs(20), follower.next()).await;
        let frame = next.expect("it is told in the end").unwrap();
        let SubscriptionItem::Checkpoint(mark) = frame else { panic!("{frame:?}") };
        assert_eq!(mark.position, 2);
    }
}

#[tokio::test]
async fn a_subscription_from_now_begins_with_what_comes_and_ends_with_the_engine() {
    let mut store = Store::new();
    store.engine().append(append("x/a", "before")).await.unwrap();
    let mut follower = store.engine().subscribe(Filter::all(), Start::FromNow).await.unwrap();
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    store.engine().append(append("x/a", "after")).await.unwrap();
    let frame = follower.next().await.unwrap();
    let SubscriptionItem::Events(encoded) = frame else { panic!("{frame:?}") };
    assert_eq!((encoded.first, encoded.count), (2, 1));
    store.close().await;
    assert!(matches!(follower.next().await, Err(ReadError::Stopping)));
}

async fn figures(store: &Store) -> CountAnswer {
    let counts = store.engine().record();
    counts.reached(store.engine().head().position).await.unwrap();
    counts.get(CountQuery::default(), AsOf::Now).await.unwrap()
}

async fn record(store: &Store, to: &str, number: u32) -> Position {
    let mut transfer = examples::completed();
    transfer.of_which = None;
    transfer.leg.as_mut().unwrap().to = vec![to.into()];
    transfer.count.as_mut().unwrap().value = Some(number);
    let transfer = Known::from(transfer);
    let stream = format!("exchange/{}", transfer.exchange_id().unwrap());
    store.engine().append(known(&stream, &[transfer])).await.unwrap().last_position
}

#[tokio::test]
async fn figures_after_a_restart_are_the_same_whether_the_saved_state_is_used_or_not() {
    let mut store = Store::new();
    for (to, number) in [("DE", 13), ("NO", 3), ("DE", 14)] {
        record(&store, to, number).await;
    }
    let before = figures(&store).await;
    assert!(!before.rows.is_empty());
    store.reopen().await;
    assert_eq!(figures(&store).await, before);
    let saved = store.data.join("projections").join("claims");
    for damage in [&b""[..], b"garbage", &[0; 4_096]] {
        store.close().await;
        assert!(saved.exists());
        std::fs::write(&saved, damage).unwrap();
        store.open(Arc::new(RealFiles));
        assert_eq!(figures(&store).await, before);
    }
}

#[tokio::test]
async fn figures_can_be_requested_as_of_a_position_and_a_time_but_not_of_the_future() {
    let store = Store::new();
    store.set_clock(2_000_000_000);
    record(&store, "DE", 13).await;
    let first = figures(&store).await;
    store.set_clock(3_000_000_000);
    record(&store, "DE", 15).await;
    let counts = store.engine().record();
    let queried = async |as_of| counts.get(CountQuery::default(), as_of).await;
    assert_eq!(queried(AsOf::Position(1)).await.unwrap().rows, first.rows);
    assert_eq!(queried(AsOf::Time(2_999_999_999)).await.unwrap().rows, first.rows);
    assert_eq!(queried(AsOf::Time(3_000_000_000)).await.unwrap().rows, figures(&store).await.rows);
    assert_eq!(queried(AsOf::Position(0)).await.unwrap().rows, []);
    // Nothing was recorded since, but time went on.
    store.set_clock(5_000_000_000);
    for past in [3_000_000_001, 5_000_000_000] {
        assert_eq!(queried(AsOf::Time(past)).await.unwrap(), figures(&store).await);
    }
    for future in [AsOf::Position(3), AsOf::Time(5_000_000_001)] {
        assert!(matches!(queried(future).await, Err(ReadError::BeyondHead(_))), "{future:?}");
    }
}

#[tokio::test]
async fn a_watcher_sees_each_change_with_its_cause_and_ends_at_the_answer() {
    let store = Store::new();
    record(&store, "DE", 13).await;
    let counts = store.engine().record();
    counts.reached(1).await.unwrap();
    let (first, mut watch) = counts.watch(CountQuery::default()).await.unwrap();
    let mut rows = first.rows;
    store.engine().append(append("x/a", "of no effect")).await.unwrap();
    let cause = record(&store, "DE", 15).await;
    let wanted = figures(&store).await.rows;
    while rows != wanted {
        let Changed { change, position, .. } = watch.next().await.unwrap();
        assert_eq!((change.caused_by.as_slice(), position), (&[cause][..], cause));
        let place = rows.iter().position(|it| Some(it) == change.before.as_ref()).unwrap();
        rows[place] = change.after.unwrap();
    }
    let row = rows.iter().find(|row| row.country == "DE").unwrap();
    let received = row.received.as_ref().unwrap();
    assert_eq!((received.low, received.high, received.preferred), (Some(13), Some(15), None));
}

/// On one thread: whatever waits in a task holds up every other.
#[tokio::test]
async fn figures_that_take_long_hold_nothing_up() {
    let store = Store::new();
    record(&store, "DE", 13).await;
    let counts = store.engine().record();
    counts.reached(1).await.unwrap();
    let (report, reported) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel();
    let shared = Arc::clone(&counts.0);
    let holder = std::thread::spawn(move || {
        let guard = shared.hold();
        report.send(()).unwrap();
        let in_time = released.recv_timeout(Duration::from_secs(20)).is_ok();
        drop(guard);
        in_time
    });
    reported.recv().unwrap();
    let requested = tokio::spawn(async move { counts.get(CountQuery::default(), AsOf::Now).await });
    let mut follower = store.engine().subscribe(Filter::all(), Start::FromNow).await.unwrap();
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    // The second is one that the projection waits to take in.
    store.engine().append(append("x/a", "meanwhile")).await.unwrap();
    record(&store, "DE", 15).await;
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::Events(_)));
    assert!(!requested.is_finished());
    release.send(()).unwrap();
    assert!(holder.join().unwrap(), "nothing waited for the figures");
    assert!(!requested.await.unwrap().unwrap().rows.is_empty());
}

#[tokio::test]
async fn only_so_many_figures_are_computed_at_once() {
    let store = Store::new();
    let most = concurrent_pieces();
    let (entered, mut entries) = mpsc::channel(64);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let computing: Vec<_> = (0..most + 3)
        .map(|_| {
            let shared = Arc::clone(&store.engine().record().0);
            let (entered, released) = (entered.clone(), Arc::clone(&released));
            tokio::spawn(async move {
                let compute = move |_: &_| {
                    entered.blocking_send(()).unwrap();
                    released.lock().unwrap().recv().unwrap();
                };
                shared.compute(Lane::Piece, compute).await.unwrap();
            })
        })
        .collect();
    for _ in 0..most {
        entries.recv().await.unwrap();
    }
    for _ in 0..5 {
        store.engine().append(append("x/a", "meanwhile")).await.unwrap();
    }
    assert!(entries.try_recv().is_err(), "more than {most} at once");
    // What is only looked up does not wait for them.
    let record = store.engine().record();
    let figures = record.get(CountQuery::default(), AsOf::Now);
    tokio::time::timeout(Duration::from_secs(20), figures).await.unwrap().unwrap();
    for _ in 0..most + 3 {
        release.send(()).unwrap();
    }
    for task in computing {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_burst_is_reported_as_one_change_with_all_its_causes() {
    let store = Store::new();
    let counts = store.engine().record();
    let query = CountQuery { countries: ["DE".to_owned()].into(), ..CountQuery::default() };
    let (_, mut watch) = counts.watch(query).await.unwrap();
    record(&store, "DE", 1).await;
    let Changed { change: first, .. } = watch.next().await.unwrap();
    assert_eq!(first.caused_by, [1]);
    for number in 2..30 {
        record(&store, "DE", number).await;
    }
    counts.reached(29).await.unwrap();
    let Changed { change: second, position, .. } = watch.next().await.unwrap();
    assert_eq!((position, second.caused_by), (29, (2..30).collect::<Vec<_>>()));
}

/// Counts how often a task is woken.
#[derive(Debug, Default)]
struct Wakes(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_follower_sleeps_through_what_its_filter_does_not_match_and_wakes_for_what_it_does() {
    let store = Store::new();
    let mut follower = store.engine().subscribe(tagged("desk:one"), Start::Unset).await.unwrap();
    assert!(matches!(follower.next().await.unwrap(), SubscriptionItem::CaughtUp(_)));
    let counted = Arc::new(Wakes::default());
    let waker = std::task::Waker::from(Arc::clone(&counted));
    let mut waiting = Box::pin(follower.next());
    let polled = waiting.as_mut().poll(&mut std::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    for _ in 0..20 {
        store.engine().append(append("x/a", "of no interest")).await.unwrap();
    }
    store.engine().reader.indexed(20).await.unwrap();
    assert_eq!(counted.0.load(Ordering::SeqCst), 0, "nothing that it asked for was recorded");
    let writes = vec![write("x/a", vec![noted("for it", &["desk:one"])])];
    let request = Append { request_id: None, writes, condition: None, recorded_by: None };
    store.engine().append(request).await.unwrap();
    store.engine().reader.indexed(21).await.unwrap();
    assert_eq!(counted.0.load(Ordering::SeqCst), 1);
    let frame = waiting.await.unwrap();
    let SubscriptionItem::Events(encoded) = frame else { panic!("{frame:?}") };
    assert_eq!((encoded.first, encoded.count), (21, 1));
}
