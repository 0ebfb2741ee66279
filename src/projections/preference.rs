//! Whether a preference names a number that the figure it is for can have.

use crate::domain::{
    claim::{PREFERRED_IN_RANGE, RuleBroken},
    event::Position,
    leg::Direction,
    symbol::Symbol,
};
use crate::projections::{
    Projection as _,
    claims::{Row, View},
    ledger::ClaimedLegs,
    register::Register,
};

/// Checks a preference for a claim, as the record stands now: for the figure of a country in the
/// claim's exchange or, without one, for the claim's leg.
///
/// A claim that does not stand, or has no single value, is refused by other rules.
pub fn check(
    register: &Register,
    claim: Position,
    side: Option<(&str, Direction)>,
) -> Result<(), RuleBroken> {
    let view = register.at(register.position());
    let Some(row) = view.reading(claim) else { return Ok(()) };
    let value = row.content.counted().and_then(|counted| counted.number.value());
    let Some(value) = value.map(u64::from) else { return Ok(()) };
    let range = match side {
        None => of_leg(register, &view, row),
        Some((country, direction)) => {
            let country = register.claims().vocabulary().find(country);
            country.and_then(|country| of_country(register, row, country, direction))
        }
    };
    if range.is_some_and(|(low, high)| (low..=high).contains(&value)) {
        return Ok(());
    }
    let figure = match side {
        None => "its leg".to_owned(),
        Some((country, Direction::Received)) => format!("what {country} received in its exchange"),
        Some((country, Direction::Sent)) => format!("what {country} sent in its exchange"),
    };
    let description = match range {
        Some((low, high)) => {
            format!("gives {value}, which is not within the {low}..{high} claimed for {figure}")
        }
        None => format!("gives {value}, but nothing with a number is claimed for {figure}"),
    };
    let subject = format!("claim {claim}");
    Err(RuleBroken { rule: PREFERRED_IN_RANGE, description, subject })
}

fn of_leg(register: &Register, view: &View<'_>, row: &Row) -> Option<(u64, u64)> {
    let leg = row.content.counted()?.leg;
    let outermost = view.nesting().outermost(row.subject);
    let (low, high) = register.current().range(outermost, leg, || {
        // Few claims, or none that came since the start.
        let rows = view.figures(row.subject);
        ClaimedLegs::new(view, &rows).estimate(view, leg).range
    })?;
    Some((low.into(), high.into()))
}

fn of_country(
    register: &Register,
    row: &Row,
    country: Symbol,
    direction: Direction,
) -> Option<(u64, u64)> {
    let at = register.position();
    let view = register.at(at);
    let unit = view.leg(row)?.unit;
    let outermost = view.nesting().outermost(row.subject);
    let share = register.ledger().share((country, unit, direction), outermost, at)?;
    share.amount.map(|amount| (amount.low, amount.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::claims::test_record::{Record, flow};

    #[test]
    fn a_preference_lies_within_what_is_claimed_for_the_figure_that_it_names() {
        let mut record = Record::default();
        let low = record.completed(&flow("x", "RU", "UA", Some(150)));
        let high = record.completed(&flow("x", "RU", "UA", Some(189)));
        let portion = record.completed(&flow("x", "RU", "UA", Some(9)).portion("first batch"));
        let mut about = flow("x", "RU", "UA", Some(200));
        about.count.approximate = true;
        let about = record.completed(&about);
        let register = record.claims();
        let received = Some(("UA", Direction::Received));
        for claim in [low, high, portion] {
            assert_eq!(check(&register, claim, None), Ok(()));
        }
        assert_eq!(check(&register, low, received), Ok(()));
        for (claim, side) in [(portion, received), (about, None), (about, received)] {
            let broken = check(&register, claim, side).unwrap_err();
            assert_eq!(broken.rule, PREFERRED_IN_RANGE);
            assert!(broken.description.contains("150..189"), "{broken}");
        }
        for side in [("UA", Direction::Sent), ("SE", Direction::Received)] {
            let broken = check(&register, low, Some(side)).unwrap_err();
            assert!(broken.description.contains("nothing with a number"), "{broken}");
        }
    }
}
