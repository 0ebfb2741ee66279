//! Lists of what the record holds: which claims a question selects, in which order.
//!
//! A list is worked out at one position, so that its pages fit together, and piece by piece; what
//! an entry says in full is read from the log, and only for the page that is shown.

mod sources;
mod statements;
mod transfers;

pub use sources::{CitingWalk, SourceFound, SourceQuery, SourceWalk, find_source};
pub use statements::{StatementQuery, StatementWalk, Statements};
pub use transfers::{TransferQuery, TransferWalk, Transfers};

use std::{cmp::Reverse, collections::BTreeSet};

use crate::domain::{date::Edtf, proto::ListOrder, symbol::Symbol};
use crate::projections::{claims::View, ledger::Days};

/// The days that a date of the table can mean; absent: it is not said.
pub fn days(view: &View<'_>, date: Symbol) -> Option<Days> {
    Edtf::parse(view.vocabulary().text(date)).ok().map(|date| date.days())
}

/// The day that an entry is ordered by, of those that its date can mean: the last of them where
/// the newest come first, and the first of them where the oldest do; an open end counts as the
/// other one.
fn day(order: ListOrder, date: Option<Days>) -> Option<i32> {
    let (first, last) = date?;
    if order == ListOrder::OldestFirst { first.or(last) } else { last.or(first) }
}

/// Sorts entries; each is its day, if it has one, and its place in the order of positions. What has
/// no day comes last.
pub(super) fn sort<P: Copy + Ord>(order: ListOrder, entries: &mut [(Option<i32>, P)]) {
    match order {
        ListOrder::Position => entries.sort_unstable_by_key(|(_, place)| *place),
        ListOrder::OldestFirst => {
            entries.sort_unstable_by_key(|(day, place)| (day.is_none(), *day, *place));
        }
        ListOrder::NewestFirst | ListOrder::Unspecified => {
            entries.sort_unstable_by_key(|(day, place)| (Reverse(*day), *place));
        }
    }
}

/// The exchange of this name and those within it; absent where the name is empty: all.
fn within(view: &View<'_>, exchange: &str) -> Option<BTreeSet<Symbol>> {
    let found = |exchange| view.nesting().within(exchange).into_iter().collect();
    let named = (!exchange.is_empty()).then(|| view.vocabulary().find(exchange));
    named.map(|exchange| exchange.map(found).unwrap_or_default())
}

/// A name in a query.
#[derive(Clone, Copy, Debug)]
enum Name {
    /// Any will do.
    Any,
    /// This one.
    Is(Symbol),
    /// One that no claim uses.
    Unknown,
}

impl Name {
    fn new(view: &View<'_>, name: &str) -> Self {
        if name.is_empty() {
            return Self::Any;
        }
        view.vocabulary().find(name).map_or(Self::Unknown, Self::Is)
    }

    /// Whether one of some names will do.
    fn is_among(self, mut names: impl Iterator<Item = Symbol>) -> bool {
        match self {
            Self::Any => true,
            Self::Is(name) => names.any(|other| other == name),
            Self::Unknown => false,
        }
    }

    fn is(self, name: Symbol) -> bool {
        self.is_among(std::iter::once(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Position;

    #[test]
    fn what_is_dated_comes_by_its_date_and_the_rest_last() {
        let dates =
            ["2024-08-02", "", "2024", "2024-08-02", "2024-08-01/..", "../2024-08-03", ".."];
        let sorted = |order| {
            let days = |text: &str| Edtf::parse(text).ok().map(|date| date.days());
            let mut entries: Vec<_> =
                dates.iter().zip(1..).map(|(it, at)| (day(order, days(it)), at)).collect();
            sort(order, &mut entries);
            entries.into_iter().map(|(_, at)| at).collect::<Vec<Position>>()
        };
        assert_eq!(sorted(ListOrder::NewestFirst), [3, 6, 1, 4, 5, 2, 7]);
        assert_eq!(sorted(ListOrder::Unspecified), sorted(ListOrder::NewestFirst));
        assert_eq!(sorted(ListOrder::OldestFirst), [3, 5, 1, 4, 6, 2, 7]);
        assert_eq!(sorted(ListOrder::Position), [1, 2, 3, 4, 5, 6, 7]);
    }
}
