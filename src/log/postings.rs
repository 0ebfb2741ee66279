//! The positions that one term occurs at, and merging walks over several such lists.
//!
//! Every question to a list is a binary search, so an intersection skips what the rarer list does
//! not have: its cost follows the matches, not the log.

use std::collections::HashMap;

use crate::domain::{
    event::{Direction, Position},
    filter::{Filter, FilterItem},
};

/// Rising positions of the events that carry a term.
#[derive(Clone, Debug, Default)]
pub(super) struct Postings(Vec<Position>);

impl Postings {
    /// Adds a position behind all others; a repeated one is passed over.
    pub(super) fn push(&mut self, position: Position) {
        if self.0.last() < Some(&position) {
            self.0.push(position);
        }
    }

    /// Number of positions.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The position with this rank, from 1.
    pub(super) fn at(&self, rank: u64) -> Option<Position> {
        self.0.get(usize::try_from(rank.checked_sub(1)?).ok()?).copied()
    }

    /// The lowest position from `from` upwards.
    fn ceiling(&self, from: Position) -> Option<Position> {
        self.0.get(self.0.partition_point(|position| *position < from)).copied()
    }

    /// The highest position from `from` downwards.
    fn floor(&self, from: Position) -> Option<Position> {
        let above = self.0.partition_point(|position| *position <= from);
        self.0.get(above.checked_sub(1)?).copied()
    }
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

    /// The next position of the list from `from` on.
    fn seek(self, postings: &Postings, from: Position) -> Option<Position> {
        match self {
            Self::Forwards => postings.ceiling(from),
            Self::Backwards => postings.floor(from),
        }
    }
}

/// Postings by term; one map for each kind of term.
#[derive(Debug, Default)]
pub(super) struct Terms {
    maps: [HashMap<Box<str>, Postings>; 4],
}

/// Something that an event can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term<'a> {
    Stream(&'a str),
    Category(&'a str),
    Type(&'a str),
    Tag(&'a str),
}

impl Terms {
    /// Adds `position` to the term's list.
    pub(super) fn push(&mut self, term: Term<'_>, position: Position) {
        let [streams, categories, types, tags] = &mut self.maps;
        let (map, text) = match term {
            Term::Stream(text) => (streams, text),
            Term::Category(text) => (categories, text),
            Term::Type(text) => (types, text),
            Term::Tag(text) => (tags, text),
        };
        match map.get_mut(text) {
            Some(postings) => postings.push(position),
            None => map.entry(text.into()).or_default().push(position),
        }
    }

    /// The term's list; `None` if no event carries it.
    pub(super) fn get(&self, term: Term<'_>) -> Option<&Postings> {
        let [streams, categories, types, tags] = &self.maps;
        match term {
            Term::Stream(text) => streams.get(text),
            Term::Category(text) => categories.get(text),
            Term::Type(text) => types.get(text),
            Term::Tag(text) => tags.get(text),
        }
    }

    /// The positions that match a filter with items, from `from` on, each once and in order.
    pub(super) fn walk<'a>(
        &'a self,
        filter: &'a Filter,
        from: Position,
        direction: Direction,
    ) -> Walk<'a> {
        let items = filter.items().iter().filter_map(|item| self.item(item));
        Walk { items: items.collect(), from: Some(from), direction }
    }

    /// The item's lists; `None` if it cannot match because one of its parts occurs nowhere.
    fn item(&self, item: &FilterItem) -> Option<Item<'_>> {
        let lists = |terms: &mut dyn Iterator<Item = Term<'_>>| -> Vec<&Postings> {
            terms.filter_map(|term| self.get(term)).collect()
        };
        let mut groups = Vec::new();
        if !item.streams.is_empty() {
            groups.push(lists(&mut item.streams.iter().map(|name| Term::Stream(name.as_str()))));
        }
        if !item.categories.is_empty() {
            let mut terms = item.categories.iter().map(|name| Term::Category(name.as_str()));
            groups.push(lists(&mut terms));
        }
        if !item.types.is_empty() {
            groups.push(lists(&mut item.types.iter().map(|name| Term::Type(name.as_str()))));
        }
        groups
            .extend(item.tags.iter().map(|tag| lists(&mut [Term::Tag(tag.as_str())].into_iter())));
        let possible = groups.iter().all(|group| !group.is_empty());
        possible.then_some(Item { groups, next: None })
    }
}

/// See [`Terms::walk`].
#[derive(Debug)]
pub(super) struct Walk<'a> {
    items: Vec<Item<'a>>,
    from: Option<Position>,
    direction: Direction,
}

/// One alternative: a position matches if it is in any list of each group.
#[derive(Debug)]
struct Item<'a> {
    groups: Vec<Vec<&'a Postings>>,
    /// The next match, if it has been looked up.
    next: Option<Position>,
}

impl Item<'_> {
    /// The first match from `from` on. Each group in turn says how far on it matches at the
    /// earliest, until all agree.
    fn seek(&self, from: Position, direction: Direction) -> Option<Position> {
        let mut candidate = from;
        let mut agreed = 0;
        for group in self.groups.iter().cycle() {
            let next = group.iter().filter_map(|list| direction.seek(list, candidate));
            let next = next.reduce(|a, b| if direction.before(b, a) { b } else { a })?;
            agreed = if next == candidate { agreed + 1 } else { 1 };
            candidate = next;
            if agreed == self.groups.len() {
                return Some(candidate);
            }
        }
        None
    }
}

impl Iterator for Walk<'_> {
    type Item = Position;

    fn next(&mut self) -> Option<Position> {
        let (from, direction) = (self.from?, self.direction);
        let mut best: Option<Position> = None;
        self.items.retain_mut(|item| {
            if item.next.is_none_or(|next| direction.before(next, from)) {
                item.next = item.seek(from, direction);
            }
            let Some(next) = item.next else { return false };
            best = best.filter(|best| direction.before(*best, next)).or(item.next);
            true
        });
        self.from = best.and_then(|best| direction.step(best));
        best
    }
}
