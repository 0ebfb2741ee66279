//! What is recorded of one group, read back from its stream.

use std::collections::BTreeMap;

use super::recording::type_name;
use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::{Filter, FilterItem},
        group::{Chain, Entry, GroupName, Settings, Work},
        name::TypeName,
        proto::{
            Any, EventParked, GroupCheckpointed, GroupCreated, GroupProgressed, ParkedReplayed,
            RecordedEvent,
        },
        recorded::{decode_events, heads, micros},
        violation::Violations,
    },
    engine::{
        ReadError,
        reader::{Reader, Span},
    },
};

/// What was recorded when a group was created.
#[derive(Clone, Debug)]
pub struct GroupOrigin {
    /// Its name.
    pub name: GroupName,
    /// Where its creation is recorded: only what comes after that concerns it.
    pub created: Position,
    /// When it was created.
    pub created_at: Micros,
    /// Which events it is for.
    pub filter: Filter,
    /// It began after this position.
    pub after_position: Position,
    /// What is recorded before is not for it; absent: that had passed when it was created.
    pub recorded_from: Option<Micros>,
    /// Its settings.
    pub settings: Settings,
}

impl GroupOrigin {
    /// What the event of a group's creation says.
    pub(super) fn read(name: GroupName, event: &RecordedEvent) -> Result<Self, ReadError> {
        let payload = event.payload.as_ref().map(|payload| &*payload.value).unwrap_or_default();
        let created: GroupCreated = decoded(payload)?;
        let mut wrong = Violations::default();
        let filter = Filter::parse(created.filter.unwrap_or_default(), "filter", &mut wrong);
        let settings = Settings::recorded(&created.settings.unwrap_or_default());
        // It was checked before it was recorded.
        let unreadable = |wrong: Violations| ReadError::Undecodable(wrong.to_string().into());
        let filter = wrong.into_result(filter).map_err(unreadable)?;
        Ok(Self {
            name,
            created: event.position,
            created_at: event.recorded_at.as_ref().map_or(0, micros),
            filter,
            after_position: created.after_position,
            recorded_from: created.recorded_from.as_ref().map(micros),
            settings,
        })
    }
}

/// How far a group was when that was recorded last.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) work: Work,
    /// The checkpoints that say so.
    pub(super) chain: Chain,
    /// Parked events, and where it is recorded that they were.
    pub(super) parked: BTreeMap<Position, Position>,
}

impl Saved {
    /// A group of which nothing but its creation is recorded.
    pub(super) fn begun(group: &GroupOrigin) -> Self {
        let work = Work::new(group.settings, group.after_position);
        Self { work, chain: Chain::begun(group.after_position), parked: BTreeMap::new() }
    }

    /// Reads it from the group's stream.
    pub(super) async fn read(reader: &Reader, group: &GroupOrigin) -> Result<Self, ReadError> {
        let head = reader.head().position;
        let chain = chain(reader, group, head).await?;
        let last = chain.last().cloned().unwrap_or_default();
        let unfinished: Vec<_> = last.unfinished.positions().collect();
        let streams = streams_of(reader, &unfinished).await?;
        let work = Work::restored(group.settings, &last, streams);
        Ok(Self { work, chain, parked: parked(reader, group, head).await? })
    }
}

/// The last whole checkpoint, and what has changed since.
async fn chain(reader: &Reader, group: &GroupOrigin, head: Position) -> Result<Chain, ReadError> {
    let mut chain = Chain::begun(group.after_position);
    let mut after = group.created;
    let wholes = of_group(&group.name, vec![type_name::<GroupCheckpointed>()]);
    let span = Span { cursor: head + 1, end: group.created + 1, direction: Direction::Backwards };
    if let Some(encoded) = reader.next(&wholes, span, 1).await? {
        after = encoded.last;
        for event in decode_events(encoded.events).map_err(undecodable)? {
            chain.read(&Entry::Whole(payload(event)?));
        }
    }
    let changes = of_group(&group.name, vec![type_name::<GroupProgressed>()]);
    for event in read_all(reader, &changes, after, head).await? {
        chain.read(&Entry::Changes(payload(event)?));
    }
    Ok(chain)
}

/// The parked events, and where it is recorded that they are.
async fn parked(
    reader: &Reader,
    group: &GroupOrigin,
    head: Position,
) -> Result<BTreeMap<Position, Position>, ReadError> {
    let types = vec![type_name::<EventParked>(), type_name::<ParkedReplayed>()];
    let mut parked = BTreeMap::new();
    for event in read_all(reader, &of_group(&group.name, types), group.created, head).await? {
        let recorded = event.position;
        let type_name_of = event.payload.as_ref().map(Any::type_name).unwrap_or_default();
        if type_name_of == type_name::<EventParked>().as_str() {
            let EventParked { position, .. } = payload(event)?;
            parked.insert(position, recorded);
        } else {
            let ParkedReplayed { positions } = payload(event)?;
            parked.retain(|position, _| positions.binary_search(position).is_err());
        }
    }
    Ok(parked)
}

/// The streams of events; the positions rise.
pub(super) async fn streams_of(
    reader: &Reader,
    positions: &[Position],
) -> Result<Vec<(Position, String)>, ReadError> {
    let mut streams = Vec::new();
    let mut rest = positions;
    while !rest.is_empty() {
        let encoded = reader.events_at(rest.to_vec()).await?;
        let heads = heads(&encoded.events).map_err(undecodable)?;
        rest = rest.get(heads.len()..).unwrap_or_default();
        streams.extend(heads.into_iter().map(|head| (head.position, head.stream)));
    }
    Ok(streams)
}

/// All events that match, after one position and up to another.
async fn read_all(
    reader: &Reader,
    filter: &Filter,
    after: Position,
    up_to: Position,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut span = Span { cursor: after, end: up_to, direction: Direction::Forwards };
    let mut events = Vec::new();
    while let Some(encoded) = reader.next(filter, span, u64::MAX).await? {
        span.cursor = encoded.last;
        events.extend(decode_events(encoded.events).map_err(undecodable)?);
    }
    Ok(events)
}

/// What is recorded of a group by events of these types.
pub(super) fn of_group(name: &GroupName, types: Vec<TypeName>) -> Filter {
    let streams = vec![name.stream()];
    Filter::of_server(vec![FilterItem { streams, types, ..FilterItem::default() }])
}

/// Decodes what the server has written itself.
pub(super) fn payload<M: prost::Message + Default>(event: RecordedEvent) -> Result<M, ReadError> {
    decoded(&event.payload.unwrap_or_default().value)
}

fn decoded<M: prost::Message + Default>(payload: &[u8]) -> Result<M, ReadError> {
    M::decode(payload).map_err(undecodable)
}

#[expect(clippy::needless_pass_by_value, reason = "an error that is mapped")]
pub(super) fn undecodable(error: prost::DecodeError) -> ReadError {
    ReadError::Undecodable(error.to_string().into())
}
