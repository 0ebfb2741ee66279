//! Lists of what the record holds: which claims a question selects, in which order.
//!
//! A list is always worked out whole at one position, so that its pages fit together; what an
//! entry says in full is read from the log, and only for the page that is shown.

mod sources;
mod statements;
mod transfers;

pub use sources::{SourceFound, SourceQuery, source, sources};
pub use statements::{StatementQuery, Statements, statements};
pub use transfers::{TransferQuery, Transfers, transfers};

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeSet,
};

use crate::domain::{date::Edtf, event::Position, proto::ListOrder, symbol::Symbol};
use crate::projections::{claims::View, ledger::Days};

/// The days that a date of the table can mean; absent: it is not said.
pub fn days(view: &View<'_>, date: Symbol) -> Option<Days> {
    Edtf::parse(view.vocabulary().text(date)).ok().map(|date| date.days())
}

/// Which of two entries comes first; each is its date, if it has one, and its position.
///
/// A date that can mean several days goes by the last of them where the newest come first, and
/// by the first of them where the oldest do; an open end counts as the other one.
pub fn in_order(
    order: ListOrder,
    (one, at): (Option<Days>, Position),
    (other, other_at): (Option<Days>, Position),
) -> Ordering {
    let day = |date: Option<Days>| {
        let (first, last) = date?;
        if order == ListOrder::OldestFirst { first.or(last) } else { last.or(first) }
    };
    let (day, other_day) = (day(one), day(other));
    let undated = day.is_none().cmp(&other_day.is_none());
    let by_day = match order {
        ListOrder::Position => Ordering::Equal,
        ListOrder::OldestFirst => undated.then(day.cmp(&other_day)),
        ListOrder::NewestFirst | ListOrder::Unspecified => {
            undated.then(Reverse(day).cmp(&Reverse(other_day)))
        }
    };
    by_day.then(at.cmp(&other_at))
}

/// The exchange of this name and those within it; absent where the name is empty: all.
fn within(view: &View<'_>, exchange: &str) -> Option<BTreeSet<Symbol>> {
    let found = |exchange| view.nesting().within(exchange).into_iter().collect();
    let named = (!exchange.is_empty()).then(|| view.vocabulary().find(exchange));
    named.map(|exchange| exchange.map(found).unwrap_or_default())
}

/// A name that is asked for.
#[derive(Clone, Copy, Debug)]
enum Name {
    /// Any will do.
    Any,
    /// This one.
    Is(Symbol),
    /// One that no claim uses.
    Unheard,
}

impl Name {
    fn new(view: &View<'_>, name: &str) -> Self {
        if name.is_empty() {
            return Self::Any;
        }
        view.vocabulary().find(name).map_or(Self::Unheard, Self::Is)
    }

    /// Whether one of some names will do.
    fn is_among(self, mut names: impl Iterator<Item = Symbol>) -> bool {
        match self {
            Self::Any => true,
            Self::Is(name) => names.any(|other| other == name),
            Self::Unheard => false,
        }
    }

    fn is(self, name: Symbol) -> bool {
        self.is_among(std::iter::once(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dated_comes_by_its_date_and_the_rest_last() {
        let dates =
            ["2024-08-02", "", "2024", "2024-08-02", "2024-08-01/..", "../2024-08-03", ".."];
        let sorted = |order| {
            let days = |text: &str| Edtf::parse(text).ok().map(|date| date.days());
            let mut entries: Vec<_> =
                dates.iter().zip(1..).map(|(it, at)| (days(it), at)).collect();
            entries.sort_by(|one, other| in_order(order, *one, *other));
            entries.into_iter().map(|(_, at)| at).collect::<Vec<Position>>()
        };
        assert_eq!(sorted(ListOrder::NewestFirst), [3, 6, 1, 4, 5, 2, 7]);
        assert_eq!(sorted(ListOrder::Unspecified), sorted(ListOrder::NewestFirst));
        assert_eq!(sorted(ListOrder::OldestFirst), [3, 5, 1, 4, 6, 2, 7]);
        assert_eq!(sorted(ListOrder::Position), [1, 2, 3, 4, 5, 6, 7]);
    }
}
