//! Finds the groups that the log knows of, and how far each of them is.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    GroupError, Running, Shared,
    recording::type_name,
    task::{self, Saved},
};
use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::{Filter, FilterItem},
        group::{CATEGORY, GroupName, Settings},
        name::{Category, TypeName},
        proto::{
            EventParked, GroupCheckpointed, GroupCreated, GroupDeleted, ParkedReplayed,
            RecordedEvent,
        },
        recorded::{decode_run, micros},
        violation::Violations,
    },
    engine::{
        ReadError,
        reader::{Reader, Span},
    },
};

/// What was recorded when a group was created.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) name: GroupName,
    /// Where its creation is recorded: only what comes after that concerns it.
    pub(super) created: Position,
    pub(super) created_at: Micros,
    pub(super) filter: Filter,
    pub(super) after_position: Position,
    /// What is recorded before is not for it; absent: that had passed when it was created.
    pub(super) recorded_from: Option<Micros>,
    pub(super) settings: Settings,
}

/// Finds all groups and begins their tasks.
pub(super) async fn recover(shared: Arc<Shared>) {
    let found = find(&shared).await;
    if let Err(error) = &found {
        tracing::error!(%error, "the consumer groups could not be read from the log");
    }
    shared.recovered.send_replace(Some(found));
}

async fn find(shared: &Arc<Shared>) -> Result<(), GroupError> {
    let reader = &shared.appender.reader;
    let head = reader.head().position;
    let item = of_category(vec![type_name::<GroupCreated>(), type_name::<GroupDeleted>()]);
    let mut live = BTreeMap::new();
    for event in read_all(reader, item, 0, head).await? {
        let payload = event.payload.clone().unwrap_or_default();
        let Some(name) = event.stream.split_once('/').and_then(|(_, it)| GroupName::parse(it).ok())
        else {
            continue;
        };
        if payload.type_name() == type_name::<GroupDeleted>().as_str() {
            live.remove(&name);
        } else {
            live.insert(name.clone(), remembered(name, &event, &payload.value)?);
        }
    }
    for remembered in live.into_values() {
        let saved = saved(reader, &remembered, head).await?;
        begin(shared, Arc::new(remembered), saved);
    }
    Ok(())
}

/// Begins the task of a group.
pub(super) fn begin(shared: &Shared, remembered: Arc<Remembered>, saved: Saved) {
    let name = remembered.name.clone();
    let (messages, task) =
        task::begin(shared.appender.clone(), Arc::clone(&shared.clock), &remembered, saved);
    shared.groups().insert(name, Running { remembered, messages, task });
}

/// What the event of a group's creation says.
pub(super) fn remembered(
    name: GroupName,
    event: &RecordedEvent,
    payload: &[u8],
) -> Result<Remembered, GroupError> {
    let created: GroupCreated = decoded(payload)?;
    let mut wrong = Violations::default();
    let filter = Filter::parse(created.filter.unwrap_or_default(), "filter", &mut wrong);
    let settings = Settings::recorded(&created.settings.unwrap_or_default());
    // It was checked before it was recorded.
    let unreadable = |wrong: Violations| ReadError::Undecodable(wrong.to_string().into());
    let filter = wrong.into_result(filter).map_err(unreadable)?;
    Ok(Remembered {
        name,
        created: event.position,
        created_at: event.recorded_at.as_ref().map_or(0, micros),
        filter,
        after_position: created.after_position,
        recorded_from: created.recorded_from.as_ref().map(micros),
        settings,
    })
}

/// How far a group was when that was last recorded.
async fn saved(reader: &Reader, group: &Remembered, head: Position) -> Result<Saved, GroupError> {
    let of_group = |types| FilterItem { streams: vec![group.name.stream()], ..of_types(types) };
    let checkpoints = Filter::of_server(vec![of_group(vec![type_name::<GroupCheckpointed>()])]);
    let span = Span { cursor: head + 1, end: group.created + 1, direction: Direction::Backwards };
    let last = reader.next(&checkpoints, span, 1).await?;
    let checkpoint = match last.map(|run| decode_run(run.events)) {
        Some(events) => events.map_err(undecodable)?.pop(),
        None => None,
    };
    let checkpoint = match checkpoint.and_then(|event| event.payload) {
        Some(payload) => decoded(&payload.value)?,
        None => {
            GroupCheckpointed { position: group.after_position, ..GroupCheckpointed::default() }
        }
    };
    let item = of_group(vec![type_name::<EventParked>(), type_name::<ParkedReplayed>()]);
    let mut parked = BTreeMap::new();
    for event in read_all(reader, item, group.created, head).await? {
        let payload = event.payload.unwrap_or_default();
        if payload.type_name() == type_name::<EventParked>().as_str() {
            let EventParked { position, .. } = decoded(&payload.value)?;
            parked.insert(position, event.position);
        } else {
            let ParkedReplayed { positions } = decoded(&payload.value)?;
            parked.retain(|position, _| positions.binary_search(position).is_err());
        }
    }
    Ok(Saved { checkpoint, parked })
}

/// All events that match, after one position and up to another.
async fn read_all(
    reader: &Reader,
    item: FilterItem,
    after: Position,
    up_to: Position,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let filter = Filter::of_server(vec![item]);
    let mut span = Span { cursor: after, end: up_to, direction: Direction::Forwards };
    let mut events = Vec::new();
    while let Some(run) = reader.next(&filter, span, u64::MAX).await? {
        span.cursor = run.last;
        events.extend(decode_run(run.events).map_err(undecodable)?);
    }
    Ok(events)
}

fn of_category(types: Vec<TypeName>) -> FilterItem {
    FilterItem { categories: Category::parse(CATEGORY).into_iter().collect(), ..of_types(types) }
}

fn of_types(types: Vec<TypeName>) -> FilterItem {
    FilterItem { types, ..FilterItem::default() }
}

/// Decodes what the server has written itself.
pub(super) fn decoded<M: prost::Message + Default>(payload: &[u8]) -> Result<M, ReadError> {
    M::decode(payload).map_err(undecodable)
}

#[expect(clippy::needless_pass_by_value, reason = "an error that is mapped")]
pub(super) fn undecodable(error: prost::DecodeError) -> ReadError {
    ReadError::Undecodable(error.to_string().into())
}
