//! The parked events of a group, as a request lists them.

use prost::Message as _;

use super::{
    Groups,
    error::GroupError,
    messages::{Message, send_request},
    saved,
};
use crate::{
    domain::{
        event::{Micros, Position},
        limits,
        proto::{EventParked, RecordedEvent},
        recorded::micros,
    },
    engine::ReadError,
};

/// Bytes of parked events in one answer, after which no more are read.
const ANSWER_BYTES: usize = limits::ANSWER_BYTES;

/// A parked event.
#[derive(Clone, Debug)]
pub struct ParkedEvent {
    /// The event.
    pub event: RecordedEvent,
    /// How often it was tried, why it was parked, and which consumer had it last.
    pub parked: EventParked,
    /// When it was parked.
    pub parked_at: Micros,
}

/// Some of a group's parked events.
#[derive(Clone, Debug)]
pub struct ParkedPage {
    /// By position.
    pub parked: Vec<ParkedEvent>,
    /// There are more after this position.
    pub more_after: Option<Position>,
    /// How many are parked in all.
    pub total: usize,
}

impl Groups {
    /// Parked events after a position, at most so many, or as many as make an answer.
    pub async fn parked(
        &self,
        name: &str,
        after: Position,
        limit: usize,
    ) -> Result<ParkedPage, GroupError> {
        let (messages, _) = self.shared.group(name).await?;
        let question = |reply| Message::Parked { after, limit: limit + 1, reply };
        let (places, total) = send_request(&messages, question).await?;
        let mut page = ParkedPage { parked: Vec::new(), more_after: None, total };
        let mut bytes = 0;
        for (position, recorded) in places {
            if page.parked.len() == limit || bytes >= ANSWER_BYTES {
                page.more_after = page.parked.last().map(|last| last.event.position);
                break;
            }
            let parked = match self.parked_event(position, recorded).await {
                // The page ends before an event that cannot be read.
                Err(_) if !page.parked.is_empty() => {
                    page.more_after = page.parked.last().map(|last| last.event.position);
                    break;
                }
                parked => parked?,
            };
            bytes += parked.event.encoded_len() + parked.parked.encoded_len();
            page.parked.push(parked);
        }
        Ok(page)
    }

    async fn parked_event(
        &self,
        position: Position,
        recorded: Position,
    ) -> Result<ParkedEvent, ReadError> {
        let reader = &self.shared.appender.reader;
        let event = reader.event(position).await?;
        let record = reader.event(recorded).await?;
        let parked_at = record.recorded_at.as_ref().map_or(0, micros);
        Ok(ParkedEvent { event, parked: saved::payload(record)?, parked_at })
    }
}
