//! How the exchanges nest now, kept as reports come and go.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::{event::Position, nesting::Nesting, symbol::Symbol, work};

/// The nesting of now, and every exchange that ever was a portion of another.
///
/// Of each exchange the latest report that names a larger one counts. Where such reports close a
/// cycle, the latest of those around it is not believed. An exchange has one larger exchange at
/// most, so a cycle is the only one among the exchanges that hang together: a report that comes or
/// goes can close one, or break one, and nothing else has to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nested {
    /// Exchanges of which some report, standing or not, named a larger one.
    ever: BTreeSet<Symbol>,
    now: Nesting,
    /// The event since which they nest as they do now.
    since: Position,
    /// The larger exchange that each standing report names, by its exchange and its position.
    #[serde(skip)]
    named: BTreeMap<(Symbol, Position), Symbol>,
    /// Exchanges of which the latest such report is not believed.
    #[serde(skip)]
    doubted: BTreeSet<Symbol>,
}

/// An exchange with another outermost one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The exchange.
    pub exchange: Symbol,
    /// The outermost one before.
    pub from: Symbol,
    /// The outermost one now.
    pub to: Symbol,
}

/// What an event changed in how the exchanges nest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renested {
    /// Exchanges that are directly a portion of another one than before, within the same outermost
    /// one.
    pub inside: Vec<Symbol>,
    /// Exchanges with another outermost one than before, each once, before those within it.
    pub moved: Vec<Moved>,
}

/// The larger exchanges of before, of the exchanges where an event changed them.
type Before = BTreeMap<Symbol, Option<Symbol>>;

impl Nested {
    pub(super) fn now(&self) -> &Nesting {
        &self.now
    }

    pub(super) fn since(&self) -> Position {
        self.since
    }

    pub(super) fn ever(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.ever.iter().copied()
    }

    /// Takes which larger exchange a report names from the event on; empty: none, or the report
    /// does not stand.
    pub(super) fn read(
        &mut self,
        at: Position,
        (exchange, report): (Symbol, Position),
        larger: Symbol,
    ) -> Renested {
        let before = self.link(exchange);
        if larger.is_empty() {
            self.named.remove(&(exchange, report));
        } else {
            self.ever.insert(exchange);
            self.named.insert((exchange, report), larger);
        }
        let after = self.link(exchange);
        if before == after {
            return Renested::default();
        }
        let mut old = Before::new();
        if before.is_some() {
            self.cut(exchange, &mut old);
        }
        if let Some(link) = after {
            self.tie(exchange, link, &mut old);
        }
        old.retain(|exchange, before| self.now.larger(*exchange) != *before);
        if old.is_empty() {
            return Renested::default();
        }
        self.since = at;
        self.renested(&old)
    }

    /// Makes what is not saved, from the larger exchanges that the standing reports name.
    pub(super) fn restore(&mut self, named: impl Iterator<Item = (Symbol, Position, Symbol)>) {
        let named = named.filter(|(.., larger)| !larger.is_empty());
        self.named = named.map(|(part, report, larger)| ((part, report), larger)).collect();
        let believed = |part| self.link(part).map(|(_, larger)| larger) == self.now.larger(part);
        self.doubted = self.ever().filter(|part| !believed(*part)).collect();
    }

    /// The latest standing report that names a larger exchange of this one, and which.
    fn link(&self, exchange: Symbol) -> Option<(Position, Symbol)> {
        let reports = self.named.range((exchange, 0)..=(exchange, Position::MAX));
        reports.last().map(|((_, report), larger)| (*report, *larger))
    }

    /// Takes away the link of an exchange. If it was part of a cycle, there is none any more.
    fn cut(&mut self, exchange: Symbol, old: &mut Before) {
        if self.doubted.remove(&exchange) {
            return;
        }
        let outermost = self.now.outermost(exchange);
        self.set(exchange, None, old);
        if self.doubted.contains(&outermost)
            && let Some((_, larger)) = self.link(outermost)
            && !self.is_within(larger, outermost)
        {
            self.doubted.remove(&outermost);
            self.set(outermost, Some(larger), old);
        }
    }

    /// Links an exchange that is a portion of none.
    fn tie(&mut self, exchange: Symbol, (report, larger): (Position, Symbol), old: &mut Before) {
        if !self.is_within(larger, exchange) {
            return self.set(exchange, Some(larger), old);
        }
        let around = self.now.path(larger).take_while(|it| *it != exchange);
        let latest = around.filter_map(|it| Some((self.link(it)?.0, it))).max();
        match latest.filter(|(other, _)| *other > report) {
            Some((_, doubted)) => {
                self.set(doubted, None, old);
                self.doubted.insert(doubted);
                self.set(exchange, Some(larger), old);
            }
            None => drop(self.doubted.insert(exchange)),
        }
    }

    fn set(&mut self, part: Symbol, larger: Option<Symbol>, old: &mut Before) {
        old.entry(part).or_insert(self.now.larger(part));
        match larger {
            Some(larger) => drop(self.now.link(part, larger)),
            None => self.now.unlink(part),
        }
    }

    fn is_within(&self, inner: Symbol, outer: Symbol) -> bool {
        self.now.path(inner).inspect(|_| work::visit(1)).any(|exchange| exchange == outer)
    }

    /// The exchanges with another outermost one than before: they are within one that has another
    /// larger exchange.
    fn renested(&self, old: &Before) -> Renested {
        let larger_before =
            |part: &Symbol| old.get(part).map_or_else(|| self.now.larger(*part), |before| *before);
        let outermost_before = |exchange: Symbol| {
            std::iter::successors(Some(exchange), larger_before).last().unwrap_or(exchange)
        };
        let mut renested = Renested::default();
        for part in old.keys().copied() {
            let is_around = |other: &Symbol| *other != part && self.now.is_within(part, *other);
            if old.keys().any(is_around) {
                continue;
            }
            let to = self.now.outermost(part);
            let mut within = vec![Moved { exchange: part, from: outermost_before(part), to }];
            let mut next = 0;
            while let Some(Moved { exchange, from, .. }) = within.get(next).copied() {
                within.extend(self.now.direct_portions(exchange).map(|exchange| {
                    let same = !old.contains_key(&exchange);
                    let from = if same { from } else { outermost_before(exchange) };
                    Moved { exchange, from, to }
                }));
                next += 1;
            }
            work::visit(within.len());
            let stays = |it: &Moved| it.from == it.to;
            let turned = within.iter().filter(|it| stays(it) && old.contains_key(&it.exchange));
            renested.inside.extend(turned.map(|it| it.exchange));
            renested.moved.extend(within.into_iter().filter(|it| !stays(it)));
        }
        renested
    }
}
