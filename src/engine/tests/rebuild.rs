//! The index was deleted, or a part of it is damaged: what goes on, what waits, and what is
//! reported.

use futures_util::poll;

use super::{gate::Gate, *};
use crate::{
    domain::{filter::FilterItem, known::examples},
    log::index::{Blocking, IndexError},
    projections::counts::{CountAnswer, CountQuery},
};

fn tagged(tag: &str) -> Filter {
    let tags = vec![Tag::parse(tag).unwrap()];
    Filter::new(vec![FilterItem { tags, ..FilterItem::default() }]).unwrap()
}

async fn figures(store: &Store) -> CountAnswer {
    let counts = store.engine().record();
    counts.reached(store.engine().head().position).await.unwrap();
    counts.get(CountQuery::default(), AsOf::Now).await.unwrap()
}

/// A store with a few sealed volumes and a claim.
async fn filled(files: &Gate) -> Store {
    let store = Store::on(Arc::new(files.clone()));
    let transfer = Known::from(examples::completed());
    let stream = format!("exchange/{}", transfer.exchange_id().unwrap());
    store.engine().append(known(&stream, &[transfer])).await.unwrap();
    for number in 0..30 {
        let padding = "x".repeat(1_000);
        let tag = format!("third:{}", number % 3);
        let event = |n: usize| noted(&format!("{number}/{n} {padding}"), &[tag.as_str()]);
        let writes = vec![write("x/a", (0..100).map(event).collect())];
        let id = u128::try_from(number).unwrap().to_be_bytes();
        let request = Append { request_id: Some(id), writes, condition: None, recorded_by: None };
        store.engine().append(request).await.unwrap();
    }
    store.engine().reader.indexed(3_001).await.unwrap();
    store
}

/// Waits until a volume is sealed, so that there is something to rebuild.
async fn wait_for_runs(store: &Store) {
    let mut moved = store.engine().reader.watch_index();
    let manifest = store.data.join("MANIFEST");
    let sealed = || std::fs::read_to_string(&manifest).unwrap().matches("directory").count();
    for number in 0.. {
        if sealed() >= 2 {
            return;
        }
        moved.mark_unchanged();
        store.engine().append(append("x/b", &number.to_string())).await.unwrap();
        moved.changed().await.unwrap();
    }
}

#[tokio::test]
async fn with_a_deleted_index_reads_by_position_go_on_and_the_rest_waits_and_learns_how_far_it_is()
{
    let (files, _waiting) = Gate::new();
    let mut store = filled(&files).await;
    wait_for_runs(&store).await;
    let (before, shown) = (store.all().await, figures(&store).await);
    store.close().await;
    std::fs::remove_dir_all(store.data.join("index")).unwrap();
    std::fs::remove_dir_all(store.data.join("projections")).unwrap();
    files.hold_runs(true);
    store.open(Arc::new(files.clone()));
    let engine = Arc::clone(store.engine());

    assert_eq!(store.all().await, before, "reads without a filter");
    let backwards = spec(Start::Unset, Direction::Backwards, Some(3));
    assert_eq!(store.read(backwards).await.len(), 3);
    let mut follower = engine.subscribe(Filter::all(), Start::Unset).await.unwrap();
    let mut seen = 0;
    let mark = loop {
        match follower.next().await.unwrap() {
            SubscriptionItem::Events(encoded) => seen = encoded.last,
            SubscriptionItem::CaughtUp(mark) => break mark,
            other @ (SubscriptionItem::Checkpoint(_)
            | SubscriptionItem::FellBehind(_)
            | SubscriptionItem::Heartbeat) => {
                panic!("{other:?}")
            }
        }
    };
    assert_eq!((seen, mark.position), (before.len() as u64, before.len() as u64));

    let filtered =
        ReadSpec { filter: tagged("third:1"), ..spec(Start::Unset, Direction::Forwards, None) };
    let mut scan = engine.read(filtered.clone()).await.unwrap();
    let mut waiting = Box::pin(scan.next());
    let mut appending = Box::pin(engine.append(append("x/a", "late")));
    let since = Start::RecordedFrom(0);
    let mut dated = Box::pin(engine.read(spec(since, Direction::Forwards, None)));
    assert!(poll!(&mut waiting).is_pending() && poll!(&mut appending).is_pending());
    assert!(poll!(&mut dated).is_pending());
    // Only the timers' clock is moved.
    tokio::time::pause();
    let reported = |error: ReadError| {
        let ReadError::Indexing { position, indexed } = error else { panic!("{error}") };
        (position, indexed)
    };
    let all = before.len() as u64;
    assert_eq!(reported(waiting.await.unwrap_err()), (all, 0));
    assert_eq!(reported(dated.await.unwrap_err()), (all, 0));
    let Err(AppendError::Read(error)) = appending.await else { panic!("it was appended") };
    assert_eq!(reported(error), (all, 0));
    tokio::time::resume();

    files.hold_runs(false);
    engine.append(append("x/a", "later")).await.unwrap();
    let third = store.read(filtered).await;
    let expected = before.iter().filter(|event| event.tags == ["third:1"]).count();
    assert_eq!(third.len(), expected);
    let mut repeated = append("x/a", "other content");
    repeated.request_id = Some(7_u128.to_be_bytes());
    let error = engine.append(repeated).await.unwrap_err();
    assert!(matches!(error, AppendError::RequestIdReused { .. }), "ids are remembered: {error}");
    assert_eq!(figures(&store).await.rows, shown.rows, "the projection has waited");
}

#[tokio::test]
async fn a_damaged_part_of_the_index_is_reported_as_passing_and_is_whole_again_later() {
    let (files, _waiting) = Gate::new();
    let store = filled(&files).await;
    wait_for_runs(&store).await;
    let engine = store.engine();
    files.hold_runs(true);
    for encoded in RealFiles.list(&store.data.join("index")).unwrap() {
        let file = RealFiles.open(&encoded, false).unwrap();
        let length = usize::try_from(file.len().unwrap()).unwrap();
        file.write_all_at(&vec![0x5A; length - 4_096], 4_096).unwrap();
    }
    let filtered =
        || ReadSpec { filter: tagged("third:2"), ..spec(Start::Unset, Direction::Forwards, None) };
    let error = engine.read(filtered()).await.unwrap().next().await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    assert!(error.to_string().contains("being rebuilt"), "{error}");
    let all = store.all().await;
    assert_eq!(all.len() as u64, engine.head().position, "reads without a filter go on");
    let mut moved = engine.reader.watch_index();
    files.hold_runs(false);
    let found = loop {
        moved.mark_unchanged();
        let mut scan = engine.read(filtered()).await.unwrap();
        match scan.next().await {
            Ok(encoded) => break encoded,
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
        moved.changed().await.unwrap();
    };
    assert!(found.is_some());
    let expected = all.iter().filter(|event| event.tags == ["third:2"]).count();
    assert_eq!(store.read(filtered()).await.len(), expected);
}

#[tokio::test]
async fn a_request_id_is_remembered_when_its_volume_is_sealed_and_after_a_restart() {
    let (files, _waiting) = Gate::new();
    let mut store = filled(&files).await;
    wait_for_runs(&store).await;
    for _ in 0..2 {
        let padding = "x".repeat(1_000);
        let event = |n: usize| noted(&format!("4/{n} {padding}"), &["third:1"]);
        let writes = vec![write("x/a", (0..100).map(event).collect())];
        let id = Some(4_u128.to_be_bytes());
        let repeat = Append { request_id: id, writes, condition: None, recorded_by: None };
        let appended = store.engine().append(repeat).await.unwrap();
        assert!(appended.duplicate);
        assert_eq!((appended.first_position, appended.last_position), (402, 501));
        assert_eq!(appended.revisions["x/a"], 500);
        store.reopen().await;
    }
}

#[tokio::test]
async fn a_question_leaves_the_task_only_if_its_answer_is_not_in_memory() {
    let store = Store::new();
    let reader = &store.engine().reader;
    let here = std::thread::current().id();
    let known = reader.look_up(move |_, _| Ok(std::thread::current().id())).await.unwrap();
    assert_eq!(known, here);
    let on_disk = reader.look_up(move |_, blocking| match blocking {
        Blocking::Never => Err(IndexError::WouldBlock.into()),
        Blocking::Allowed => Ok(std::thread::current().id()),
    });
    assert_ne!(on_disk.await.unwrap(), here);
}
