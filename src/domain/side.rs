//! What one outermost exchange contributes to the figures of each country.
//!
//! A leg is attributed to a country only where its side names that country alone. Joint legs
//! are attributed to nobody: beside the country's number stands how many of those persons can be
//! its own at the most, and likewise for legs that do not say this side at all. Neither is ever
//! added.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    amount::Amount,
    estimate::Estimate,
    leg::{Direction, LegKey, Side, includes},
    nesting::Nesting,
    of_which::OfWhich,
    whole::{self, Across, Entry},
};

/// One leg and what the claims on it amount to.
pub type EstimatedLeg<'a> = (&'a LegKey, Estimate);

/// What one or several outermost exchanges say about one country, in one direction and unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The number of what is attributed to it; absent: no number is known.
    pub amount: Option<Amount>,
    /// The parts of it that were named.
    pub of_which: OfWhich<Option<Amount>>,
    /// Exchanges, at any level, with a leg attributed to it.
    pub exchanges: u32,
    /// Outermost exchanges where the claims differ.
    pub disputed: u32,
    /// Legs attributed to it whose number nobody knows.
    pub unnumbered: u32,
    /// Legs attributed to it and others jointly.
    pub shared: Option<Rest>,
    /// Legs of its exchanges that do not say this side.
    pub open: Option<Rest>,
}

/// Legs that are not attributed to one country alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How many legs.
    pub legs: u32,
    /// At most so many of those persons can be the country's; absent: no bound is known.
    pub at_most: Option<u64>,
}

impl Share {
    /// Adds what another outermost exchange says.
    pub fn add(&mut self, other: Self) {
        self.amount = Amount::sum(self.amount.iter().chain(&other.amount));
        let of_which = std::mem::take(&mut self.of_which).zip(other.of_which);
        self.of_which = of_which.map(|(one, another)| Amount::sum(one.iter().chain(&another)));
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.disputed = self.disputed.saturating_add(other.disputed);
        self.unnumbered = self.unnumbered.saturating_add(other.unnumbered);
        self.shared = Rest::plus(self.shared, other.shared);
        self.open = Rest::plus(self.open, other.open);
    }

    /// Sets the number to use; `values` are the preferred ones, the latest first.
    pub fn prefer(&mut self, values: impl IntoIterator<Item = u32>) {
        if let Some(amount) = &mut self.amount {
            amount.prefer(values);
        }
    }

    fn low(&self) -> u64 {
        self.amount.as_ref().map_or(0, |amount| amount.low)
    }

    /// How many of the persons remain once `named` are taken away; absent: none do.
    fn rest(&self, legs: usize, named: u64) -> Option<Rest> {
        let legs = u32::try_from(legs).unwrap_or(u32::MAX);
        let bound = self.amount.as_ref().filter(|_| self.unnumbered == 0).and_then(Amount::at_most);
        match bound {
            Some(high) if high <= named => None,
            bound => Some(Rest { legs, at_most: bound.map(|high| high - named) }),
        }
    }
}

impl Rest {
    fn plus(one: Option<Self>, another: Option<Self>) -> Option<Self> {
        let (Some(a), Some(b)) = (one, another) else {
            return one.or(another);
        };
        let at_most = a.at_most.zip(b.at_most).map(|(a, b)| a.saturating_add(b));
        Some(Self { legs: a.legs.saturating_add(b.legs), at_most })
    }
}

/// What one outermost exchange says about each country, in one direction.
///
/// `legs` are all its legs of one unit, those of the exchanges within it included; `parties` are
/// the parties of the exchange, to whom a side not said is open.
pub fn shares<'a>(
    legs: &[EstimatedLeg<'a>],
    parties: &BTreeSet<&'a str>,
    nesting: &Nesting<'_>,
    direction: Direction,
) -> BTreeMap<&'a str, Share> {
    let mut by_side: BTreeMap<&'a Side, Vec<&EstimatedLeg<'a>>> = BTreeMap::new();
    for leg in legs {
        by_side.entry(leg.0.own(direction)).or_default().push(leg);
    }
    let sides: Vec<OwnSide<'a>> = by_side
        .into_iter()
        .map(|(side, legs)| OwnSide {
            side,
            legs: legs.len(),
            share: own(&legs, nesting, direction),
        })
        .collect();
    let mut found: BTreeMap<&'a str, Share> = BTreeMap::new();
    for own in &sides {
        if let Some(country) = alone(own.side) {
            found.insert(country, own.share.clone());
        }
    }
    add_shared(&sides, &mut found);
    add_open(&sides, parties, &mut found);
    found
}

/// All legs of one own side: a country, several jointly, or not said.
struct OwnSide<'a> {
    side: &'a Side,
    legs: usize,
    share: Share,
}

/// The party, where the side names exactly one.
fn alone(side: &Side) -> Option<&str> {
    side.first().filter(|_| side.len() == 1).map(String::as_str)
}

/// The number of one own side by itself.
fn own(legs: &[&EstimatedLeg<'_>], nesting: &Nesting<'_>, direction: Direction) -> Share {
    let sum = |number: &dyn Fn(&Estimate) -> Option<Amount>| {
        let entries: Vec<Entry<'_>> = legs
            .iter()
            .filter_map(|(key, estimate)| {
                let amount = number(estimate)?;
                Some(Entry { key, other: key.other(direction), amount })
            })
            .collect();
        whole::sum(&entries, nesting)
    };
    let amount = sum(&Amount::of_leg);
    let exchanges: BTreeSet<&str> = legs.iter().map(|(key, _)| key.exchange.as_str()).collect();
    Share {
        disputed: u32::from(amount.as_ref().is_some_and(|amount| amount.low < amount.high)),
        amount,
        of_which: OfWhich {
            minors: sum(&|leg| leg.of_which.minors.map(Amount::of_range)),
            women: sum(&|leg| leg.of_which.women.map(Amount::of_range)),
            civilians: sum(&|leg| leg.of_which.civilians.map(Amount::of_range)),
            wounded: sum(&|leg| leg.of_which.wounded.map(Amount::of_range)),
        },
        exchanges: u32::try_from(exchanges.len()).unwrap_or(u32::MAX),
        unnumbered: unnumbered(legs, nesting, direction),
        shared: None,
        open: None,
    }
}

fn unnumbered(legs: &[&EstimatedLeg<'_>], nesting: &Nesting<'_>, direction: Direction) -> u32 {
    let legs: Vec<(Across<'_>, bool)> = legs
        .iter()
        .map(|(key, estimate)| ((*key, key.other(direction)), estimate.range.is_some()))
        .collect();
    u32::try_from(whole::unnumbered(&legs, nesting)).unwrap_or(u32::MAX)
}

/// Of the joint sides, only those that no other joint side includes: the others are within.
fn add_shared<'a>(sides: &[OwnSide<'a>], found: &mut BTreeMap<&'a str, Share>) {
    let joint = outermost(sides.iter().filter(|own| own.side.len() > 1));
    for own in joint {
        let members = sides
            .iter()
            .filter(|member| alone(member.side).is_some_and(|country| own.side.contains(country)));
        let named = members.fold(0_u64, |sum, member| sum.saturating_add(member.share.low()));
        let Some(rest) = own.share.rest(own.legs, named) else {
            continue;
        };
        for country in own.side {
            let share = found.entry(country).or_default();
            share.shared = Rest::plus(share.shared, Some(rest));
        }
    }
}

fn add_open<'a>(
    sides: &[OwnSide<'a>],
    parties: &BTreeSet<&'a str>,
    found: &mut BTreeMap<&'a str, Share>,
) {
    let Some(unsaid) = sides.iter().find(|own| own.side.is_empty()) else {
        return;
    };
    // A side whose numbers are unknown would hide those of the sides within it.
    let numbered = |own: &&OwnSide<'_>| !own.side.is_empty() && own.share.amount.is_some();
    let said = outermost(sides.iter().filter(numbered));
    let named = said.iter().fold(0_u64, |sum, own| sum.saturating_add(own.share.low()));
    let Some(rest) = unsaid.share.rest(unsaid.legs, named) else {
        return;
    };
    for country in parties {
        found.entry(country).or_default().open = Some(rest);
    }
}

fn outermost<'s, 'a>(sides: impl Iterator<Item = &'s OwnSide<'a>>) -> Vec<&'s OwnSide<'a>>
where
    'a: 's,
{
    let mut sides: Vec<_> = sides.collect();
    sides.sort_by_key(|own| usize::MAX - own.side.len());
    let mut found: Vec<&OwnSide<'a>> = Vec::new();
    for own in sides {
        if !found.iter().any(|larger| includes(larger.side, own.side)) {
            found.push(own);
        }
    }
    found
}
