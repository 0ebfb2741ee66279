//! What became of a claim: how it reads, the events about it, and what it is preferred for.

use std::collections::BTreeSet;

use crate::domain::{event::Position, leg::Direction, symbol::Symbol};
use crate::projections::{
    claim_status::PreferenceInForce,
    claims::{Content, Preference, Row, View},
    interned::Place,
    ledger::ClaimedLegs,
};

/// An event about a claim, or about another such event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The event.
    pub event: Position,
    /// The event that retracted it; absent: it stands.
    pub retracted_by: Option<Position>,
}

/// How a claim reads and, of a retracted one, read at last, with the event that retracted it.
/// Absent: no claim was recorded at this position, or only later.
pub fn shown<'a>(view: &View<'a>, claim: Position) -> Option<(&'a Row, Option<Position>)> {
    let claims = view.claims();
    let first = claims.row(claim).filter(|it| it.claim == it.from && it.from <= view.at())?;
    let retracted_by = (first.to <= view.at()).then_some(first.to);
    // Just before it was retracted, it still read as it was last corrected.
    let moment = retracted_by.map_or(view.at(), |event| event.saturating_sub(1));
    let row = claims.readings(claim).filter(|row| row.stands_at(moment)).last()?;
    Some((row, retracted_by))
}

/// How a claim is shown, given how it was first recorded; a retracted one only if that is wanted.
pub fn as_shown<'a>(view: &View<'a>, first: &'a Row, include_retracted: bool) -> Option<&'a Row> {
    if !view.claims().is_corrected(first.claim) {
        return is_shown(view, first, include_retracted).then_some(first);
    }
    let (row, retracted_by) = shown(view, first.claim)?;
    (include_retracted || retracted_by.is_none()).then_some(row)
}

/// Whether a row is how its claim is shown; a retracted claim is only if that is wanted.
pub fn is_shown(view: &View<'_>, row: &Row, include_retracted: bool) -> bool {
    if row.from > view.at() {
        return false;
    }
    if row.claim == row.from && !view.claims().is_corrected(row.claim) {
        // Almost all claims: their only reading, so that nothing has to be looked up.
        return include_retracted || row.to > view.at();
    }
    shown(view, row.claim).is_some_and(|(shown, retracted_by)| {
        shown.from == row.from && (include_retracted || retracted_by.is_none())
    })
}

/// The events about a claim and the events about those, by position.
pub fn history(view: &View<'_>, claim: Position) -> Vec<About> {
    let claims = view.claims();
    let Some(first) = claims.row(claim) else { return Vec::new() };
    let mut history = Vec::new();
    let mut add = |event: Position, retracted_by: Position| {
        let retracted_by = (retracted_by <= view.at()).then_some(retracted_by);
        history.push(About { event, retracted_by });
        history.extend(retracted_by.map(|event| About { event, retracted_by: None }));
    };
    // A correction that ended with its claim was not retracted by itself.
    for row in claims.readings(claim).skip(1) {
        add(row.from, if row.to == first.to { Position::MAX } else { row.to });
    }
    for row in claims.opinion_rows(claim).chain(preferences(view, first)) {
        add(row.from, row.to);
    }
    history.push(About { event: first.to, retracted_by: None });
    history.retain(|about| about.event <= view.at());
    history.sort_unstable();
    history
}

/// The preferences that name a claim, standing or not.
fn preferences<'a>(view: &View<'a>, claim: &Row) -> impl Iterator<Item = &'a Row> + use<'a> {
    let named = claim.claim;
    let rows = view.claims().figure_rows(claim.subject);
    rows.filter(move |row| matches!(row.content, Content::Preference(it) if it.claim == named))
}

/// The events that prefer a claim and are in force, by position: neither they nor the claim are
/// retracted, and none after them prefers a claim for the same leg or figure.
pub fn preferred(view: &View<'_>, claim: Position) -> Vec<PreferenceInForce> {
    let Some(row) = view.reading(claim) else { return Vec::new() };
    let nesting = view.nesting();
    let within = nesting.within(nesting.outermost(row.subject));
    let rows: Vec<&Row> = within.iter().flat_map(|exchange| view.figures(*exchange)).collect();
    let preferences = ClaimedLegs::new(view, &rows).preferences;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (event, preference) in preferences {
        if seen.insert(target(view, preference)) && preference.claim == claim {
            found.extend(PreferenceInForce::of(view, event, preference));
        }
    }
    found.reverse();
    found
}

/// The later preference in force for the leg or figure of the preference at `event`. Absent: there
/// is none, or the event is no preference.
pub fn replaced(view: &View<'_>, event: Position) -> Option<Position> {
    let row = view.claims().row(event)?;
    let Content::Preference(of) = row.content else { return None };
    let nesting = view.nesting();
    let within = nesting.within(nesting.outermost(row.subject));
    let rows: Vec<&Row> = within.iter().flat_map(|exchange| view.figures(*exchange)).collect();
    let decided = target(view, &of)?;
    let preferences = ClaimedLegs::new(view, &rows).preferences;
    let same = |preference: &Preference| target(view, preference) == Some(decided);
    let latest = preferences.iter().find(|(_, preference)| same(preference))?.0.from;
    (latest > event).then_some(latest)
}

/// What a preference decides: the place of a leg or, with a side, the unit of a country's figure.
fn target(
    view: &View<'_>,
    preference: &Preference,
) -> Option<(Place, Option<(Symbol, Direction)>)> {
    let leg = view.reading(preference.claim)?.content.counted()?.leg;
    let unit = view.vocabulary().leg(leg)?.unit;
    Some(match preference.side {
        Some(side) => (unit.cast_unsigned(), Some(side)),
        None => (leg, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;
    use crate::projections::claims::test_record::{Record, flow};

    fn confirm(record: &mut Record, claim: Position) -> Position {
        record.push(&proto::ClaimConfirmed { claim, ..Default::default() })
    }

    fn dispute(record: &mut Record, claim: Position) -> Position {
        record.push(&proto::ClaimDisputed { claim, ..Default::default() })
    }

    fn about(event: Position, retracted_by: Option<Position>) -> About {
        About { event, retracted_by }
    }

    #[test]
    fn a_claim_is_shown_as_it_reads_and_a_retracted_one_as_it_read_at_last() {
        let mut record = Record::default();
        let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
        let first = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
        let second = record.correct(claim, &flow("x", "RU", "UA", Some(3)).message());
        let undone = record.retract(second);
        let gone = record.retract(claim);
        let register = record.claims();
        let shown = |at| {
            let view = register.at(at);
            shown(&view, claim).map(|(row, retracted)| (row.from, retracted))
        };
        assert_eq!(shown(claim - 1), None);
        assert_eq!(shown(claim), Some((claim, None)));
        assert_eq!((shown(first), shown(second)), (Some((first, None)), Some((second, None))));
        assert_eq!((shown(undone), shown(gone)), (Some((first, None)), Some((first, Some(gone)))));
    }

    #[test]
    fn what_is_no_claim_is_not_shown() {
        let mut record = Record::default();
        let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
        let correction = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
        let gone = record.retract(claim);
        let register = record.claims();
        for position in [0, correction, gone, gone + 1] {
            assert_eq!(shown(&register.at(gone), position), None, "{position}");
            assert_eq!(preferred(&register.at(gone), position), [], "{position}");
        }
    }

    #[test]
    fn the_history_has_every_event_about_the_claim_and_about_those_marked_where_retracted() {
        let mut record = Record::default();
        let other = record.completed(&flow("x", "RU", "UA", Some(9)));
        let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
        let confirmed = confirm(&mut record, claim);
        dispute(&mut record, other);
        let first = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
        let second = record.correct(claim, &flow("x", "RU", "UA", Some(3)).message());
        let preference = record.prefer(claim, "UA");
        let undone = record.retract(confirmed);
        let cut = record.retract(first);
        let gone = record.retract(claim);
        let register = record.claims();
        let expected = [
            about(confirmed, Some(undone)),
            about(first, Some(cut)),
            about(second, None),
            about(preference, None),
            about(undone, None),
            about(cut, None),
            about(gone, None),
        ];
        assert_eq!(history(&register.at(gone), claim), expected);
        let before = [about(confirmed, None), about(first, None), about(second, None)];
        assert_eq!(history(&register.at(second), claim), before);
    }

    #[test]
    fn a_preference_holds_until_a_later_one_decides_the_same() {
        let mut record = Record::default();
        let low = record.completed(&flow("x", "RU", "UA", Some(8)));
        let high = record.completed(&flow("x", "RU", "UA", Some(10)));
        let for_leg = record.prefer(low, "");
        let for_side = record.prefer(low, "UA");
        let later = record.prefer(high, "");
        let undone = record.retract(later);
        let register = record.claims();
        let held = |at, claim| {
            let held = preferred(&register.at(at), claim);
            held.into_iter().map(|held| held.position).collect::<Vec<_>>()
        };
        assert_eq!(held(for_side, low), [for_leg, for_side]);
        assert_eq!((held(later, low), held(later, high)), (vec![for_side], vec![later]));
        assert_eq!((held(undone, low), held(undone, high)), (vec![for_leg, for_side], vec![]));
        let replaced = |at, event| replaced(&register.at(at), event);
        assert_eq!((replaced(for_side, for_leg), replaced(later, for_leg)), (None, Some(later)));
        assert_eq!((replaced(later, for_side), replaced(later, later)), (None, None));
        assert_eq!((replaced(undone, for_leg), replaced(undone, low)), (None, None));
    }
}
