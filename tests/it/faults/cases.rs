//! Many cases of one test, a few at a time.

use std::fmt::Display;

use futures_util::StreamExt as _;
use rand::{SeedableRng as _, rngs::StdRng};

/// Cases that are run at a time; most of the time a case waits for another process.
const AT_ONCE: usize = 3;

/// Chance with a printed seed.
pub(super) fn seeded() -> StdRng {
    StdRng::seed_from_u64(crate::support::seed())
}

/// Runs every case, or those with names that hold what `HANDOVER_CASE` says, and fails with all
/// those that failed.
pub(super) async fn each<C, F>(cases: Vec<C>, run: impl Fn(C) -> F)
where
    C: Display,
    F: Future<Output = ()> + Send + 'static,
{
    let only = std::env::var("HANDOVER_CASE").unwrap_or_default();
    let cases: Vec<C> = cases.into_iter().filter(|case| case.to_string().contains(&only)).collect();
    let count = cases.len();
    let running = futures_util::stream::iter(cases).map(|case| {
        let name = case.to_string();
        let run = run(case);
        async { (name, tokio::spawn(run).await) }
    });
    let failed: Vec<String> = running
        .buffer_unordered(AT_ONCE)
        .filter_map(async |(name, ended)| ended.is_err().then_some(name))
        .collect()
        .await;
    println!("{count} cases were run");
    let list = failed.join("\n  ");
    assert!(failed.is_empty(), "{} of {count} cases failed:\n  {list}", failed.len());
}

/// Whether to try everything instead of what differs in kind and a sample of the rest.
pub(super) fn exhaustive() -> bool {
    std::env::var_os("HANDOVER_FAULTS").is_some_and(|all| all == "all")
}
