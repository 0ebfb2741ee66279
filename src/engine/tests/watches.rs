//! A watch of an exchange: bursts, slow watchers, a projection that is built anew, and a stop; and
//! watches that resume.

use super::*;
use crate::{
    domain::{known::examples, proto},
    projections::{
        counts::CountQuery,
        story::{Story, StoryQuery, story},
    },
};

fn query() -> StoryQuery {
    let exchange_id = examples::leg().exchange_id;
    StoryQuery { exchange_id, include_past: false }
}

async fn record(store: &Store, number: u32) -> Position {
    let mut transfer = examples::completed();
    (transfer.of_which, transfer.count) = (None, Some(examples::count(number)));
    store.engine().append(known("exchange/demo-1", &[transfer.into()])).await.unwrap().last_position
}

async fn retract(store: &Store, claim: Position) -> Position {
    let retracted = proto::ClaimRetracted { claim, ..examples::retracted() };
    let append = known("exchange/demo-1", &[retracted.into()]);
    store.engine().append(append).await.unwrap().last_position
}

/// The answer as of a position.
async fn answer(store: &Store, position: Position) -> Option<Story> {
    let record = store.engine().record();
    record.reached(position).await.unwrap();
    record.query(move |register| story(register, &query(), position)).await.unwrap()
}

#[tokio::test]
async fn a_slow_reader_gets_a_burst_as_one_change_that_leads_to_the_answer() {
    let store = Store::new();
    let (first, position, mut watch) =
        store.engine().record().watch_exchange(query()).await.unwrap();
    assert_eq!((first, position), (None, 0), "nothing is recorded of it yet");
    let mut causes = vec![record(&store, 13).await];
    store.engine().append(append("x/a", "of no effect")).await.unwrap();
    for number in 14..20 {
        causes.push(record(&store, number).await);
    }
    causes.push(retract(&store, causes[2]).await);
    let head = store.engine().head().position;
    store.engine().record().reached(head).await.unwrap();
    let Changed { change, position, .. } = watch.next().await.unwrap();
    assert_eq!((&change.caused_by, position), (&causes, head));
    assert_eq!(change.story, answer(&store, position).await);
}

#[tokio::test]
async fn a_watch_goes_on_over_a_projection_that_is_built_anew() {
    let mut store = Store::new();
    record(&store, 13).await;
    let reader = store.engine().record();
    reader.reached(1).await.unwrap();
    let (first, position, mut watch) = reader.watch_exchange(query()).await.unwrap();
    assert_eq!((first, position), (answer(&store, 1).await, 1));
    assert_eq!(reader.rebuild("claims"), Some(true));
    let mut rebuild = reader.0.rebuild.subscribe();
    rebuild.wait_for(|rebuild| rebuild.position.is_none()).await.unwrap();
    let cause = record(&store, 15).await;
    let Changed { change, position, .. } = watch.next().await.unwrap();
    assert_eq!((change.caused_by, position), (vec![cause], cause), "the rebuild is no change");
    assert_eq!(change.story, answer(&store, cause).await);
    store.close().await;
    assert!(matches!(watch.next().await, Err(ReadError::Stopping)));
}

#[tokio::test]
async fn a_watch_that_resumes_gets_all_that_changed_since_and_learns_when_a_position_is_complete() {
    let mut store = Store::new();
    let reported = record(&store, 13).await;
    let causes = [record(&store, 14).await, record(&store, 15).await];
    store.reopen().await;
    let reader = store.engine().record();
    let mut watch = reader.watch_after(CountQuery::default(), reported).unwrap();
    let before = reader.get(CountQuery::default(), AsOf::Position(reported)).await.unwrap();
    reader.reached(causes[1]).await.unwrap();
    let mut rows = before.rows;
    loop {
        let Changed { change, position, more } = watch.next().await.unwrap();
        assert_eq!((change.caused_by.as_slice(), position), (&causes[..], causes[1]));
        let place = rows.iter().position(|row| Some(row) == change.before.as_ref());
        rows[place.expect("it was told so")] = change.after.unwrap();
        if !more {
            break;
        }
    }
    let now = reader.get(CountQuery::default(), AsOf::Now).await.unwrap();
    assert!(now.rows.len() > 1, "or nothing could be incomplete");
    assert_eq!(rows, now.rows);

    let mut exchange = reader.watch_after(query(), reported).unwrap();
    let Changed { change, position, more } = exchange.next().await.unwrap();
    assert_eq!((change.caused_by.as_slice(), position, more), (&causes[..], causes[1], false));
    assert_eq!(change.story, answer(&store, causes[1]).await);

    let beyond = reader.watch_after(query(), causes[1] + 1);
    assert!(matches!(beyond.unwrap_err(), ReadError::BeyondHead(_)));
}
