//! Building a projection anew, and preferences that have to fit it.

use super::*;
use crate::{
    domain::{known::examples, proto},
    log::waiting::LONG,
    projections::{
        Projection as _,
        claims::test_record::preferred,
        counts::{CountAnswer, CountQuery},
        register::Register,
    },
};

fn transfer(number: u32, approximate: bool) -> Known {
    let mut transfer = examples::completed();
    transfer.of_which = None;
    let leg = transfer.leg.as_mut().unwrap();
    (leg.from, leg.to) = (vec!["RU".into()], vec!["UA".into()]);
    transfer.count = Some(proto::Count { value: Some(number), approximate, ..Default::default() });
    transfer.into()
}

fn stream() -> String {
    format!("exchange/{}", transfer(1, false).exchange_id().unwrap())
}

async fn record(store: &Store, event: Known) -> Result<Appended, AppendError> {
    store.engine().append(known(&stream(), &[event])).await
}

async fn figures(store: &Store) -> CountAnswer {
    let record = store.engine().record();
    record.reached(store.engine().head().position).await.unwrap();
    record.get(CountQuery::default(), AsOf::Now).await.unwrap()
}

async fn rebuilt(record: &RecordReader) {
    let mut rebuild = record.0.rebuild.subscribe();
    rebuild.wait_for(|rebuild| rebuild.position.is_none()).await.unwrap();
}

#[tokio::test]
async fn a_projection_that_is_built_anew_answers_as_before_and_meanwhile() {
    let store = Store::new();
    for number in [189, 150, 9] {
        record(&store, transfer(number, false)).await.unwrap();
    }
    let before = figures(&store).await;
    let record_reader = store.engine().record();
    let applying = record_reader.0.applying.lock().await;
    assert_eq!(record_reader.rebuild("claims"), Some(true));
    assert_eq!(record_reader.rebuild("claims"), Some(false), "one is under way");
    assert_eq!(record_reader.rebuild("figures"), None);
    assert_eq!(figures(&store).await, before);
    assert_eq!(record_reader.projections()[0].state, ProjectionState::Rebuilding);
    drop(applying);
    rebuilt(&record_reader).await;
    let status = record_reader.projections().remove(0);
    assert_eq!((status.state, status.failure.as_str()), (ProjectionState::Live, ""));
    assert_eq!(figures(&store).await, before);
    record(&store, transfer(200, false)).await.unwrap();
    assert_ne!(figures(&store).await.rows, before.rows, "it follows the log");
}

/// A verification replays the events up to the head, and the projection may not be there yet.
#[tokio::test]
async fn figures_are_compared_once_the_projection_has_come_as_far_as_what_it_is_compared_with() {
    let store = Store::new();
    record(&store, transfer(189, false)).await.unwrap();
    figures(&store).await;
    let shared = store.engine().record().0;
    let ahead = std::mem::take(&mut *shared.hold());
    shared.progress.send_modify(|progress| progress.position = 0);
    let mut compared = std::pin::pin!(shared.difference(ahead));
    assert!(futures_util::poll!(compared.as_mut()).is_pending());
    // The projection goes on from where it says that it is.
    record(&store, transfer(150, false)).await.unwrap();
    let compared = tokio::time::timeout(LONG, compared).await.expect("in time");
    assert_eq!(compared.unwrap(), None);
    // One that has stopped is not waited for.
    let stopped = ReadError::Undecodable("on purpose".into());
    let ahead = std::mem::take(&mut *shared.hold());
    shared.progress.send_modify(|progress| {
        (progress.position, progress.failed) = (0, Some(stopped.clone()));
    });
    let compared = tokio::time::timeout(LONG, shared.difference(ahead)).await.expect("in time");
    assert!(compared.unwrap().expect("it has stopped").contains("on purpose"));
}

#[tokio::test]
async fn a_projection_that_went_wrong_is_right_once_it_was_built_anew() {
    let store = Store::new();
    record(&store, transfer(189, false)).await.unwrap();
    let right = figures(&store).await;
    let reader = store.engine().record();
    *reader.0.hold() = Register::default();
    assert_ne!(figures(&store).await, right);
    assert_eq!(reader.rebuild("claims"), Some(true));
    rebuilt(&reader).await;
    assert_eq!(figures(&store).await, right);
}

#[tokio::test]
async fn a_preference_for_a_number_that_its_figure_cannot_have_is_refused_and_leaves_nothing() {
    let store = Store::new();
    for (number, approximate) in [(189, false), (150, false), (300, true)] {
        record(&store, transfer(number, approximate)).await.unwrap();
    }
    let prefer = |claim, receiver: &str| {
        let mut event = preferred(claim, receiver);
        event.attribution = examples::preferred().attribution;
        Known::from(event)
    };
    for (claim, country) in [(3, ""), (3, "UA"), (1, "SE")] {
        match record(&store, prefer(claim, country)).await {
            Err(AppendError::Rule(broken)) => assert_eq!(broken.rule, "preferred-in-range"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.engine().head().position, 3);
    for country in ["", "UA"] {
        record(&store, prefer(1, country)).await.unwrap();
    }
    let rows = figures(&store).await.rows;
    let received = rows.into_iter().find(|row| row.country == "UA").unwrap().received.unwrap();
    assert_eq!((received.low, received.preferred), (Some(150), Some(189)));
}

#[tokio::test]
async fn a_repeated_preference_waits_for_the_register_to_know_whether_it_is_in_force() {
    let store = Store::new();
    record(&store, transfer(189, false)).await.unwrap();
    record(&store, transfer(150, false)).await.unwrap();
    let prefer = |claim, id| {
        let mut event = preferred(claim, "");
        event.attribution = examples::preferred().attribution;
        Append { request_id: Some([id; 16]), ..known(&stream(), &[event.into()]) }
    };
    let (first, later) = (prefer(1, 1), prefer(2, 2));
    store.engine().append(first.clone()).await.unwrap();
    store.engine().append(later.clone()).await.unwrap();
    let progress = store.engine().record().0.progress.clone();
    store.engine().record().reached(4).await.unwrap();
    let stopped = ReadError::Projection { name: Register::NAME, reason: "spoilt".into() };
    progress.send_modify(|progress| progress.failed = Some(stopped));
    for request in [&first, &later] {
        match store.engine().append(request.clone()).await {
            Err(AppendError::Read(ReadError::Projection { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    progress.send_modify(|progress| progress.failed = None);
    let again = store.engine().append(first).await.unwrap();
    let undone = Undone { position: 3, by: 4, how: Undoing::Replaced };
    assert_eq!((again.duplicate, again.undone), (true, vec![undone]));
    let again = store.engine().append(later).await.unwrap();
    assert_eq!((again.first_position, again.duplicate, again.undone), (4, true, vec![]));
}
