//! Followers that are slow or fail, a disk that fills up, and a clock that was set back.

use futures_util::{StreamExt as _, poll, stream::FuturesUnordered};

use super::{
    gate::{Gate, Sync},
    *,
};
use crate::domain::recorded::micros;

/// An append of half a volume.
fn half_a_volume(number: usize) -> Append {
    let payload = format!("{number} {}", "x".repeat(512 << 10));
    append("x/a", &payload)
}

/// Appends halves of volumes, one after the other, until one is not answered although the followers
/// had the time to take all before it; returns how many were.
async fn fill(engine: &Engine, most: usize) -> (usize, Option<AppendError>) {
    for number in 0..most {
        if let Err(error) = engine.append(half_a_volume(number)).await {
            return (number, Some(error));
        }
    }
    (most, None)
}

async fn until_paused(engine: &Engine, paused: bool) {
    engine.paused().wait_for(|it| it.is_some() == paused).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_followers_slow_appends_and_never_fail_them() {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let engine = Arc::clone(store.engine());
    gate.set_manifest(Sync::Wait);
    let filling = Arc::clone(&engine);
    let mut filled = tokio::spawn(async move { fill(&filling, 24).await });
    // The head comes to rest behind the bound: four volumes, and at most the group on the way.
    let mut head = engine.head.clone();
    head.wait_for(|head| head.position >= 8).await.unwrap();
    assert!(poll!(&mut filled).is_pending(), "the writer waits");
    let unsealed = engine.log.unsealed_bytes();
    assert!(unsealed <= (4 << 20) + (1 << 20), "{unsealed} bytes wait to be sealed");
    assert_eq!(*engine.paused().borrow(), None, "waiting is not refusing");
    assert!(engine.head().position < 12, "it did not go on: {:?}", engine.head());
    gate.set_manifest(Sync::Pass);
    let (appended, error) = filled.await.unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!((appended, engine.head().position), (24, 24));
    drop(engine);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_followers_stop_appends_only_beyond_the_bound_and_for_no_longer_than_they_fail() {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let engine = Arc::clone(store.engine());
    gate.set_manifest(Sync::Fail);
    let (appended, error) = fill(&engine, 40).await;
    let Some(AppendError::Paused(pause)) = error else { panic!("{error:?} after {appended}") };
    let Pause::Backlog { unsealed, reason, .. } = pause else { panic!("{pause}") };
    assert!(reason.contains("the disk has failed"), "{reason}");
    assert!(appended >= 15, "half volumes up to the bound of eight: {appended}");
    assert!(unsealed > 8 << 20, "{unsealed}");
    until_paused(&engine, true).await;
    assert_eq!(store.all().await.len(), appended, "reads go on, and what was refused is not there");
    gate.set_manifest(Sync::Pass);
    until_paused(&engine, false).await;
    engine.append(append("x/a", "again")).await.unwrap();
    assert_eq!(engine.head().position, appended as u64 + 1);
    drop(engine);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_slow_followers() {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let engine = Arc::clone(store.engine());
    gate.set_manifest(Sync::Wait);
    let appends = FuturesUnordered::new();
    for number in 0..16 {
        let engine = Arc::clone(&engine);
        appends.push(tokio::spawn(async move { engine.append(half_a_volume(number)).await }));
    }
    engine.head.clone().wait_for(|head| head.position >= 8).await.unwrap();
    drop(engine);
    let engine = store.engine.take().unwrap();
    let stopped = tokio::task::spawn_blocking(move || engine.stop());
    let answers: Vec<_> = appends.map(|answer| answer.unwrap()).collect().await;
    gate.set_manifest(Sync::Pass);
    stopped.await.unwrap().unwrap();
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    for error in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(error, AppendError::Stopping), "{error}");
    }
    store.open(Arc::new(RealFiles));
    assert_eq!(store.all().await.len(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full_pauses_appends_until_there_is_room() {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let engine = Arc::clone(store.engine());
    engine.append(append("x/a", "kept")).await.unwrap();
    gate.set_free(Some(1 << 20));
    for _ in 0..3 {
        let error = engine.append(append("x/a", "refused")).await.unwrap_err();
        let AppendError::Paused(Pause::Full { free, needed }) = error else { panic!("{error}") };
        assert!(free == 1 << 20 && needed > 3 << 20, "{free} of {needed}");
    }
    assert!(engine.paused().borrow().is_some());
    assert_eq!(store.all().await.len(), 1, "reads go on");
    gate.set_free(None);
    until_paused(&engine, false).await;
    engine.append(append("x/a", "again")).await.unwrap();
    gate.set_free(Some(1 << 20));
    drop(engine);
    store.close().await;

    // The engine starts on a full disk, and knows of it before the first append.
    store.open(Arc::new(gate.clone()));
    assert!(store.engine().paused().borrow().is_some());
    assert_eq!(store.all().await.iter().map(text).collect::<Vec<_>>(), ["kept", "again"]);
    gate.set_free(None);
    until_paused(store.engine(), false).await;
    store.engine().append(append("x/a", "more")).await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortage_of_descriptors_pauses_appends_until_it_is_over() {
    let (gate, _waiting) = Gate::new();
    let mut store = Store::on(Arc::new(gate.clone()));
    let engine = Arc::clone(store.engine());
    gate.set_short(true);
    engine.append(append("x/a", "kept")).await.expect("the first file is there");
    for _ in 0..3 {
        let error = engine.append(append("x/a", "refused")).await.unwrap_err();
        let AppendError::Paused(Pause::Short { reason }) = error else { panic!("{error}") };
        assert!(reason.contains("os error 24"), "{reason}");
    }
    assert!(engine.paused().borrow().is_some());
    assert_eq!(store.all().await.len(), 1, "reads go on");
    gate.set_short(false);
    until_paused(&engine, false).await;
    engine.append(append("x/a", "again")).await.unwrap();
    drop(engine);
    store.reopen().await;
    assert_eq!(store.all().await.iter().map(text).collect::<Vec<_>>(), ["kept", "again"]);
}

#[tokio::test]
async fn an_operator_may_accept_that_the_clock_lies_behind() {
    const HOUR: Micros = 3_600 * 1_000_000;
    let mut store = Store::new();
    store.set_clock(10 * HOUR);
    store.engine().append(append("x/a", "one")).await.unwrap();
    store.set_clock(8 * HOUR);
    let error = store.engine().append(append("x/a", "refused")).await.unwrap_err();
    assert!(matches!(error, AppendError::Paused(Pause::ClockBehind { .. })), "{error}");
    let reported = error.to_string();
    for part in ["1970-01-01T10:00:00", "1970-01-01T08:00:00", "--accept-clock-behind"] {
        assert!(reported.contains(part), "{part} is missing: {reported}");
    }
    store.close().await;
    store.accept_clock_behind = true;
    store.open(Arc::new(RealFiles));
    store.engine().append(append("x/a", "two")).await.unwrap();
    store.set_clock(10 * HOUR + 7);
    store.engine().append(append("x/a", "three")).await.unwrap();
    let events = store.all().await;
    let times = events.iter().map(|event| micros(&event.recorded_at.unwrap()));
    assert_eq!(times.collect::<Vec<_>>(), [10 * HOUR, 10 * HOUR, 10 * HOUR + 7]);
}

#[tokio::test]
async fn callers_beyond_a_bound_are_turned_away_and_those_that_go_make_room() {
    let store = Store::new();
    let engine = store.engine();
    let all = Arc::clone(&engine.appender.callers);
    let others = all.acquire_many(u32::try_from(bounds::QUEUE_CALLERS).unwrap()).await.unwrap();
    let error = engine.append(append("x/a", "one too many")).await.unwrap_err();
    assert!(matches!(error, AppendError::Overloaded { .. }), "{error}");
    drop(others);
    engine.append(append("x/a", "fits")).await.unwrap();
    assert_eq!(engine.appender.callers.available_permits(), bounds::QUEUE_CALLERS);
}

#[tokio::test]
async fn a_single_append_does_not_wait_behind_the_bytes_of_pipelines() {
    let store = Store::new();
    let engine = store.engine();
    let submitted = Arc::clone(&engine.appender.submitted);
    let full =
        submitted.acquire_many(u32::try_from(bounds::SUBMITTED_BYTES).unwrap()).await.unwrap();
    let mut pipelined = std::pin::pin!(engine.submit(append("x/a", "of a pipeline")));
    assert!(poll!(pipelined.as_mut()).is_pending());
    let single = engine.append(append("x/b", "single")).await.unwrap();
    assert!(poll!(pipelined.as_mut()).is_pending(), "it has no room yet");
    drop(full);
    let pending = pipelined.await.unwrap();
    assert!(submitted.available_permits() < bounds::SUBMITTED_BYTES, "it holds what it has");
    let appended = engine.outcome(pending).await.unwrap();
    assert_eq!(appended.first_position, single.last_position + 1);
    assert_eq!(submitted.available_permits(), bounds::SUBMITTED_BYTES);
}
