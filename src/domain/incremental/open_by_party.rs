//! What is open for each of many parties that stand alone across from legs that do not say their
//! own side.
//!
//! The legs that are open for a party are all but its own, which name it alone across. Keeping for
//! each party what must be among them takes the square of the parties. So it is kept once, for all
//! legs together, as far as a party's own legs make no difference to it:
//!
//! - **Firm** are legs that say their side across, or stand beside legs that do not. They must be
//!   among those that are open for a party as well, unless they name that party.
//! - **Loose** are legs that do not say it, and must be among all because every named party stands
//!   there. Without a party's own legs that party does not. Then only what it handed over itself
//!   must still be among them: it cannot have faced itself.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::{
    LegId,
    attributed::Attributed,
    components::Component,
    unattributed::{Unattributed, View},
};
use crate::domain::{
    estimate::Estimate,
    leg::{Direction, Side},
    multiset::Multiset,
    share::{Remainder, Share},
    symbol::Symbol,
    tally::AmountTally,
    unattributed::Counterparties,
    way::Way,
    work,
};

/// What is kept for all of these parties together.
#[derive(Clone, Debug)]
pub(super) struct OpenByParty {
    direction: Direction,
    firm: Attributed,
    loose: Attributed,
    /// The parties that legs name together with others, and how many legs do so.
    among: Multiset<Symbol>,
    /// What the sum of all legs has more than that of those open for a party; absent: not worked
    /// out.
    own: HashMap<Symbol, More>,
}

/// What one sum has more than another. Numbers wrap around, as those of tallies do.
#[derive(Clone, Copy, Debug)]
struct More {
    amount: AmountTally,
    unknown: u64,
}

impl More {
    fn less(self, other: Self) -> Self {
        let mut amount = self.amount;
        amount.change(&other.amount, Way::Out);
        Self { amount, unknown: self.unknown.wrapping_sub(other.unknown) }
    }

    fn of(unsaid: &Unattributed) -> Self {
        let (amount, unknown) = unsaid.total();
        Self { amount, unknown }
    }
}

impl OpenByParty {
    /// Of the legs that are there.
    pub(super) fn new(direction: Direction, view: View<'_>, unsaid: &mut Unattributed) -> Self {
        let [firm, loose] = [(); 2].map(|()| Attributed::new(direction));
        let (among, own) = (Multiset::default(), HashMap::new());
        let mut opened = Self { direction, firm, loose, among, own };
        for leg_id in unsaid.legs().keys() {
            opened.count(view, *leg_id, Way::In);
        }
        for leg_id in view.legs.keys() {
            if view.says_own_side(*leg_id) {
                let counted = unsaid.set_attributed(view, *leg_id);
                opened.set_attributed(view, *leg_id, counted, unsaid.across());
            }
        }
        opened
    }

    /// Takes notice that a leg that does not say its own side came or went.
    pub(super) fn count(&mut self, view: View<'_>, leg_id: LegId, way: Way) {
        let other = view.placed(leg_id).map(|it| it.other).filter(|other| other.len() > 1);
        for party in other.into_iter().flat_map(Side::iter) {
            self.among.change(party, way);
        }
    }

    /// Takes notice that the sum of the legs is about to change, or has changed, by one of them.
    pub(super) fn forget(&mut self, view: View<'_>, leg_id: LegId, unsaid: &Unattributed) {
        match unsaid.component(view, leg_id) {
            Component::All => self.own.clear(),
            Component::Of(flows) => {
                for flow in flows {
                    let flow = view.context.flows.seen(flow, self.direction);
                    if let Some(party) = flow.and_then(|flow| flow.other.alone()) {
                        self.own.remove(&party);
                    }
                }
            }
        }
    }

    /// Sets what of a leg that says this side must be among all.
    pub(super) fn set_attributed(
        &mut self,
        view: View<'_>,
        leg_id: LegId,
        counted: Option<Estimate>,
        across: &Counterparties,
    ) {
        let Some(part) = view.placed(leg_id) else { return };
        let is_loose = part.other.is_empty() && !across.is_unsaid_around(part, view.surroundings());
        let (firm, loose) = if is_loose { (None, counted) } else { (counted, None) };
        self.firm.set(view.context, leg_id, firm);
        self.loose.set(view.context, leg_id, loose);
    }

    /// The least number of persons who must be among the legs, as far as they are firm.
    pub(super) fn of_firm(&self) -> u64 {
        self.firm.of_all()
    }

    /// Whether what is kept tells what is open for a party. It does not where the party stands
    /// across by other legs as well, which legs that are loose may need.
    pub(super) fn decides(&self, party: Symbol) -> bool {
        self.loose.is_empty() || !self.among.contains(&party)
    }

    /// What the legs leave that are open for a party of which this tells; `own` are those that are
    /// not open.
    pub(super) fn to(
        &mut self,
        view: View<'_>,
        (party, own): (Symbol, &BTreeSet<LegId>),
        unsaid: &mut Unattributed,
        of_firm: u64,
    ) -> Option<Remainder> {
        let more = *self.own.entry(party).or_insert_with(|| more(view, own, unsaid));
        let open = More::of(unsaid).less(more);
        let share = Share {
            amount: open.amount.amount(),
            unnumbered: u32::try_from(open.unknown).unwrap_or(u32::MAX),
            ..Share::default()
        };
        let named = self.attributed(view, (party, own), unsaid, of_firm);
        Remainder::of(unsaid.legs().len() - own.len(), &share, named)
    }

    /// The least number of persons who must be among the legs that are open for a party.
    fn attributed(
        &mut self,
        view: View<'_>,
        (party, own): (Symbol, &BTreeSet<LegId>),
        unsaid: &mut Unattributed,
        of_firm: u64,
    ) -> u64 {
        let gone = self.gone(view, (party, own), unsaid);
        if gone.is_empty() && !self.firm.any_joint() && self.firm.of(party).is_none() {
            return of_firm.saturating_add(self.loose.of(party).unwrap_or(0));
        }
        let stays = self.loose.legs_of(party);
        if gone.is_empty() && stays.is_empty() {
            return of_firm;
        }
        for (leg_id, _) in &gone {
            self.firm.set(view.context, *leg_id, None);
        }
        for (leg_id, estimate) in &stays {
            self.firm.set(view.context, *leg_id, Some(estimate.clone()));
        }
        let named = self.firm.of_all();
        for (leg_id, _) in stays {
            self.firm.set(view.context, leg_id, None);
        }
        for (leg_id, estimate) in gone {
            self.firm.set(view.context, leg_id, Some(estimate));
        }
        named
    }

    /// The firm legs that need not be among those open for a party: they name it across.
    fn gone(
        &self,
        view: View<'_>,
        (party, own): (Symbol, &BTreeSet<LegId>),
        unsaid: &mut Unattributed,
    ) -> Vec<(LegId, Estimate)> {
        let facing = view.facing.get(&Some(party)).into_iter().flatten();
        let firm = |leg_id: &LegId| {
            work::visit(1);
            let part = view.placed(*leg_id).filter(|part| !part.own.is_empty())?;
            Some((*leg_id, part, self.firm.counted(part.own, *leg_id)?.clone()))
        };
        let facing: Vec<_> = facing.filter_map(firm).collect();
        if facing.is_empty() {
            return Vec::new();
        }
        let own = own.iter().filter(|leg_id| {
            unsaid.legs().get(*leg_id).is_some_and(|estimate| estimate.range.is_some())
        });
        let own: Vec<_> = own.filter_map(|leg_id| view.placed(*leg_id)).collect();
        let across = unsaid.across_mut();
        for leg in &own {
            across.change(*leg, Way::Out);
        }
        let gone =
            facing.into_iter().filter(|(_, part, _)| !across.must_hold(*part, view.surroundings()));
        let gone = gone.map(|(leg_id, _, estimate)| (leg_id, estimate)).collect();
        for leg in &own {
            across.change(*leg, Way::In);
        }
        gone
    }
}

/// What some of the legs add to the sum of all. They are taken out, and put back.
fn more(view: View<'_>, own: &BTreeSet<LegId>, unsaid: &mut Unattributed) -> More {
    let all = More::of(unsaid);
    let legs: Vec<(LegId, Option<Estimate>)> =
        own.iter().map(|leg_id| (*leg_id, unsaid.legs().get(leg_id).cloned())).collect();
    for leg_id in own {
        unsaid.sum_mut().set(view.context, *leg_id, None);
    }
    let others = More::of(unsaid);
    for (leg_id, estimate) in legs {
        unsaid.sum_mut().set(view.context, leg_id, estimate);
    }
    all.less(others)
}
