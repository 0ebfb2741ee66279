//! Finds the groups that the log knows of.
//!
//! What cannot be read of one group must not hide another, whether it is damaged or the disk fails
//! for a while. So a creation that cannot be read is found by its position, which the index knows,
//! and its group's name by any other event of the same stream. Whether a group was deleted, the
//! index finds without a read.

use std::collections::{BTreeMap, HashSet};

use super::{
    recording::type_name,
    saved::{GroupOrigin, of_group, undecodable},
};
use crate::{
    domain::{
        event::{Direction, Position},
        filter::{Filter, FilterItem},
        group::{CATEGORY, GroupName},
        name::{Category, StreamName, TypeName},
        proto::{GroupCreated, GroupDeleted, RecordedEvent},
        recorded::decode_events,
    },
    engine::{ReadError, reader::Reader},
    log::index::Span,
};

/// Positions that are looked up at once.
const POSITIONS_AT_ONCE: usize = 65_536;
/// Events that are read at once.
const EVENTS_AT_ONCE: usize = 1_024;
/// Events that cannot be read and are passed over in the search for one name. Where there are more,
/// the rest of the stream is gone as well.
const MOST_UNREADABLE: usize = 100;

/// The groups that were created and not deleted.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) groups: BTreeMap<GroupName, Creation>,
    pub(super) nameless: Vec<Nameless>,
}

/// The last creation of a group.
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) position: Position,
    /// What it says, if it can be read.
    pub(super) origin: Result<GroupOrigin, ReadError>,
}

/// A group of which nothing can be read: neither its creation nor anything else.
#[derive(Clone, Debug)]
pub(super) struct Nameless {
    pub(super) created: Position,
    pub(super) failure: ReadError,
}

/// Finds the groups. It fails only where the log as a whole does not answer: the index, or every
/// creation, and not because of damage.
pub(super) async fn find(reader: &Reader) -> Result<Found, ReadError> {
    let head = reader.head().position;
    let mut found = Found::default();
    let mut lost = Vec::new();
    let created = positions(reader, &of_groups(vec![type_name::<GroupCreated>()]), head).await?;
    for (position, event) in events(reader, &created).await? {
        match event {
            Ok(event) => found.add(position, &event),
            Err(failure) => lost.push(Nameless { created: position, failure }),
        }
    }
    if found.groups.is_empty()
        && let Some(passing) = lost.iter().find(|lost| !lost.failure.is_damage())
    {
        return Err(passing.failure.clone());
    }
    for Nameless { created, failure } in lost {
        match found.name_of(reader, created, head).await? {
            Some(name) => found.insert(name, created, Err(failure)),
            None => found.nameless.push(Nameless { created, failure }),
        }
    }
    found.leave_out_deleted(reader).await?;
    Ok(found)
}

impl Found {
    fn add(&mut self, position: Position, event: &RecordedEvent) {
        let name = event.stream.split_once('/').and_then(|(_, name)| GroupName::parse(name).ok());
        let Some(name) = name else { return };
        let origin = GroupOrigin::read(name.clone(), event);
        self.insert(name, position, origin);
    }

    /// The last creation of a name is the one that counts.
    fn insert(
        &mut self,
        name: GroupName,
        position: Position,
        origin: Result<GroupOrigin, ReadError>,
    ) {
        if self.groups.get(&name).is_none_or(|known| known.position < position) {
            self.groups.insert(name, Creation { position, origin });
        }
    }

    async fn leave_out_deleted(&mut self, reader: &Reader) -> Result<(), ReadError> {
        let mut deleted = Vec::new();
        for (name, creation) in &self.groups {
            if deletion(reader, name, creation.position).await?.is_some() {
                deleted.push(name.clone());
            }
        }
        for name in &deleted {
            self.groups.remove(name);
        }
        Ok(())
    }

    /// The name of the group that was created at a position.
    async fn name_of(
        &self,
        reader: &Reader,
        created: Position,
        head: Position,
    ) -> Result<Option<GroupName>, ReadError> {
        let mut others = Vec::new();
        for name in self.groups.keys() {
            if is_of(reader, name, created).await? {
                return Ok(Some(name.clone()));
            }
            others.push(name.stream());
        }
        search(reader, others, created, head).await
    }
}

/// Whether the event at a position is of this group.
pub(super) async fn is_of(
    reader: &Reader,
    name: &GroupName,
    position: Position,
) -> Result<bool, ReadError> {
    let span = Span { after: position - 1, up_to: position };
    let found = reader.matches(&of_group(name, Vec::new()), span, Direction::Forwards, 1).await?;
    Ok(!found.is_empty())
}

/// The deletion of the group of which something was recorded at a position.
pub(super) async fn deletion(
    reader: &Reader,
    name: &GroupName,
    recorded: Position,
) -> Result<Option<Position>, ReadError> {
    let filter = of_group(name, vec![type_name::<GroupDeleted>()]);
    let span = Span { after: recorded, up_to: reader.head().position };
    Ok(reader.matches(&filter, span, Direction::Forwards, 1).await?.first().copied())
}

/// Looks for the name in events of groups behind the creation, from the newest on: any one of the
/// same stream tells it. `others` are streams that are known not to have it.
async fn search(
    reader: &Reader,
    mut others: Vec<StreamName>,
    created: Position,
    head: Position,
) -> Result<Option<GroupName>, ReadError> {
    let (mut up_to, mut unreadable) = (head, 0);
    while unreadable < MOST_UNREADABLE {
        let Some((position, event)) = next_of_none(reader, &others, created, up_to).await? else {
            return Ok(None);
        };
        up_to = position - 1;
        match event {
            Ok(RecordedEvent { stream, .. }) => {
                let name = stream.split_once('/').and_then(|(_, it)| GroupName::parse(it).ok());
                let Some(name) = name else { continue };
                if is_of(reader, &name, created).await? {
                    return Ok(Some(name));
                }
                others.push(name.stream());
            }
            Err(_) => unreadable += 1,
        }
    }
    Ok(None)
}

/// The last event about groups up to a position, and after another, that is in none of these
/// streams.
async fn next_of_none(
    reader: &Reader,
    others: &[StreamName],
    after: Position,
    mut up_to: Position,
) -> Result<Option<(Position, Result<RecordedEvent, ReadError>)>, ReadError> {
    let all = of_groups(Vec::new());
    loop {
        let (span, most) = (Span { after, up_to }, POSITIONS_AT_ONCE);
        let some = reader.matches(&all, span, Direction::Backwards, most).await?;
        let Some(last) = some.last() else { return Ok(None) };
        let mut known = HashSet::new();
        if !others.is_empty() {
            let (span, item) = (Span { after: last - 1, up_to }, of_streams(others));
            known.extend(reader.matches(&item, span, Direction::Backwards, most).await?);
        }
        if let Some(position) = some.iter().find(|position| !known.contains(position)) {
            return Ok(events(reader, &[*position]).await?.pop());
        }
        up_to = last - 1;
    }
}

/// All positions up to one at which something matches.
async fn positions(
    reader: &Reader,
    filter: &Filter,
    up_to: Position,
) -> Result<Vec<Position>, ReadError> {
    let mut found: Vec<Position> = Vec::new();
    loop {
        let span = Span { after: found.last().copied().unwrap_or(0), up_to };
        let more = reader.matches(filter, span, Direction::Forwards, POSITIONS_AT_ONCE).await?;
        found.extend(&more);
        if more.len() < POSITIONS_AT_ONCE {
            return Ok(found);
        }
    }
}

/// The events at these positions, which rise; each that cannot be read with its own failure. It
/// fails only when the engine stops.
async fn events(
    reader: &Reader,
    positions: &[Position],
) -> Result<Vec<(Position, Result<RecordedEvent, ReadError>)>, ReadError> {
    let mut events = Vec::new();
    let (mut rest, mut at_once) = (positions, EVENTS_AT_ONCE);
    while let Some(first) = rest.first() {
        let some: Vec<_> = rest.iter().take(at_once).copied().collect();
        let read = reader.events_at(some).await;
        let read = read.and_then(|encoded| decode_events(encoded.events).map_err(undecodable));
        let taken = match read {
            Ok(read) => {
                let count = read.len();
                events.extend(read.into_iter().map(|event| (event.position, Ok(event))));
                count
            }
            Err(ReadError::Stopping) => return Err(ReadError::Stopping),
            Err(_) if at_once > 1 => {
                // One of several: which it is shows when each is read alone.
                at_once = 1;
                continue;
            }
            Err(failure) => {
                events.push((*first, Err(failure)));
                1
            }
        };
        at_once = EVENTS_AT_ONCE;
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(events)
}

fn of_streams(streams: &[StreamName]) -> Filter {
    Filter::of_server(vec![FilterItem { streams: streams.to_vec(), ..FilterItem::default() }])
}

/// What is recorded of groups by events of these types; none: by all.
fn of_groups(types: Vec<TypeName>) -> Filter {
    let categories = Category::parse(CATEGORY).into_iter().collect();
    Filter::of_server(vec![FilterItem { categories, types, ..FilterItem::default() }])
}
