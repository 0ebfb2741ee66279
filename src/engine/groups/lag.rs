//! How far groups are, and what is missing: counted when somebody asks.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{
    GroupError, Groups,
    admin::ask,
    recovery::Remembered,
    task::{Group, Message},
};
use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::Filter,
        group::{CATEGORY, GroupName, Settings},
        name::{Category, StreamName},
    },
    engine::{ReadError, reader::Reader},
    log::index,
};

/// Matches that are counted at once.
const COUNTED_AT_ONCE: usize = 65_536;

/// A consumer, as those who look at a group see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// What it calls itself.
    pub name: String,
    /// Since when it takes part.
    pub since: Micros,
    /// Events that it has and has not answered.
    pub unanswered: usize,
    /// So many events more may be delivered to it.
    pub credit: u32,
}

/// What a group's task knows of how far it is.
#[derive(Debug)]
pub(super) struct Counted {
    read: Position,
    listed: usize,
    parking: usize,
    first: Option<Position>,
    finished: Position,
    behind: Vec<(Arc<str>, Position)>,
    resting: usize,
    parked: usize,
    consumers: Vec<ConsumerStatus>,
    stalled: String,
}

/// How far a group is.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// Its name.
    pub name: GroupName,
    /// Which events it is for.
    pub filter: Filter,
    /// It began after this position.
    pub began_after: Position,
    /// The time in the future that it was created for.
    pub recorded_from: Option<Micros>,
    /// When it was created.
    pub created_at: Micros,
    /// Its settings.
    pub settings: Settings,
    /// Everything up to here that it is for is finished.
    pub position: Position,
    /// How many events that it is for are not finished.
    pub lag_events: u64,
    /// For how long the first of them has been recorded; absent: all are finished.
    pub lag: Option<Duration>,
    /// Of the unfinished events, those that have failed and rest.
    pub resting: usize,
    /// Events that are parked.
    pub parked: usize,
    /// Who takes part, by name.
    pub consumers: Vec<ConsumerStatus>,
    /// Why nothing is delivered; empty: nothing is in the way.
    pub stalled: String,
}

impl Group {
    /// What is known here of how far the group is.
    pub(super) fn count(&self) -> Counted {
        let consumers = self.work.consumers().filter_map(|(id, unanswered, credit)| {
            let link = self.consumers.get(&id)?;
            let (name, since) = (link.name.clone(), link.since);
            Some(ConsumerStatus { name, since, unanswered, credit })
        });
        let mut consumers: Vec<_> = consumers.collect();
        consumers.sort_by(|one, other| one.name.cmp(&other.name));
        let behind = self.work.behind().map(|(stream, after)| (Arc::clone(stream), after));
        Counted {
            read: self.work.read(),
            listed: self.work.listed(),
            parking: self.work.parks().len(),
            first: self.work.first_unfinished(),
            finished: self.work.finished_up_to(),
            behind: behind.collect(),
            resting: self.work.resting(self.now()),
            parked: self.parked.len(),
            consumers,
            stalled: self.stalled.clone(),
        }
    }
}

impl Groups {
    /// How far each group is, by name; or only one.
    pub async fn list(
        &self,
        name: Option<&str>,
    ) -> Result<(Vec<GroupStatus>, Position), GroupError> {
        self.shared.recovered().await?;
        let head = self.shared.appender.reader.head().position;
        let groups: Vec<_> = if let Some(name) = name {
            vec![self.shared.group(name).await?]
        } else {
            let groups = self.shared.groups();
            groups.values().map(|it| (it.messages.clone(), Arc::clone(&it.remembered))).collect()
        };
        let mut statuses = Vec::with_capacity(groups.len());
        for (messages, remembered) in groups {
            let (reply, counted) = oneshot::channel();
            // A group that is deleted meanwhile is left out.
            if let Ok(counted) = ask(&messages, Message::Count(reply), counted).await {
                statuses.push(self.status(&remembered, counted, head).await?);
            } else if name.is_some() {
                return Err(self.shared.absent(remembered.name.as_str()));
            }
        }
        if self.shared.appender.reader.stopping().is_cancelled() {
            // Groups that have gone by now would be missing from the list.
            return Err(GroupError::stopping());
        }
        Ok((statuses, head))
    }

    async fn status(
        &self,
        group: &Remembered,
        counted: Counted,
        head: Position,
    ) -> Result<GroupStatus, GroupError> {
        let reader = &self.shared.appender.reader;
        let filter = &group.filter;
        let mut lag = (counted.listed + counted.parking) as u64;
        for (stream, after) in &counted.behind {
            let stream = StreamName::parse(stream).ok();
            let of_stream = stream.and_then(|stream| filter.only_stream(&stream));
            lag += count(reader, of_stream, *after, counted.read).await?;
        }
        let all = count(reader, Some(filter.clone()), counted.read, head).await?;
        let category = Category::parse(CATEGORY).ok();
        let of_groups = category.and_then(|category| filter.only_category(&category));
        lag += all - count(reader, of_groups, counted.read, head).await?;
        let first = match counted.first {
            Some(first) => Some(first),
            None if lag > 0 => next_after(reader, filter, counted.read, head).await?,
            None => None,
        };
        let since = match first {
            Some(first) => Some(self.recorded_at(first).await?),
            None => None,
        };
        let waited = since.map(|since| (self.shared.clock)().saturating_sub(since).max(0));
        Ok(GroupStatus {
            name: group.name.clone(),
            filter: group.filter.clone(),
            began_after: group.after_position,
            recorded_from: group.recorded_from,
            created_at: group.created_at,
            settings: group.settings,
            position: counted.finished,
            lag_events: lag,
            lag: waited.map(|micros| Duration::from_micros(micros.unsigned_abs())),
            resting: counted.resting,
            parked: counted.parked,
            consumers: counted.consumers,
            stalled: counted.stalled,
        })
    }
}

/// How many events match, after one position and up to another.
async fn count(
    reader: &Reader,
    filter: Option<Filter>,
    after: Position,
    up_to: Position,
) -> Result<u64, ReadError> {
    let Some(filter) = filter else { return Ok(0) };
    if filter.is_all() {
        return Ok(up_to.saturating_sub(after));
    }
    let (mut after, mut count) = (after, 0);
    loop {
        let found = matches(reader, &filter, index::Span { after, up_to }, COUNTED_AT_ONCE).await?;
        count += found.len() as u64;
        match found.last() {
            Some(last) if found.len() == COUNTED_AT_ONCE => after = *last,
            _ => return Ok(count),
        }
    }
}

/// The first event that matches and is none about groups.
async fn next_after(
    reader: &Reader,
    filter: &Filter,
    after: Position,
    up_to: Position,
) -> Result<Option<Position>, ReadError> {
    let category = Category::parse(CATEGORY).ok();
    let of_groups = category.and_then(|category| filter.only_category(&category));
    let mut after = after;
    loop {
        let span = index::Span { after, up_to };
        let Some(next) = matches(reader, filter, span, 1).await?.pop() else { return Ok(None) };
        let span = index::Span { after: next - 1, up_to: next };
        let hidden = match &of_groups {
            Some(of_groups) => !matches(reader, of_groups, span, 1).await?.is_empty(),
            None => false,
        };
        if !hidden {
            return Ok(Some(next));
        }
        after = next;
    }
}

async fn matches(
    reader: &Reader,
    filter: &Filter,
    span: index::Span,
    most: usize,
) -> Result<Vec<Position>, ReadError> {
    reader.indexed(span.up_to).await?;
    let filter = filter.clone();
    reader
        .ask(move |log, patience| {
            Ok(log.index().lookup(patience).matches(&filter, span, Direction::Forwards, most)?)
        })
        .await
}
