//! Looks up what became of a claim: whether it was retracted, and how it reads now.
//!
//! The index finds the events that are tagged with the claim. Some of them are about another event
//! about it, so each is read and says itself what it is about.

use crate::{
    domain::{
        claim::Retractions,
        event::{Direction, Position},
        filter::{Filter, FilterItem},
        known::Known,
        name::{Tag, TypeName},
        proto::{ClaimCorrected, ClaimRetracted, RecordedEvent},
        recorded::decode_events,
    },
    engine::{
        ReadError,
        reader::{Reader, Span},
    },
};

/// What became of a claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    /// The event that retracted it.
    pub(super) retracted: Option<Position>,
    /// The event of its latest correction; `None`: it reads as it was recorded.
    pub(super) corrected: Option<Position>,
    /// How it reads by that.
    pub(super) latest: Option<Known>,
}

impl History {
    /// Reads the history of the claim at a position, up to the head.
    pub(super) async fn of(claim: Position, reader: &Reader) -> Result<Self, ReadError> {
        let mut retractions = Retractions::default();
        let mut withdrawn = Backwards::new::<ClaimRetracted>(claim, reader);
        while let Some(events) = withdrawn.next().await? {
            for (position, event) in &events {
                retractions.note(*position, event);
            }
        }
        let mut corrections = Backwards::new::<ClaimCorrected>(claim, reader);
        let mut latest = None;
        while latest.is_none()
            && let Some(events) = corrections.next().await?
        {
            let reading = |(at, event): &(Position, Known)| {
                Some((*at, retractions.reading(claim, *at, event)?))
            };
            latest = events.iter().find_map(reading);
        }
        let (corrected, latest) = latest.unzip();
        Ok(Self { retracted: retractions.of(claim), corrected, latest })
    }
}

/// Events of one type that are tagged with a claim, the last first, page by page.
struct Backwards<'r> {
    reader: &'r Reader,
    filter: Filter,
    span: Span,
}

impl<'r> Backwards<'r> {
    fn new<M: prost::Name>(claim: Position, reader: &'r Reader) -> Self {
        let filter = Filter::of_server(vec![tagged::<M>(claim)]);
        let cursor = reader.head().position + 1;
        let span = Span { cursor, end: claim + 1, direction: Direction::Backwards };
        Self { reader, filter, span }
    }

    async fn next(&mut self) -> Result<Option<Vec<(Position, Known)>>, ReadError> {
        let Some(encoded) = self.reader.next(&self.filter, self.span, u64::MAX).await? else {
            return Ok(None);
        };
        self.span.cursor = encoded.last;
        let events = decode_events(encoded.events)
            .map_err(|error| ReadError::Undecodable(error.to_string().into()))?;
        Ok(Some(events.into_iter().filter_map(known).collect()))
    }
}

fn known(event: RecordedEvent) -> Option<(Position, Known)> {
    let payload = event.payload?;
    let known = Known::read(payload.type_name(), &payload.value)?.ok()?;
    Some((event.position, known))
}

/// Events that change what a later event about the claim may say. Those about an event about the
/// claim are among them: one lookup too many is harmless.
pub(super) fn changes_of(claim: Position) -> FilterItem {
    let mut changes = tagged::<ClaimCorrected>(claim);
    changes.types.extend(tagged::<ClaimRetracted>(claim).types);
    changes
}

/// Events of type `M` that are tagged with the claim.
fn tagged<M: prost::Name>(claim: Position) -> FilterItem {
    FilterItem {
        types: TypeName::parse(&M::full_name()).into_iter().collect(),
        tags: Tag::parse(&format!("claim:{claim}")).into_iter().collect(),
        ..FilterItem::default()
    }
}
