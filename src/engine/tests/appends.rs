use super::*;
use crate::domain::{limits, trace::TraceParent};

#[tokio::test]
async fn the_same_request_twice_in_one_group_is_appended_once() {
    let store = Store::new();
    let mut request = append("x/a", "once");
    request.request_id = Some([3; 16]);
    let outcomes =
        futures_util::future::join_all((0..20).map(|_| store.engine().append(request.clone())))
            .await;
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.duplicate).count(), 1);
    assert!(outcomes.iter().all(|outcome| outcome.revisions["x/a"] == 1));
    assert_eq!(store.all().await.len(), 1);
}

#[tokio::test]
async fn readers_that_wait_for_the_disk_delay_no_append() {
    let mut store = Store::new();
    let mut request = append("x/a", "once");
    request.request_id = Some([3; 16]);
    let first = store.engine().append(request.clone()).await.unwrap();
    store.reopen().await;
    let engine = store.engine();
    let held = engine.reader.hold_turns().await;
    // What it was answered before has to be read.
    let again = tokio::time::timeout(Duration::from_secs(20), engine.append(request)).await;
    assert_eq!(
        again.expect("it waits for no reader").unwrap(),
        Appended { duplicate: true, ..first }
    );
    drop(held);
}

#[tokio::test]
async fn a_lookup_is_repeated_when_thousands_of_appends_have_passed_it() {
    let store = Store::new();
    let engine = store.engine();
    for round in 0..12 {
        let events = (0..1_000).map(|number| noted(&format!("{round}/{number}"), &[])).collect();
        let writes = vec![write("x/a", events)];
        engine
            .append(Append { request_id: None, writes, condition: None, recorded_by: None })
            .await
            .unwrap();
        let mut last = append("x/b", "counted");
        last.writes[0].expected_revision = Some(round);
        engine.append(last).await.unwrap();
    }
    assert_eq!(engine.head().position, 12 * 1_001);
}

#[tokio::test]
async fn a_limit_is_exact_in_both_directions_and_across_pages() {
    let mut store = Store::new();
    for number in 0..300 {
        let padding = "x".repeat(3_000 * usize::from(number % 2 == 0));
        let tag = format!("third:{}", number % 3);
        let events = vec![noted(&format!("{number} {padding}"), &[tag.as_str()])];
        let writes = vec![write("x/a", events)];
        let request = Append { request_id: None, writes, condition: None, recorded_by: None };
        store.engine().append(request).await.unwrap();
    }
    for reopened in [false, true] {
        if reopened {
            store.reopen().await;
        }
        for limit in [1, 2, 199, 300, 301] {
            let forwards = store.read(spec(Start::After(0), Direction::Forwards, Some(limit)));
            let positions: Vec<_> = forwards.await.iter().map(|event| event.position).collect();
            assert_eq!(positions, (1..=limit.min(300)).collect::<Vec<_>>());
            let backwards = store.read(spec(Start::Unset, Direction::Backwards, Some(limit)));
            let positions: Vec<_> = backwards.await.iter().map(|event| event.position).collect();
            assert_eq!(positions, (1..=300).rev().take(positions.len()).collect::<Vec<_>>());
            assert_eq!(positions.len() as u64, limit.min(300));
        }
        let filter = tagged("third:1");
        let spec = ReadSpec { filter, ..spec(Start::After(200), Direction::Backwards, Some(40)) };
        let positions: Vec<_> = store.read(spec).await.iter().map(|it| it.position).collect();
        assert_eq!(positions, (1..200).rev().filter(|it| it % 3 == 2).take(40).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_event_at_the_limit_is_taken_and_read_back() {
    let store = Store::new();
    let payload = "x".repeat(limits::EVENT_BYTES - 200);
    store.engine().append(append("x/a", &payload)).await.unwrap();
    assert_eq!(text(&store.all().await[0]), payload);
}

#[tokio::test]
async fn a_read_can_start_at_a_time_or_a_revision() {
    let store = Store::new();
    for (time, stream) in [(10, "x/a"), (10, "x/b"), (20, "x/a"), (30, "x/b")] {
        store.set_clock(time);
        store.engine().append(append(stream, "noted")).await.unwrap();
    }
    let check = async |time, direction, expected: &[u64]| {
        let events = store.read(spec(Start::RecordedFrom(time), direction, None)).await;
        let positions: Vec<_> = events.iter().map(|event| event.position).collect();
        assert_eq!(positions, expected, "{time} {direction:?}");
    };
    for (time, later, earlier) in [
        (0, &[1, 2, 3, 4][..], &[][..]),
        (10, &[1, 2, 3, 4], &[2, 1]),
        (11, &[3, 4], &[2, 1]),
        (20, &[3, 4], &[3, 2, 1]),
        (31, &[], &[4, 3, 2, 1]),
        (Micros::MAX, &[], &[4, 3, 2, 1]),
    ] {
        check(time, Direction::Forwards, later).await;
        check(time, Direction::Backwards, earlier).await;
    }
    let streams = vec![StreamName::parse("x/b").unwrap()];
    let item = FilterItem { streams, ..Default::default() };
    let filter = Filter::new(vec![item]).unwrap();
    let spec = ReadSpec { filter, ..spec(Start::AfterRevision(1), Direction::Forwards, None) };
    assert_eq!(store.read(spec).await[0].position, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_have_the_trace_of_their_call_and_a_repetition_in_another_is_the_same_request() {
    const KEY: &str = "traceparent";
    let store = Store::new();
    let traces = ["1", "2"].map(|digit| {
        let text = format!("00-{}-{}-01", digit.repeat(32), digit.repeat(16));
        text.parse::<TraceParent>().unwrap()
    });
    let [first, second] = traces.each_ref().map(|trace| Some(trace.clone()));
    let own =
        NewEvent { metadata: [(KEY.to_owned(), "mine".to_owned())].into(), ..noted("own", &[]) };
    let full = NewEvent {
        metadata: [("k".to_owned(), "v".repeat(limits::METADATA_BYTES - 1))].into(),
        ..noted("full", &[])
    };
    let writes = vec![write("x/a", vec![noted("plain", &[]), own, full])];
    let request = Append { request_id: Some([7; 16]), writes, condition: None, recorded_by: None };
    let engine = store.engine();
    let append = |trace| trace::within(trace, engine.append(request.clone()));
    assert!(!append(first).await.unwrap().duplicate);
    assert!(append(second).await.unwrap().duplicate);
    assert!(append(None).await.unwrap().duplicate);
    let events = store.all().await;
    let stored: Vec<_> = events.iter().map(|event| event.metadata.get(KEY)).collect();
    let [first, _] = traces.map(|trace| trace.as_str().to_owned());
    assert_eq!(stored, [Some(&first), Some(&"mine".to_owned()), None]);
}
