//! How the exchanges nest now, kept as reports come and go.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::{event::Position, nesting::Nesting, symbol::Symbol};

/// The nesting of now, and every exchange that ever was a portion of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nested {
    /// Exchanges of which some report, standing or not, named a larger one.
    ever: BTreeSet<Symbol>,
    now: Nesting,
    /// The event since which they nest as they do now.
    since: Position,
    /// Some report is not believed, because it would close a cycle.
    doubted: bool,
}

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

    /// Some report names a larger exchange of this one.
    pub(super) fn note(&mut self, part: Symbol) {
        self.ever.insert(part);
    }

    /// Takes a new report; answers as [`Self::replace`] does. Absent: all reports have to be
    /// looked at, since what is believed of them may have changed.
    ///
    /// Where nothing is doubted the order of the reports makes no difference.
    pub(super) fn add(
        &mut self,
        at: Position,
        part: Symbol,
        larger: Symbol,
    ) -> Option<Vec<Symbol>> {
        self.ever.insert(part);
        if self.doubted {
            return None;
        }
        match self.now.larger(part) {
            Some(before) => (before == larger).then(Vec::new),
            None => self.now.link(part, larger).then(|| {
                self.since = at;
                vec![part, self.now.outermost(part)]
            }),
        }
    }

    /// Takes what the standing reports say since `at`; answers with the outermost exchanges, of
    /// before and of now, of all those whose outermost one is another.
    pub(super) fn replace(
        &mut self,
        at: Position,
        links: impl Iterator<Item = (Symbol, Symbol)>,
    ) -> Vec<Symbol> {
        let mut now = Nesting::default();
        self.doubted = false;
        for (part, larger) in links {
            self.doubted |= !now.link(part, larger);
        }
        if now == self.now {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.now, now);
        self.since = at;
        let mut moved = Vec::new();
        for exchange in self.ever.iter().copied() {
            let (old, new) = (before.outermost(exchange), self.now.outermost(exchange));
            if old != new {
                moved.extend([old, new]);
            }
        }
        moved
    }
}
