//! What stands out in the record of an exchange, decided from what is within it as well.

use std::collections::{BTreeMap, BTreeSet};

use super::{facts::Facts, roles};
use crate::domain::{
    flags::Flag,
    leg::LegKey,
    proto::{ExchangeFlag, ExchangeStatus, TransferClaimKind},
    share::Share,
    span::{Span, farthest},
};
use crate::projections::{
    claims::Content,
    extent::{Extent, sort},
    interned::Place,
    ledger::{Aggregate, Cell},
};

/// What the rules make of an exchange, cell by cell.
pub(super) type Cells<'c> = [(&'c Cell, &'c Share)];

/// The flags, each once, in the order of their numbers.
pub(super) fn flags(
    extent: &Extent<'_, '_>,
    facts: &Facts,
    cells: &Cells<'_>,
) -> BTreeSet<ExchangeFlag> {
    let mut flags = BTreeSet::new();
    let mut note = |flag, given: bool| {
        if given {
            flags.insert(flag);
        }
    };
    note(ExchangeFlag::PartsExceedWhole, parts_exceed_whole(extent, cells));
    note(ExchangeFlag::TotalDiffersFromSum, differs_from_sum(extent, TransferClaimKind::Total));
    note(ExchangeFlag::StatusContradictsCounts, contradicts(extent, facts.status));
    note(ExchangeFlag::Disputed, disputed(extent));
    note(ExchangeFlag::Incomplete, incomplete(cells));
    let noted = |flag| {
        let mut estimates = extent.estimates.values().flatten();
        estimates.any(|(_, estimate)| estimate.flags.contains(flag))
    };
    note(ExchangeFlag::Approximate, noted(Flag::Approximate));
    note(ExchangeFlag::OpenBelow, noted(Flag::OpenBelow));
    note(ExchangeFlag::OpenAbove, noted(Flag::OpenAbove));
    note(ExchangeFlag::Undated, facts.dates.is_empty());
    note(ExchangeFlag::RoleDisputed, roles::any_disputed(extent.view, &extent.all));
    note(ExchangeFlag::ClaimDisputed, claim_disputed(extent));
    note(
        ExchangeFlag::CompletedDiffersFromAgreed,
        differs_from_sum(extent, TransferClaimKind::Agreed),
    );
    flags
}

/// What a country or a side received or sent is flagged by the rules of figures. Sums of all sides
/// are not looked at: they take what is said of no party for the whole of what is said of any.
fn parts_exceed_whole(extent: &Extent<'_, '_>, cells: &Cells<'_>) -> bool {
    let sides = cells.iter().filter(|(cell, _)| matches!(cell.aggregate, Aggregate::Side(..)));
    let mut amounts = sides.filter_map(|(_, share)| share.amount);
    amounts.any(|amount| amount.flags.contains(Flag::PartsExceedWhole))
        || !extent.exceeded().is_empty()
}

/// A transfer's number is unknown where it has none and lies within none that has one: that shows
/// only in the sum of all.
fn incomplete(cells: &Cells<'_>) -> bool {
    let mut totals = cells.iter().filter(|(cell, _)| matches!(cell.aggregate, Aggregate::Total(_)));
    totals.any(|(cell, share)| cell.legs.is_all() && share.unnumbered > 0)
}

/// Whether one of the numbers of a sort is none that the completed transfers of its leg allow.
fn differs_from_sum(extent: &Extent<'_, '_>, kind: TransferClaimKind) -> bool {
    let mut legs: BTreeMap<Place, (&LegKey, Vec<Span>)> = BTreeMap::new();
    for row in &extent.all {
        let of_kind = sort(&row.content).is_some_and(|(sort, _)| sort == kind);
        let counted = row.content.counted().filter(|_| of_kind);
        if let Some(counted) = counted
            && let Some(claimed) = Span::of_number(&counted.number)
            && let Some(leg) = extent.view.leg(row)
        {
            legs.entry(counted.leg).or_insert((leg, Vec::new())).1.push(claimed);
        }
    }
    legs.values().any(|(leg, claimed)| {
        let sum = Span::of_share(&extent.sum(&extent.within(leg)));
        sum.is_some_and(|sum| claimed.iter().any(|claimed| !claimed.meets(sum)))
    })
}

/// A completed transfer of nobody contradicts no state.
fn contradicts(extent: &Extent<'_, '_>, status: i32) -> bool {
    let claimed = extent.claimed.legs.values().flatten();
    let mut completed = claimed.map(|(_, transfer)| transfer.counted.number);
    match ExchangeStatus::try_from(status) {
        Ok(
            ExchangeStatus::Rumoured
            | ExchangeStatus::Proposed
            | ExchangeStatus::Agreed
            | ExchangeStatus::Announced
            | ExchangeStatus::Postponed
            | ExchangeStatus::Cancelled
            | ExchangeStatus::FalseReport,
        ) => completed.any(|number| number.value() != Some(0)),
        Ok(ExchangeStatus::Completed) => completed.next().is_none(),
        Ok(
            ExchangeStatus::Unspecified
            | ExchangeStatus::UnderWay
            | ExchangeStatus::PartlyCompleted,
        )
        | Err(_) => false,
    }
}

/// Whether two claims on one completed transfer can't both be right; what was given as "about"
/// counts only where nothing exact stands beside it.
fn disputed(extent: &Extent<'_, '_>) -> bool {
    let mut legs = extent.claimed.legs.values();
    legs.any(|claims| {
        let numbers = claims.iter().map(|(_, transfer)| transfer.counted.number);
        let spans = |approximate: bool| -> Vec<Span> {
            let numbers = numbers.clone().filter(|number| number.approximate == approximate);
            numbers.filter_map(|number| Span::of_number(&number)).collect()
        };
        let exact = spans(false);
        farthest(&if exact.is_empty() { spans(true) } else { exact }).is_some()
    })
}

/// Whether somebody contests a claim that stands.
fn claim_disputed(extent: &Extent<'_, '_>) -> bool {
    let view = extent.view;
    extent.all.iter().any(|row| {
        let opinions = view.latest(view.claims().opinion_rows(row.claim));
        opinions.iter().any(|opinion| matches!(opinion.content, Content::Disputed(_)))
    })
}
