//! The claims that stand on one leg, reduced as they come and go.

use super::{Estimate, Number, span};
use crate::domain::{
    flags::{Flag, Flags},
    multiset::Multiset,
    of_which::OfWhich,
    way::Way,
    work,
};

/// What the estimate of a leg needs of its claims: adding one, taking one away and the estimate
/// cost the same however many there are, but for their logarithm.
#[derive(Clone, Debug, Default)]
pub struct StandingClaims {
    exact: Extremes,
    about: Extremes,
    claims: u64,
}

/// The claims that say "about", or those that do not.
#[derive(Clone, Debug, Default)]
struct Extremes {
    lows: Multiset<u32>,
    highs: Multiset<u32>,
    open_below: u64,
    open_above: u64,
    parts: OfWhich<Multiset<u32>>,
}

impl StandingClaims {
    /// Adds a claim, or takes away one that was added.
    pub fn change(&mut self, number: &Number, parts: OfWhich<Option<u32>>, way: Way) {
        work::visit(1);
        way.step(&mut self.claims, 1);
        let side = if number.approximate { &mut self.about } else { &mut self.exact };
        side.change(number, parts, way);
    }

    /// No claim stands.
    pub fn is_empty(&self) -> bool {
        self.claims == 0
    }

    /// What [`Estimate::of`] says of the same claims.
    pub fn estimate(&self, preferred: impl IntoIterator<Item = u32>) -> Estimate {
        let (exact, about) = (self.exact.estimate(), self.about.estimate());
        let mut about = about;
        if about.range.is_some() {
            about.flags.insert(Flag::Approximate);
        }
        Estimate::decided(exact, about, preferred)
    }
}

impl Extremes {
    fn change(&mut self, number: &Number, parts: OfWhich<Option<u32>>, way: Way) {
        if let Some((low, high)) = number.ends() {
            self.lows.change(low, way);
            self.highs.change(high, way);
            way.step(&mut self.open_below, number.low.is_none().into());
            way.step(&mut self.open_above, number.high.is_none().into());
        }
        self.parts.as_mut().zip(parts).map(|(values, part)| {
            part.map(|part| values.change(part, way));
        });
    }

    /// The estimate without a number to use.
    fn estimate(&self) -> Estimate {
        let range = self.lows.ends().zip(self.highs.ends());
        let open = [(self.open_below, Flag::OpenBelow), (self.open_above, Flag::OpenAbove)];
        let flags: Flags =
            open.into_iter().filter(|(claims, _)| *claims > 0).map(|(_, flag)| flag).collect();
        Estimate {
            range: range.and_then(|(lows, highs)| span(Some(lows), Some(highs))),
            preferred: None,
            flags,
            of_which: self.parts.as_ref().map(Multiset::ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use proptest::{prelude::*, sample::Index, test_runner::RngSeed};

    use super::*;

    /// Every run takes another seed; `PROPTEST_RNG_SEED` takes one again.
    fn config() -> ProptestConfig {
        let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
        if matches!(config.rng_seed, RngSeed::Random) {
            config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(0));
        }
        eprintln!("PROPTEST_RNG_SEED={:?}", config.rng_seed);
        config
    }

    type Claim = (Number, OfWhich<Option<u32>>);

    fn claims() -> impl Strategy<Value = Claim> {
        let end = || prop::option::weighted(0.7, 1..20_u32);
        let part = || prop::option::weighted(0.3, 0..9_u32);
        let parts = (part(), part(), part(), part());
        let parts = parts.prop_map(|(minors, women, civilians, wounded)| OfWhich {
            minors,
            women,
            civilians,
            wounded,
        });
        let number = (end(), end(), any::<bool>(), any::<bool>()).prop_map(
            |(low, other, single, approximate)| {
                let high = if single { low } else { other };
                Number { low, high, approximate }
            },
        );
        (number, parts)
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn claims_that_come_and_go_amount_to_those_that_are_left(
            steps in prop::collection::vec((claims(), any::<Index>(), 0..3_u8), 1..40),
            preferred in prop::collection::vec(1..20_u32, 0..3),
        ) {
            let mut kept = StandingClaims::default();
            let mut left: Vec<Claim> = Vec::new();
            for (claim, index, step) in steps {
                if step == 0 && !left.is_empty() {
                    let (number, parts) = left.swap_remove(index.index(left.len()));
                    kept.change(&number, parts, Way::Out);
                } else {
                    kept.change(&claim.0, claim.1, Way::In);
                    left.push(claim);
                }
                let all = left.iter().map(|(number, parts)| (number, parts));
                let expected = Estimate::of(all, preferred.iter().copied());
                prop_assert_eq!(kept.estimate(preferred.iter().copied()), expected);
                prop_assert_eq!(kept.is_empty(), left.is_empty());
            }
        }
    }
}
