//! Lists in pieces, kept for their pages; and that no query waits for more than a piece.

use std::task::Poll;

use super::*;
use crate::{
    domain::known::examples,
    projections::{
        Projection as _,
        counts::CountQuery,
        register::Register,
        story::{ExchangeQuery, ListWalk, Listed},
        walk::Walk,
    },
};

async fn report(store: &Store, id: &str) -> Position {
    let mut reported = examples::exchange();
    reported.exchange_id = id.into();
    reported.part_of = String::new();
    let append = known(&format!("exchange/{id}"), &[reported.into()]);
    let position = store.engine().append(append).await.unwrap().last_position;
    store.engine().record().reached(position).await.unwrap();
    position
}

async fn list(store: &Store, at: Position) -> Arc<Listed> {
    let key = ListKey { question: 1, at };
    let walk = ListWalk::new(ExchangeQuery::default(), at);
    store.engine().record().for_list().await.unwrap().list(key, walk).await.unwrap()
}

#[tokio::test]
async fn a_list_is_worked_out_once_and_again_as_it_was_if_it_was_dropped() {
    let store = Store::new();
    report(&store, "one").await;
    let at = report(&store, "two").await;
    let first = list(&store, at).await;
    let later = report(&store, "three").await;
    assert!(Arc::ptr_eq(&first, &list(&store, at).await));
    store.engine().record().0.kept.clear();
    let again = list(&store, at).await;
    assert!(!Arc::ptr_eq(&first, &again));
    assert_eq!(first.exchanges, again.exchanges);
    assert_eq!((first.exchanges.len(), list(&store, later).await.exchanges.len()), (2, 3));
}

#[tokio::test]
async fn a_projection_that_is_built_anew_keeps_no_list_of_the_old_one() {
    let store = Store::new();
    let at = report(&store, "one").await;
    let first = list(&store, at).await;
    let record = store.engine().record();
    assert_eq!(record.rebuild("claims"), Some(true));
    let mut rebuild = record.0.rebuild.subscribe();
    rebuild.wait_for(|rebuild| rebuild.position.is_none()).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &list(&store, at).await));
}

/// Goes on until the register has come to a position.
struct Until(Position, tokio::sync::mpsc::Sender<()>);

impl Walk for Until {
    type Answer = ();

    fn go_on(&mut self, register: &Register) -> bool {
        // The receiver may be gone.
        let _ = self.1.try_send(());
        register.position() >= self.0
    }

    fn answer(self) {}
}

#[tokio::test]
async fn between_two_pieces_events_are_applied_and_others_answered() {
    let store = Store::new();
    let at = report(&store, "one").await;
    let (piece, mut pieces) = tokio::sync::mpsc::channel(1);
    let record = store.engine().record();
    let walks: Vec<_> = (0..5)
        .map(|_| {
            let (record, walk) = (record.clone(), Until(at + 1, piece.clone()));
            tokio::spawn(async move { record.work_out(walk).await })
        })
        .collect();
    pieces.recv().await.unwrap();
    let bound = Duration::from_mins(1);
    let answer = async {
        record.query(Register::position).await.unwrap();
        record.get(CountQuery::default(), AsOf::Now).await.unwrap();
        report(&store, "two").await;
        for walk in walks {
            walk.await.unwrap().unwrap();
        }
    };
    tokio::time::timeout(bound, answer).await.expect("a piece held up the others");
}

#[tokio::test]
async fn a_question_without_a_waiting_caller_ends_with_its_piece() {
    let store = Store::new();
    let at = report(&store, "one").await;
    let (piece, mut pieces) = tokio::sync::mpsc::channel(1);
    let record = store.engine().record();
    let caller = record.clone();
    let walk = tokio::spawn(async move { caller.work_out(Until(at + 1, piece)).await });
    pieces.recv().await.unwrap();
    walk.abort();
    // Its end of the channel goes with it.
    let ended = async { while pieces.recv().await.is_some() {} };
    tokio::time::timeout(Duration::from_mins(1), ended).await.expect("it goes on for nobody");
    record.query(Register::position).await.unwrap();
}

#[tokio::test]
async fn a_few_lists_are_under_way_and_what_is_about_one_thing_does_not_wait_for_them() {
    let store = Store::new();
    let record = store.engine().record();
    let mut lists = Vec::new();
    let next = loop {
        let mut next = Box::pin(record.for_list());
        match futures_util::poll!(&mut next) {
            Poll::Ready(list) => lists.push(list.unwrap()),
            Poll::Pending => break next,
        }
        assert!(lists.len() < 100, "each may hold megabytes");
    };
    assert!(futures_util::poll!(Box::pin(record.for_one())).is_ready());
    lists.pop();
    next.await.unwrap();
}
