//! What stands beside the figures of parties, of legs that are all there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Flows, LegId, Remainders};
use crate::domain::{
    estimate::Estimate,
    leg::Direction,
    nesting::Nesting,
    share::{EstimatedLeg, Remainder},
    symbol::Symbol,
};

/// What stands beside the figure of a party.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Beside {
    /// What joint sides leave for it; absent: nothing.
    pub(in crate::domain) shared: Option<Remainder>,
    /// What legs that do not say this side leave open for it; absent: nothing.
    pub(in crate::domain) open: Option<Remainder>,
}

/// What joint sides leave for each of their members, and what legs that do not say this side leave
/// open for each of `parties`.
pub(in crate::domain) fn beside(
    legs: &[EstimatedLeg<'_>],
    parties: &BTreeSet<Symbol>,
    nesting: &Nesting,
    direction: Direction,
) -> BTreeMap<Symbol, Beside> {
    let (mut flows, mut known) = (Flows::default(), BTreeMap::<LegId, Estimate>::new());
    let mut remainders = Remainders::new(direction);
    for (key, estimate) in legs {
        let leg_id = flows.id(key);
        known.insert(leg_id, estimate.clone());
        remainders.set(Context { flows: &flows, nesting }, &known, leg_id, None);
    }
    remainders.settle_shared();
    let open = remainders.open(Context { flows: &flows, nesting }, &known);
    let shared = remainders.shared();
    let concerned = shared.iter().chain(parties.iter().copied());
    let beside = |party: Symbol| Beside {
        shared: shared.of(party),
        open: open.to(party).filter(|_| parties.contains(&party)),
    };
    let beside = concerned.map(|party| (party, beside(party)));
    beside.filter(|(_, it)| it.shared.is_some() || it.open.is_some()).collect()
}
