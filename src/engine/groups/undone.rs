//! Finds what took the effect of a request about a group away, for the answer to its repetition.
//!
//! The index finds creations and deletions without a read, so an event that is damaged hides none.

use tokio::sync::mpsc;

use super::{
    Groups,
    error::GroupError,
    finding,
    messages::{Message, send_request},
    recording::type_name,
    saved::{self, of_group},
};
use crate::{
    domain::{
        event::{Direction, Position},
        group::GroupName,
        proto::{GroupCreated, ParkedReplayed},
    },
    engine::{Appended, Undoing, Undone},
    log::index::Span,
};

impl Groups {
    /// The deletion of the group for which something was recorded at a position.
    pub(super) async fn deleted(
        &self,
        name: &GroupName,
        position: Position,
    ) -> Result<Option<Undone>, GroupError> {
        let by = finding::deletion(&self.shared.appender.reader, name, position).await?;
        Ok(by.map(|by| Undone { position, by, how: Undoing::Deleted }))
    }

    /// The creation of the group that is there, if it came after the deletion at a position.
    pub(super) async fn created_again(
        &self,
        name: &GroupName,
        position: Position,
    ) -> Result<Option<Undone>, GroupError> {
        let reader = &self.shared.appender.reader;
        let creations = of_group(name, vec![type_name::<GroupCreated>()]);
        let span = Span { after: position, up_to: reader.head().position };
        let last = reader.matches(&creations, span, Direction::Backwards, 1).await?;
        let Some(&by) = last.first() else { return Ok(None) };
        let is_there = finding::deletion(reader, name, by).await?.is_none();
        Ok(is_there.then_some(Undone { position, by, how: Undoing::Created }))
    }

    /// The first answer to a replay, with what undid it. The group need not be there any more.
    pub(super) async fn replayed_before(
        &self,
        name: &str,
        earlier: Appended,
    ) -> Result<(Option<Appended>, usize), GroupError> {
        let replay = earlier.first_position;
        let event = self.shared.appender.reader.event(replay).await?;
        let ParkedReplayed { positions } = saved::payload(event)?;
        let parsed = GroupName::parse(name).map_err(|_| self.shared.absent(name))?;
        let mut undone = self.deleted(&parsed, replay).await?;
        if undone.is_none() {
            let (messages, _) = self.shared.group(name).await?;
            undone = parked_again(&messages, &positions, replay).await?;
        }
        let undone = Vec::from_iter(undone);
        Ok((Some(Appended { undone, ..earlier }), positions.len()))
    }
}

/// The parking of an event that was put back by what is recorded at `replay` and is parked now.
async fn parked_again(
    messages: &mpsc::Sender<Message>,
    positions: &[Position],
    replay: Position,
) -> Result<Option<Undone>, GroupError> {
    let question = |reply| Message::Parked { after: 0, limit: usize::MAX, reply };
    let (parked, _) = send_request(messages, question).await?;
    let again = parked.into_iter().filter(|(event, _)| positions.binary_search(event).is_ok());
    let first = again.map(|(_, by)| by).filter(|by| *by > replay).min();
    Ok(first.map(|by| Undone { position: replay, by, how: Undoing::Parked }))
}
