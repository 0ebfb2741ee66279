//! One leg with what the claims on it amount to, and what becomes of each number.

use hashbrown::HashSet;

use super::{ClaimStatus, Ended};
use crate::domain::{
    estimate::{Estimate, Number},
    event::Position,
    leg::Direction,
    of_which::OfWhich,
    proto::{self, ClaimUse},
    work,
};
use crate::projections::{
    claims::{Counted, Preference, Row, View},
    interned::Place,
    ledger::ClaimedLegs,
};

/// One leg, the claims on it, and what they amount to.
#[derive(Clone, Debug, PartialEq)]
pub struct LegClaims {
    /// The leg.
    pub leg: proto::Leg,
    /// What the standing claims amount to.
    pub estimate: Estimate,
    /// The claims in their order; with the past, one entry for each reading.
    pub claims: Vec<LegNumber>,
    /// The preference in force for the leg; absent: there is none.
    pub preference: Option<PreferenceInForce>,
}

/// One number of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegNumber {
    /// The reading that gives it.
    pub status: ClaimStatus,
    /// What becomes of it.
    pub used: ClaimUse,
    /// A preference in force names the claim.
    pub preferred: bool,
}

/// A preference that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferenceInForce {
    /// The event that prefers the claim.
    pub position: Position,
    /// The event that gives its reading: itself, or a correction of it.
    pub read_from: Position,
    /// The claim that is preferred.
    pub claim: Position,
    /// The number of that claim.
    pub value: u32,
    /// The country of the figure that is meant; absent: the leg is meant.
    pub side: Option<(String, Direction)>,
}

impl PreferenceInForce {
    /// A preference for a claim with one value; absent: it has none, so it can't be preferred.
    pub fn of(view: &View<'_>, row: &Row, preference: &Preference) -> Option<Self> {
        let value = view.reading(preference.claim)?.content.counted()?.number.value()?;
        let text = |country| view.vocabulary().text(country).to_owned();
        Some(Self {
            position: row.claim,
            read_from: row.from,
            claim: preference.claim,
            value,
            side: preference.side.map(|(country, direction)| (text(country), direction)),
        })
    }

    /// The events with the texts that an answer about the preference shows.
    pub fn positions(&self) -> [Position; 2] {
        [self.position, self.read_from]
    }
}

impl LegClaims {
    /// A leg of completed transfers; `past` are readings on it that no longer stand.
    pub fn completed(
        view: &View<'_>,
        claimed: &ClaimedLegs<'_>,
        leg: Place,
        past: &[&Row],
    ) -> Option<Self> {
        let rows: Vec<&Row> =
            claimed.legs.get(&leg).into_iter().flatten().map(|(row, _)| *row).collect();
        let estimate = claimed.estimate(view, leg);
        let mut claims = Self::new(view, leg, (&rows, past), estimate)?;
        claims.prefer(preference(view, claimed, leg, claims.estimate.range));
        Some(claims)
    }

    /// A leg of other claims, for which nothing can be preferred.
    pub fn other(view: &View<'_>, leg: Place, rows: &[&Row], past: &[&Row]) -> Option<Self> {
        let numbers = rows.iter().filter_map(|row| Some((row.content.counted()?.number, NO_PARTS)));
        let numbers: Vec<_> = numbers.collect();
        let estimate = Estimate::of(numbers.iter().map(|(number, parts)| (number, parts)), []);
        Self::new(view, leg, (rows, past), estimate)
    }

    fn new(
        view: &View<'_>,
        leg: Place,
        (rows, past): (&[&Row], &[&Row]),
        estimate: Estimate,
    ) -> Option<Self> {
        let leg = view.vocabulary().leg_message(view.vocabulary().leg(leg)?);
        let mut claims = numbers(view, rows);
        claims.extend(past.iter().map(|row| {
            let status = ClaimStatus::of(view, row);
            let used = match status.ended {
                Some(Ended::Corrected(_)) => ClaimUse::Corrected,
                Some(Ended::Retracted(_)) | None => ClaimUse::Retracted,
            };
            LegNumber { status, used, preferred: false }
        }));
        claims.sort_by_key(|number| (number.status.claim, number.status.read_from));
        Some(Self { leg, estimate, claims, preference: None })
    }

    /// Notes the preference that is in force, and the claim that it names.
    fn prefer(&mut self, preference: Option<PreferenceInForce>) {
        if let Some(preference) = &preference {
            for number in &mut self.claims {
                let named = number.status.claim == preference.claim;
                number.preferred |= named && number.status.ended.is_none();
            }
        }
        self.preference = preference;
    }
}

const NO_PARTS: OfWhich<Option<u32>> =
    OfWhich { minors: None, women: None, civilians: None, wounded: None };

/// The latest preference for a leg, of those with a number within the leg's range.
fn preference(
    view: &View<'_>,
    claimed: &ClaimedLegs<'_>,
    leg: Place,
    range: Option<(u32, u32)>,
) -> Option<PreferenceInForce> {
    let (low, high) = range?;
    let mut fitting = claimed.for_leg(leg).iter();
    let (row, preference, _) = fitting.find(|(.., value)| {
        work::visit(1);
        (low..=high).contains(value)
    })?;
    PreferenceInForce::of(view, row, preference)
}

/// What becomes of each number, by the rules of the estimate.
fn numbers(view: &View<'_>, rows: &[&Row]) -> Vec<LegNumber> {
    let has_number = |number: &Number| number.low.is_some() || number.high.is_some();
    let counted = |row: &&Row| row.content.counted().copied();
    let exact = rows
        .iter()
        .filter_map(counted)
        .any(|counted| has_number(&counted.number) && !counted.number.approximate);
    let mut before: HashSet<(Place, Number)> = HashSet::new();
    let mut used = |row: &Row, counted: &Counted| {
        let number = counted.number;
        if !has_number(&number) {
            return ClaimUse::NoNumber;
        }
        if number.approximate && exact {
            return ClaimUse::ApproximateBesideExact;
        }
        // Two sources that do not say who asserts it need not mean the same claimant.
        let known =
            view.vocabulary().actor_at(row.claimant).is_some_and(|it| !it.label().is_empty());
        let is_first = before.insert((row.claimant, number));
        if known && !is_first { ClaimUse::Repeated } else { ClaimUse::Entered }
    };
    let numbers = rows.iter().filter_map(|row| {
        let used = used(row, row.content.counted()?);
        Some(LegNumber { status: ClaimStatus::of(view, row), used, preferred: false })
    });
    numbers.collect()
}
