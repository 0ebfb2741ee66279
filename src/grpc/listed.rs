//! Pages of lists: the entries that were found, with their texts from the log.

use prost::Message;

use crate::{
    domain::event::Position,
    engine::Engine,
    grpc::{budget::Budget, claimed::Texts, status::RpcError},
    projections::{
        claim_history,
        claim_history::About,
        claim_status::{ClaimStatus, PreferenceInForce},
        lists::SourceFound,
        register::Register,
    },
};

/// Entries whose texts are read with one call, if they fit an answer: a whole page.
const WANTED: usize = 1_000;

/// An entry that has texts in the log.
pub(crate) trait InLog {
    /// The events that hold them.
    fn events(&self) -> impl Iterator<Item = Position>;
}

impl InLog for ClaimStatus {
    fn events(&self) -> impl Iterator<Item = Position> {
        [self.claim, self.read_from].into_iter()
    }
}

impl InLog for About {
    fn events(&self) -> impl Iterator<Item = Position> {
        std::iter::once(self.event)
    }
}

impl InLog for SourceFound {
    fn events(&self) -> impl Iterator<Item = Position> {
        self.registration.into_iter()
    }
}

impl InLog for PreferenceInForce {
    fn events(&self) -> impl Iterator<Item = Position> {
        self.positions().into_iter()
    }
}

/// Goes through entries with the texts that they show, until `take` does not take one; answers how
/// many it took. A read of the log has the texts of as many as may fit an answer.
pub(crate) async fn each<T, P: IntoIterator<Item = Position>>(
    engine: &Engine,
    entries: &[T],
    events: impl Fn(&T) -> P,
    mut take: impl FnMut(&Texts, &T) -> Option<()>,
) -> Result<usize, RpcError> {
    let mut taken = 0;
    while taken < entries.len() {
        let wanted = entries.iter().skip(taken).take(WANTED);
        let events: Vec<Vec<Position>> =
            wanted.clone().map(|entry| events(entry).into_iter().collect()).collect();
        let (texts, read) = Texts::of_entries(engine, &events).await?;
        for entry in wanted.take(read) {
            if take(&texts, entry).is_none() {
                return Ok(taken);
            }
            taken += 1;
        }
    }
    Ok(taken)
}

/// Entries as messages, as many as make an answer; at least one, if there is any.
pub(crate) async fn messages<T: InLog, M: Message>(
    engine: &Engine,
    mut budget: Budget,
    entries: &[T],
    convert: impl Fn(&Texts, &T) -> M,
) -> Result<Vec<M>, RpcError> {
    let mut messages = Vec::new();
    let take = |texts: &Texts, entry: &T| budget.put(&mut messages, convert(texts, entry));
    each(engine, entries, |entry| entry.events().collect::<Vec<_>>(), take).await?;
    Ok(messages)
}

/// Claims as messages, as many as make an answer; all are shown at that position.
pub(crate) async fn claims<M: Message>(
    engine: &Engine,
    at: Position,
    claims: Vec<Position>,
    convert: impl Fn(&Texts, &ClaimStatus) -> M,
) -> Result<Vec<M>, RpcError> {
    let found = engine.record().query(move |register| shown(register, at, &claims)).await?;
    messages(engine, Budget::default(), &found, convert).await
}

/// How some claims read and what became of each.
fn shown(register: &Register, at: Position, claims: &[Position]) -> Vec<ClaimStatus> {
    let view = register.at(at);
    let status =
        |claim: &Position| Some(ClaimStatus::of(&view, claim_history::shown(&view, *claim)?.0));
    claims.iter().filter_map(status).collect()
}
