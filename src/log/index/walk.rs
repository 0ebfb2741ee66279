//! Merging walks over the lists of a filter's terms.
//!
//! Every question to a list skips to an answer, so an intersection passes over what the rarer list
//! does not have: its cost follows the matches, not the log.

use std::ops::RangeInclusive;

use super::{
    error::{Blocking, IndexError},
    key::{Key, Keys, Term},
};
use crate::domain::{
    event::{Direction, Position},
    filter::{Filter, FilterItem},
};

/// Questions to lists that a walk may ask in a task that must not block: about a millisecond's.
const QUESTIONS: u32 = 16_384;

/// Rising positions of the events that carry a term.
pub(super) trait List {
    /// Forwards the lowest position from `from` upwards, backwards the highest from `from`
    /// downwards.
    fn seek(
        &mut self,
        from: Position,
        direction: Direction,
    ) -> Result<Option<Position>, IndexError>;
}

impl Direction {
    /// Whether `a` comes before `b` on this way.
    fn before(self, a: Position, b: Position) -> bool {
        match self {
            Self::Forwards => a < b,
            Self::Backwards => a > b,
        }
    }

    /// The place after `position` on this way; `None` at the end of numbers.
    fn step(self, position: Position) -> Option<Position> {
        match self {
            Self::Forwards => position.checked_add(1),
            Self::Backwards => position.checked_sub(1),
        }
    }
}

/// A filter with items, in keys: a position matches if, for one of the items, it is in one of the
/// lists of each group.
#[derive(Debug)]
pub(super) struct Wanted(Vec<Vec<Vec<Key>>>);

impl Wanted {
    /// The keys of the filter's terms.
    pub(super) fn new(filter: &Filter, keys: &Keys) -> Self {
        let item = |item: &FilterItem| {
            let groups = groups(item).into_iter();
            groups.map(|group| group.into_iter().map(|term| keys.of(term)).collect()).collect()
        };
        Self(filter.sought().iter().map(item).collect())
    }

    /// Keys of which every match has one: of each item its smallest group, and the last of those,
    /// since tags come last and a tag is rarer than a type as a rule.
    pub(super) fn waking_keys(&self) -> impl Iterator<Item = &Key> {
        let groups =
            self.0.iter().filter_map(|groups| groups.iter().rev().min_by_key(|it| it.len()));
        groups.flatten()
    }

    /// Whether an event with these keys matches.
    pub(super) fn is_met_by(&self, keys: &[Key]) -> bool {
        let met = |group: &Vec<Key>| group.iter().any(|key| keys.contains(key));
        self.0.iter().any(|groups| groups.iter().all(met))
    }
}

/// Any of the streams, any of the categories, any of the types, and each of the tags.
fn groups(item: &FilterItem) -> Vec<Vec<Term<'_>>> {
    let streams = item.streams.iter().map(|name| Term::Stream(name.as_str().as_bytes()));
    let categories = item.categories.iter().map(|name| Term::Category(name.as_str().as_bytes()));
    let types = item.types.iter().map(|name| Term::Type(name.as_str().as_bytes()));
    let any: [Vec<_>; 3] = [streams.collect(), categories.collect(), types.collect()];
    let tags = item.tags.iter().map(|tag| vec![Term::Tag(tag.as_str().as_bytes())]);
    any.into_iter().filter(|group| !group.is_empty()).chain(tags).collect()
}

/// A walk over one stretch of the log.
#[derive(Debug)]
pub(super) struct Walk<L> {
    items: Vec<Item<L>>,
    direction: Direction,
    blocking: Blocking,
    questions: u32,
}

/// One alternative.
#[derive(Debug)]
struct Item<L> {
    groups: Vec<Vec<CachedList<L>>>,
    /// The next match, if it has been looked up.
    next: Option<Position>,
}

/// A list with its last answer, which is often the next one too.
#[derive(Debug)]
struct CachedList<L> {
    list: L,
    last: Option<(Position, Position)>,
}

impl<L: List> Walk<L> {
    /// Finds the lists of the filter; `list` tells the one of a key, `None` if it is empty.
    pub(super) fn new(
        wanted: &Wanted,
        direction: Direction,
        blocking: Blocking,
        list: &mut dyn FnMut(Key) -> Result<Option<L>, IndexError>,
    ) -> Result<Self, IndexError> {
        let mut items = Vec::with_capacity(wanted.0.len());
        for groups in &wanted.0 {
            items.extend(Item::new(groups, list)?);
        }
        Ok(Self { items, direction, blocking, questions: 0 })
    }

    /// Collects the matches of a range in the order of the direction, each once, until `found`
    /// has `limit`.
    pub(super) fn collect(
        mut self,
        range: RangeInclusive<Position>,
        limit: usize,
        found: &mut Vec<Position>,
    ) -> Result<(), IndexError> {
        let mut from = match self.direction {
            Direction::Forwards => *range.start(),
            Direction::Backwards => *range.end(),
        };
        while found.len() < limit {
            let Some(next) = self.next(from)?.filter(|next| range.contains(next)) else { break };
            found.push(next);
            match self.direction.step(next) {
                Some(step) => from = step,
                None => break,
            }
        }
        Ok(())
    }

    /// The first match from `from` on.
    fn next(&mut self, from: Position) -> Result<Option<Position>, IndexError> {
        let direction = self.direction;
        let mut best: Option<Position> = None;
        let mut place = 0;
        while let Some(item) = self.items.get_mut(place) {
            if item.next.is_none_or(|next| direction.before(next, from)) {
                item.next = item.seek(from, direction, &mut self.questions)?;
            }
            if self.blocking == Blocking::Never && self.questions > QUESTIONS {
                return Err(IndexError::WouldBlock);
            }
            let Some(next) = item.next else {
                self.items.swap_remove(place);
                continue;
            };
            best = best.filter(|best| direction.before(*best, next)).or(Some(next));
            place += 1;
        }
        Ok(best)
    }
}

impl<L: List> Item<L> {
    /// The item's lists; `None` if it cannot match because one of its groups occurs nowhere.
    fn new(
        groups: &[Vec<Key>],
        list: &mut dyn FnMut(Key) -> Result<Option<L>, IndexError>,
    ) -> Result<Option<Self>, IndexError> {
        let mut lists = Vec::with_capacity(groups.len());
        for group in groups {
            let mut found = Vec::with_capacity(group.len());
            for key in group {
                found.extend(list(*key)?.map(|list| CachedList { list, last: None }));
            }
            if found.is_empty() {
                return Ok(None);
            }
            lists.push(found);
        }
        Ok(Some(Self { groups: lists, next: None }))
    }

    /// The first match from `from` on. Each group in turn says how far on it matches at the
    /// earliest, until all agree.
    fn seek(
        &mut self,
        from: Position,
        direction: Direction,
        questions: &mut u32,
    ) -> Result<Option<Position>, IndexError> {
        let needed = self.groups.len();
        let (mut candidate, mut agreed, mut place) = (from, 0, 0);
        while let Some(group) = self.groups.get_mut(place) {
            let mut earliest: Option<Position> = None;
            for list in group {
                *questions = questions.saturating_add(1);
                let Some(next) = list.seek(candidate, direction)? else { continue };
                earliest = earliest.filter(|it| direction.before(*it, next)).or(Some(next));
            }
            let Some(next) = earliest else { return Ok(None) };
            agreed = if next == candidate { agreed + 1 } else { 1 };
            candidate = next;
            if agreed == needed {
                return Ok(Some(candidate));
            }
            place = (place + 1) % needed;
        }
        Ok(None)
    }
}

impl<L: List> CachedList<L> {
    fn seek(
        &mut self,
        from: Position,
        direction: Direction,
    ) -> Result<Option<Position>, IndexError> {
        if let Some((sought, answer)) = self.last
            && !direction.before(from, sought)
            && !direction.before(answer, from)
        {
            return Ok(Some(answer));
        }
        let found = self.list.seek(from, direction)?;
        self.last = found.map(|found| (from, found));
        Ok(found)
    }
}
