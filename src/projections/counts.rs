//! How many each country received and sent.

mod changes;
mod group;
mod occurred;

pub use changes::{Change, changes};

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    date::Edtf,
    event::Position,
    figure::Figure,
    leg::{Direction, UnitCode},
    side::Share,
};
use crate::projections::{
    Projection as _,
    claims::{Claims, View},
};
use group::Shares;
use occurred::When;

/// Which figures are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountQuery {
    /// Only these party codes; none: all.
    pub countries: BTreeSet<String>,
    /// Only this unit; absent: all.
    pub unit: Option<UnitCode>,
    /// As the record stood just after this position; absent: now.
    pub as_of: Option<Position>,
    /// Only outermost exchanges that occurred then; absent: all.
    pub occurred: Option<Edtf>,
}

/// The figures, true for one position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountAnswer {
    /// One for each country and unit, in this order.
    pub rows: Vec<CountRow>,
    /// Outermost exchanges with transfers that were asked for, left out because nothing says
    /// when they occurred.
    pub undated_exchanges: u32,
    /// The position that the answer is true for.
    pub position: Position,
}

/// What one country received and sent, in one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountRow {
    /// The party code.
    pub country: String,
    /// What is counted.
    pub unit: UnitCode,
    /// What it received; absent: no transfer concerns it on this side.
    pub received: Option<Figure>,
    /// What it sent; absent: no transfer concerns it on this side.
    pub sent: Option<Figure>,
}

/// How many each country received and sent. A position beyond the last event means now.
pub fn country_counts(claims: &Claims, query: &CountQuery) -> CountAnswer {
    counts_at(&claims.at(query.as_of.unwrap_or(claims.position())), query)
}

fn counts_at(view: &View<'_>, query: &CountQuery) -> CountAnswer {
    let (shares, undated_exchanges) = sum(view, view.outermost(), query);
    CountAnswer { rows: rows(shares), undated_exchanges, position: view.at() }
}

/// The sum over some outermost exchanges, and how many of them are left out as undated.
fn sum<'a, 'o>(
    view: &View<'a>,
    outermost: impl Iterator<Item = &'o str>,
    query: &CountQuery,
) -> (Shares<'a>, u32) {
    let mut sum = Shares::new();
    let mut undated = 0;
    for outermost in outermost {
        match selected(view, outermost, query) {
            (When::Within, shares) => {
                for (key, share) in shares {
                    sum.entry(key).or_default().add(share);
                }
            }
            (When::Unknown, shares) => undated += u32::from(!shares.is_empty()),
            (When::Elsewhere, _) => {}
        }
    }
    (sum, undated)
}

/// What one outermost exchange contributes to the rows that are asked for, and whether it
/// occurred when it should have.
fn selected<'a>(view: &View<'a>, outermost: &str, query: &CountQuery) -> (When, Shares<'a>) {
    let when = query
        .occurred
        .as_ref()
        .map_or(When::Within, |occurred| occurred::when(view, outermost, occurred));
    if when == When::Elsewhere {
        return (when, Shares::new());
    }
    let mut shares = group::shares(view, outermost);
    shares.retain(|(country, unit, _), _| {
        (query.countries.is_empty() || query.countries.contains(*country))
            && query.unit.is_none_or(|wanted| wanted == *unit)
    });
    (when, shares)
}

fn rows(shares: Shares<'_>) -> Vec<CountRow> {
    let mut sides: BTreeMap<(&str, UnitCode), [Option<Share>; 2]> = BTreeMap::new();
    for ((country, unit, direction), share) in shares {
        let [received, sent] = sides.entry((country, unit)).or_default();
        match direction {
            Direction::Received => *received = Some(share),
            Direction::Sent => *sent = Some(share),
        }
    }
    let row = |((country, unit), [received, sent]): ((&str, UnitCode), [Option<Share>; 2])| {
        let (received, sent) = (received.map(Figure::from), sent.map(Figure::from));
        CountRow { country: country.to_owned(), unit, received, sent }
    };
    sides.into_iter().map(row).collect()
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod properties;
