//! Legs of one unit that contain each other in every way, for tests.

use std::hash::{BuildHasher as _, RandomState};

use proptest::{prelude::*, sample::select, test_runner::RngSeed};

use crate::domain::{
    leg::{LegKey, Side},
    nesting::Nesting,
    symbol::Symbol,
};

/// Every run takes another seed; `PROPTEST_RNG_SEED` takes one again.
pub(crate) fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(0));
    }
    eprintln!("PROPTEST_RNG_SEED={:?}", config.rng_seed);
    config
}

/// Up to two of three parties; empty: not said.
fn sides() -> impl Strategy<Value = Side> {
    prop::collection::vec(1..4_u32, 0..3)
        .prop_map(|parties| parties.into_iter().map(Symbol::at).collect())
}

/// One of four exchanges.
fn exchanges() -> impl Strategy<Value = Symbol> {
    (10..14_u32).prop_map(Symbol::at)
}

/// Legs in four exchanges, of two portions or none, and of two categories or none.
pub(crate) fn legs() -> impl Strategy<Value = LegKey> {
    let portion = select(vec![Symbol::EMPTY, Symbol::at(20), Symbol::at(21)]);
    let leg = (exchanges(), sides(), sides(), 0..3_i32, portion);
    leg.prop_map(|(exchange, from, to, category, portion)| LegKey {
        exchange,
        unit: 1,
        from,
        to,
        category,
        portion,
    })
}

/// The exchanges within each other in any way.
pub(crate) fn nestings() -> impl Strategy<Value = Nesting> {
    prop::collection::vec((exchanges(), exchanges()), 0..5).prop_map(Nesting::new)
}
