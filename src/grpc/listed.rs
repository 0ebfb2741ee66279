//! Pages of lists: the entries that were found, told with their texts from the log.

use prost::Message;

use crate::{
    domain::{event::Position, limits},
    engine::Engine,
    grpc::{claimed::Texts, page::Page, status::Fault},
    projections::{claims::View, fate, fate::About, lists::SourceFound, told::Told},
};

/// Entries whose texts are read at once. A page may end early, so not all are read before.
const READ_AT_ONCE: usize = 50;

/// An entry that has texts in the log.
pub(crate) trait InLog {
    /// The events that hold them.
    fn events(&self) -> impl Iterator<Item = Position>;
}

impl InLog for Told {
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

/// A page of a list that was worked out at one position, without its texts.
#[derive(Clone, Debug)]
pub(crate) struct Cut<T> {
    pub(crate) page: Page,
    /// The position that the list is true for.
    pub(crate) at: Position,
    pub(crate) entries: Vec<T>,
    /// The token of the page after it; empty: this is the last.
    pub(crate) next: String,
}

impl<T> Cut<T> {
    /// The page out of all entries.
    pub(crate) fn new(page: Page, at: Position, all: Vec<T>) -> Self {
        let (entries, next) = page.cut(all, at);
        Self { page, at, entries, next }
    }
}

impl Cut<Told> {
    /// The page out of all claims of a list, with what became of each.
    pub(crate) fn of_claims(page: Page, view: &View<'_>, claims: Vec<Position>) -> Self {
        let (claims, next) = page.cut(claims, view.at());
        let told = |claim| Some(Told::of(view, fate::shown(view, claim)?.0));
        let entries = claims.into_iter().filter_map(told).collect();
        Self { page, at: view.at(), entries, next }
    }
}

impl<T: InLog> Cut<T> {
    /// The entries as messages, and the token of the next page. What would make the answer too
    /// large for a client is left to the next page.
    pub(crate) async fn told<M: Message>(
        self,
        engine: &Engine,
        tell: impl Fn(&Texts, &T) -> M,
    ) -> Result<(Vec<M>, String), Fault> {
        let mut told: Vec<M> = Vec::new();
        let mut bytes = 0;
        for entries in self.entries.chunks(READ_AT_ONCE) {
            let texts = Texts::read(engine, entries.iter().flat_map(InLog::events)).await?;
            for entry in entries {
                let message = tell(&texts, entry);
                bytes += message.encoded_len();
                if bytes > limits::ANSWER_BYTES && !told.is_empty() {
                    let next = self.page.token(told.len(), self.at);
                    return Ok((told, next));
                }
                told.push(message);
            }
        }
        Ok((told, self.next))
    }
}
