//! The restores of a store as clients get them.

use futures_util::{Stream, StreamExt as _};
use tonic::Status;

use crate::{
    domain::{history::Branch, proto},
    engine::Engine,
};

/// The restores that led to the present history.
pub(super) fn of(engine: &Engine) -> proto::StoreHistory {
    let history = engine.history();
    let branch = |branch: &Branch| proto::HistoryBranch {
        id: branch.id.to_string(),
        after: branch.after,
        store: engine.store_name_in(Some(branch.id)),
    };
    proto::StoreHistory {
        id: history.id().map(|id| id.to_string()).unwrap_or_default(),
        branched_after: history.newest().map(|branch| branch.after),
        branches: history.branches().iter().map(branch).collect(),
    }
}

/// The answers of a call, the first with the name of the store: what comes after it counts on.
pub(super) fn named<T>(
    answers: impl Stream<Item = Result<T, Status>>,
    name: String,
    set: fn(&mut T, String),
) -> impl Stream<Item = Result<T, Status>> {
    let mut name = Some(name);
    answers.map(move |answer| {
        let mut answer = answer?;
        if let Some(name) = name.take() {
            set(&mut answer, name);
        }
        Ok(answer)
    })
}
