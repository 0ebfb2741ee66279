//! Groups with records that cannot be read, for a while or for good, beside readable ones.

use std::time::Duration;

use super::{gate::Gate, *};
use crate::domain::{
    group::{GroupName, Settings},
    name::Category,
    proto::{GroupCheckpointed, GroupCreated, GroupProgressed},
};

/// A bound on what takes a moment.
const SOON: Duration = Duration::from_secs(20);

fn new(name: &str) -> NewGroup {
    let name = GroupName::parse(name).unwrap();
    NewGroup { name, filter: Filter::all(), start: Start::Unset, settings: Settings::default() }
}

async fn create(store: &Store, name: &str) {
    store.engine().groups().create(new(name), GroupRequest::default()).await.unwrap();
}

async fn join(store: &Store, group: &str) -> Result<Consumer, GroupError> {
    Consumer::join(store.engine().groups(), group, "one").await
}

/// Names and states of the groups.
async fn states(store: &Store) -> Vec<(String, GroupState)> {
    let (groups, _) = store.engine().groups().list(None).await.unwrap();
    groups.into_iter().map(|group| (group.name, group.state)).collect()
}

/// The same, as soon as the groups are found.
async fn found(store: &Store) -> Vec<(String, GroupState)> {
    let finding = async {
        while let Err(error) = store.engine().groups().list(None).await {
            assert!(matches!(error, GroupError::Unknown { .. }), "{error}");
            tokio::task::yield_now().await;
        }
        states(store).await
    };
    tokio::time::timeout(SOON, finding).await.expect("they are found")
}

/// Records a payload that no program can decode, as the server's own event of a group.
async fn record_garbage<M: prost::Name>(store: &Store, group: &str) {
    record::<M>(store, group, "\u{7}garbage").await;
}

/// Records a payload as the server's own event of a group.
async fn record<M: prost::Name>(store: &Store, group: &str, payload: &str) {
    let event = NewEvent {
        type_url: M::type_url(),
        type_name: TypeName::parse(&M::full_name()).unwrap(),
        ..noted(payload, &[])
    };
    let stream = GroupName::parse(group).unwrap().stream();
    let write = Write { stream, expected_revision: None, events: vec![event] };
    let append =
        Append { request_id: None, writes: vec![write], condition: None, recorded_by: None };
    store.engine().appender.append_own(append, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_come_back_once_the_disk_can_be_read_again() {
    let mut store = Store::new();
    create(&store, "desk").await;
    let appended = store.engine().append(append("x/a", "one")).await.unwrap();
    store.close().await;
    let (gate, _waiting) = Gate::new();
    gate.set_unreadable(true);
    store.open(Arc::new(gate.clone()));
    for _ in 0..2 {
        // Callers get the reason at once, and not a longer wait each time.
        let error = tokio::time::timeout(SOON, join(&store, "desk")).await.unwrap().unwrap_err();
        let GroupError::Unknown { reason: Some(ReadError::Log(_)) } = error else {
            panic!("{error}");
        };
    }
    gate.set_unreadable(false);
    assert_eq!(found(&store).await, [of("desk", GroupState::Ready)]);
    let mut consumer = join(&store, "desk").await.unwrap();
    consumer.say(Said { credit: 1, ..Said::default() }).await.unwrap();
    let events = decode_events(consumer.next().await.unwrap().events).unwrap();
    assert_eq!(events[0].position, appended.first_position);
}

/// A store with an event and two groups for it, opened again while reads that would show these
/// words fail.
async fn with_unreadable(words: &'static str) -> (Store, Gate) {
    let mut store = Store::new();
    let categories = vec![Category::parse("x").unwrap()];
    let filter = Filter::new(vec![FilterItem { categories, ..FilterItem::default() }]).unwrap();
    for name in ["good", "torn"] {
        let group = NewGroup { filter: filter.clone(), ..new(name) };
        store.engine().groups().create(group, GroupRequest::default()).await.unwrap();
    }
    store.engine().append(append("x/a", "one")).await.unwrap();
    record::<GroupCheckpointed>(&store, "torn", "").await;
    store.close().await;
    let (gate, _waiting) = Gate::new();
    gate.set_unreadable_words(Some(words));
    store.open(Arc::new(gate.clone()));
    (store, gate)
}

fn of(name: &str, state: GroupState) -> (String, GroupState) {
    (name.to_owned(), state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fails_for_a_while_holds_up_only_the_group_whose_records_it_hits() {
    // Of one nothing can be read, not even its name; of the other only how far it was.
    for (words, name) in [("group/torn", ""), ("GroupCheckpointed", "torn")] {
        let (store, gate) = with_unreadable(words).await;
        let mut expected = [of("good", GroupState::Ready), of(name, GroupState::Restoring)];
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(found(&store).await, expected);
        let error = join(&store, "torn").await.unwrap_err();
        let GroupError::NotRestored { reason: Some(ReadError::Log(_)), .. } = error else {
            panic!("{error}");
        };
        let mut consumer = join(&store, "good").await.expect("it works");
        consumer.say(Said { credit: 1, ..Said::default() }).await.unwrap();
        let events = decode_events(consumer.next().await.unwrap().events).unwrap();
        assert_eq!(events[0].stream, "x/a");
        gate.set_unreadable_words(None);
        let back = async {
            while states(&store).await != ["good", "torn"].map(|name| of(name, GroupState::Ready)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, back).await.expect("it is restored by itself");
        join(&store, "torn").await.expect("it works again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_restored_is_tried_again_after_longer_and_longer_rests() {
    let begun = std::time::Instant::now();
    let (_store, gate) = with_unreadable("GroupCheckpointed").await;
    let tried_often = async {
        while gate.refused() < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, tried_often).await.expect("it is tried again");
    // Rests of 100, 200 and 400 ms lie between four tries.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(700), "four tries in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_what_cannot_be_read() {
    let mut store = Store::new();
    create(&store, "desk").await;
    record_garbage::<GroupCheckpointed>(&store, "desk").await;
    let troubles: [fn(&Gate, bool); 3] = [Gate::set_unreadable, Gate::set_spoilt, |_, _| ()];
    for set in troubles {
        store.close().await;
        let (gate, _waiting) = Gate::new();
        set(&gate, true);
        store.open(Arc::new(gate.clone()));
        // It rests after a failure when it is stopped.
        let _ = store.engine().groups().list(None).await;
        let _ = tokio::time::timeout(SOON, store.try_close()).await.expect("it stops");
        store.open(Arc::new(RealFiles));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_read_is_listed_with_its_state_and_takes_no_other_down() {
    let mut store = Store::new();
    for name in ["good", "spoilt", "torn"] {
        create(&store, name).await;
    }
    record_garbage::<GroupCreated>(&store, "lost").await;
    record_garbage::<GroupCheckpointed>(&store, "spoilt").await;
    record_garbage::<GroupProgressed>(&store, "torn").await;
    store.reopen().await;
    let groups = store.engine().groups();
    let (listed, _) = groups.list(None).await.unwrap();
    let reported: Vec<_> = listed.iter().map(|group| (group.name.as_str(), group.state)).collect();
    let damaged = GroupState::Damaged;
    let ready = ("good", GroupState::Ready);
    assert_eq!(reported, [ready, ("lost", damaged), ("spoilt", damaged), ("torn", damaged)]);
    for group in &listed[1..] {
        assert!(group.stalled.contains("cannot be decoded"), "{}", group.stalled);
        assert!(group.progress.is_none(), "how far it is is not known");
        assert_eq!(group.origin.is_some(), group.name != "lost");
        let name = group.name.as_str();
        let errors = [
            join(&store, name).await.err(),
            groups.parked(name, 0, 10).await.err(),
            groups.replay(name, Vec::new(), GroupRequest::default()).await.err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(GroupError::Damaged { .. })), "{error:?}");
        }
        let again = groups.create(new(name), GroupRequest::default()).await;
        assert!(matches!(again, Err(GroupError::AlreadyExists { .. })), "{again:?}");
    }
    join(&store, "good").await.expect("it works");
    create(&store, "another").await;
    groups.delete("good", GroupRequest::default()).await.unwrap();
    for name in ["lost", "spoilt", "torn"] {
        groups.delete(name, GroupRequest::default()).await.unwrap();
        let gone = join(&store, name).await;
        assert!(matches!(gone, Err(GroupError::NotFound { .. })), "{gone:?}");
    }
    create(&store, "lost").await;
    store.reopen().await;
    let names = ["another", "lost"].map(|name| of(name, GroupState::Ready));
    assert_eq!(states(&store).await, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_name_cannot_be_read_answers_to_it_and_comes_back_by_itself() {
    let mut store = Store::new();
    create(&store, "desk").await;
    create(&store, "other").await;
    store.close().await;
    let (gate, _waiting) = Gate::new();
    gate.set_spoilt(true);
    store.open(Arc::new(gate.clone()));
    let nameless = of("", GroupState::Damaged);
    assert_eq!(states(&store).await, [nameless.clone(), nameless.clone()]);
    let groups = store.engine().groups();
    let error = join(&store, "desk").await.unwrap_err();
    assert!(matches!(error, GroupError::Damaged { .. }), "{error}");
    let (listed, _) = groups.list(Some("desk")).await.unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].state), ("desk", GroupState::Damaged));
    let again = groups.create(new("desk"), GroupRequest::default()).await;
    assert!(matches!(again, Err(GroupError::AlreadyExists { .. })), "{again:?}");
    let absent = join(&store, "desk-2").await;
    assert!(matches!(absent, Err(GroupError::NotFound { .. })), "{absent:?}");
    groups.delete("other", GroupRequest::default()).await.unwrap();
    assert_eq!(states(&store).await, [nameless]);
    gate.set_spoilt(false);
    let back = async {
        while states(&store).await != [of("desk", GroupState::Ready)] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, back).await.expect("its name is read");
    join(&store, "desk").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_index_is_rebuilt_callers_are_answered_and_then_the_groups_are_there() {
    let store = Store::new();
    create(&store, "desk").await;
    let engine = store.engine();
    // A desk for which the index stays behind for as long as this test wants.
    let (rebuilt, indexed) = watch::channel(0);
    let (head, stopping) = (engine.head.clone(), engine.stopping.clone());
    let reader = Reader::new(Arc::clone(&engine.log), head, indexed, stopping);
    let groups =
        Groups::start(Appender { reader, ..engine.appender.clone() }, Arc::new(|| 1_000_000));
    let answered = tokio::time::timeout(bounds::REACH_TIMEOUT / 2, groups.list(None)).await;
    let error = answered.expect("the reason is told before the index is there").unwrap_err();
    let GroupError::Unknown { reason: Some(ReadError::Indexing { position, indexed: 0 }) } = error
    else {
        panic!("{error}");
    };
    rebuilt.send_replace(position);
    let back = async {
        loop {
            match groups.list(None).await {
                Ok((groups, _)) => return groups,
                Err(error) => assert!(matches!(error, GroupError::Unknown { .. }), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let listed = tokio::time::timeout(SOON, back).await.expect("they are found");
    assert_eq!(listed[0].state, GroupState::Ready);
}
