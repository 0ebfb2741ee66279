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

/// Entries for which the texts are read at once. A page may end early, so not all are read before.
const READ_AT_ONCE: usize = 50;

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

/// Entries as messages, as many as make an answer; at least one, if there is any.
pub(crate) async fn told<T: InLog, M: Message>(
    engine: &Engine,
    mut budget: Budget,
    entries: &[T],
    tell: impl Fn(&Texts, &T) -> M,
) -> Result<Vec<M>, RpcError> {
    let mut told: Vec<M> = Vec::new();
    for entries in entries.chunks(READ_AT_ONCE) {
        let texts = Texts::read(engine, entries.iter().flat_map(InLog::events)).await?;
        for entry in entries {
            let message = tell(&texts, entry);
            if !budget.takes(&message) {
                return Ok(told);
            }
            told.push(message);
        }
    }
    Ok(told)
}

/// How some claims read and what became of each; all are shown at that position.
pub(crate) fn claims(register: &Register, at: Position, claims: &[Position]) -> Vec<ClaimStatus> {
    let view = register.at(at);
    let told =
        |claim: &Position| Some(ClaimStatus::of(&view, claim_history::shown(&view, *claim)?.0));
    claims.iter().filter_map(told).collect()
}
