//! Random legs of one exchange.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
};

use proptest::{prelude::*, sample::select, test_runner::RngSeed};

use crate::domain::{
    estimate::Estimate,
    flags::Flag,
    leg::{LegKey, Side},
    nesting::Nesting,
    of_which::OfWhich,
    symbol::Symbol,
};

const OUTER: Symbol = Symbol::at(1);
const INNER: Symbol = Symbol::at(2);
const INNERMOST: Symbol = Symbol::at(3);

/// Every run takes another seed; `PROPTEST_RNG_SEED` takes one again.
pub(in crate::domain) fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(0));
    }
    eprintln!("PROPTEST_RNG_SEED={:?}", config.rng_seed);
    config
}

pub(in crate::domain) fn nesting() -> Nesting {
    Nesting::new([(INNER, OUTER), (INNERMOST, INNER)])
}

pub(in crate::domain) fn side(parties: impl IntoIterator<Item = u32>) -> Side {
    parties.into_iter().map(Symbol::at).collect()
}

/// No party, one of many, or several.
fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![
        2 => Just(Side::default()),
        5 => (10..18_u32).prop_map(|one| side([one])),
        1 => (10..18_u32, 10..18_u32).prop_map(|(one, other)| side([one, other])),
        1 => (10..18_u32, 10..18_u32, 10..18_u32).prop_map(|(a, b, c)| side([a, b, c])),
    ]
}

pub(in crate::domain) fn keys() -> impl Strategy<Value = LegKey> {
    let place = (select(&[OUTER, OUTER, INNER, INNERMOST][..]), select(&[0, 0, 0, 5, 6][..]));
    (place, sides(), sides(), select(&[0, 0, 0, 1, 2][..])).prop_map(
        move |((exchange, portion), from, to, category)| {
            let portion = Symbol::at(portion);
            LegKey { exchange, unit: 1, from, to, category, portion }
        },
    )
}

pub(in crate::domain) fn estimates() -> impl Strategy<Value = Estimate> {
    let range = prop::option::weighted(0.8, (1..20_u32, 0..9_u32));
    let range = range.prop_map(|range| range.map(|(low, more)| (low, low + more)));
    let flag = select(&[Flag::Approximate, Flag::OpenBelow, Flag::OpenAbove][..]);
    let flag = prop::option::weighted(0.2, flag);
    (range, any::<bool>(), flag, prop::option::of(0..4_u32)).prop_map(
        |(range, decided, flag, minors)| Estimate {
            range,
            preferred: range.map(|(low, _)| low).filter(|_| decided),
            flags: flag.into_iter().collect(),
            of_which: OfWhich { minors: minors.map(|it| (it, it + 1)), ..OfWhich::default() },
        },
    )
}

/// So many legs, each once.
pub(super) fn legs(count: Range<usize>) -> impl Strategy<Value = BTreeMap<LegKey, Estimate>> {
    prop::collection::btree_map(keys(), estimates(), count)
}
