//! How far groups are, and what is missing: counted on request.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Groups,
    counted::Counted,
    error::GroupError,
    messages::{Message, send_request},
    recovery,
    registry::{GroupStanding, Ready},
    saved::GroupOrigin,
    status::{GroupPlace, GroupProgress, GroupState, GroupStatus},
};
use crate::{
    domain::{
        event::{Direction, Position},
        filter::Filter,
        group::{CATEGORY, GroupName},
        name::{Category, StreamName},
    },
    engine::{ReadError, reader::Reader},
    log::index,
};

/// Matches that are counted at once.
const COUNTED_AT_ONCE: usize = 65_536;

impl Groups {
    /// How far each group is, in the order of their places; or only one. One that is not restored
    /// within a moment is listed without.
    pub async fn list(
        &self,
        name: Option<&str>,
    ) -> Result<(Vec<GroupStatus>, Position), GroupError> {
        let mut listed = Vec::new();
        let Some(name) = name else {
            let first = GroupPlace::default();
            let all = self.list_after(&first, |_, status| {
                listed.push(status);
                true
            });
            let head = all.await?;
            return Ok((listed, head));
        };
        let head = self.head().await?;
        let (group, standing) = self.shared.named(name).await?;
        let until = Instant::now() + recovery::MOMENT;
        let status = self.status(&group, standing, until, head).await?;
        listed.push(status.ok_or_else(|| self.shared.absent(group.as_str()))?);
        self.complete((listed, head))
    }

    /// Tells how far the groups behind a place are, one after the other, until one is not taken.
    /// Answers with the head of the log that their lags are counted to.
    pub async fn list_after(
        &self,
        after: &GroupPlace,
        mut take: impl FnMut(GroupPlace, GroupStatus) -> bool,
    ) -> Result<Position, GroupError> {
        let head = self.head().await?;
        for nameless in self.shared.all_nameless() {
            let place = GroupPlace { name: String::new(), created: nameless.created };
            if place > *after && !take(place, GroupStatus::nameless(&nameless)) {
                return self.complete(head);
            }
        }
        let until = Instant::now() + recovery::MOMENT;
        for (group, standing) in self.shared.all() {
            let place = GroupPlace { name: group.to_string(), created: 0 };
            if place <= *after {
                continue;
            }
            let status = self.status(&group, standing, until, head).await?;
            // A group that is deleted meanwhile is left out.
            if status.is_some_and(|status| !take(place, status)) {
                break;
            }
        }
        self.complete(head)
    }

    /// The head of the log, once the groups are known.
    async fn head(&self) -> Result<Position, GroupError> {
        self.shared.known().await?;
        Ok(self.shared.appender.reader.head().position)
    }

    /// The answer, unless the engine stops: groups that have gone by now would be missing from it.
    fn complete<T>(&self, answer: T) -> Result<T, GroupError> {
        if self.shared.appender.reader.stopping().is_cancelled() {
            return Err(GroupError::stopping());
        }
        Ok(answer)
    }

    /// A group as it is listed; absent: it has gone. What it is by then is listed, whether it got
    /// further meanwhile or not.
    async fn status(
        &self,
        name: &GroupName,
        mut standing: watch::Receiver<GroupStanding>,
        until: Instant,
        head: Position,
    ) -> Result<Option<GroupStatus>, GroupError> {
        let _ = timeout_at(until, standing.wait_for(GroupStanding::is_known)).await;
        let standing = standing.borrow().clone();
        self.standing(name, standing, head).await
    }

    /// A group as it is listed; absent: it has gone.
    async fn standing(
        &self,
        name: &GroupName,
        standing: GroupStanding,
        head: Position,
    ) -> Result<Option<GroupStatus>, GroupError> {
        let Ready { origin, messages } = match standing {
            GroupStanding::Ready(ready) => ready,
            GroupStanding::Restoring(restoring) => {
                return Ok(Some(GroupStatus::restoring(name.to_string(), restoring)));
            }
        };
        let Ok(mut counted) = send_request(&messages, Message::Count).await else {
            return Ok(None);
        };
        let stalled = std::mem::take(&mut counted.stalled);
        let progress = Some(self.progress(&origin, counted, head).await?);
        let (name, state) = (name.to_string(), GroupState::Ready);
        Ok(Some(GroupStatus { name, state, origin: Some(origin), progress, stalled }))
    }

    async fn progress(
        &self,
        group: &GroupOrigin,
        counted: Counted,
        head: Position,
    ) -> Result<GroupProgress, GroupError> {
        let reader = &self.shared.appender.reader;
        let filter = &group.filter;
        let mut lag = counted.unfinished as u64;
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
        Ok(GroupProgress {
            position: counted.finished,
            lag_events: lag,
            lag: waited.map(|micros| Duration::from_micros(micros.unsigned_abs())),
            resting: counted.resting,
            parked: counted.parked,
            consumers: counted.consumers,
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
        let span = index::Span { after, up_to };
        let found = forwards(reader, &filter, span, COUNTED_AT_ONCE).await?;
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
        let Some(next) = forwards(reader, filter, span, 1).await?.pop() else { return Ok(None) };
        let span = index::Span { after: next - 1, up_to: next };
        let hidden = match &of_groups {
            Some(of_groups) => !forwards(reader, of_groups, span, 1).await?.is_empty(),
            None => false,
        };
        if !hidden {
            return Ok(Some(next));
        }
        after = next;
    }
}

async fn forwards(
    reader: &Reader,
    filter: &Filter,
    span: index::Span,
    most: usize,
) -> Result<Vec<Position>, ReadError> {
    reader.matches(filter, span, Direction::Forwards, most).await
}
