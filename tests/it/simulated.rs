//! Random schedules on a simulated network: the real server and the real client over connections
//! that are cut, held up, delayed and lost, in simulated time.
//!
//! A world has a server on a temporary store, appenders that repeat what has no answer, followers
//! that resume, and workers of a consumer group. Each is a host of `turmoil` with a runtime and a
//! clock of its own. Messages between two hosts overtake one another on their way, and the bytes of
//! a connection come in order. A schedule cuts each link, in both directions or in one, holds it
//! up, loses what is under way, slows it down, and crashes or stops the hosts. Then the network is
//! whole again, and every promise is checked against the log (`audit`).
//!
//! What a cut has lost is not sent again, so the connection hangs until a ping of either side has
//! no answer: the lost packets of minutes. A link that is held up delivers everything late: the
//! lost packets of seconds, which TCP repeats.
//!
//! # What a seed fixes, and what it does not
//!
//! The engine has threads of its own (its writer, its feeders), and its blocking reads run on a
//! pool. They are real, and take real time. These rules join both kinds of time:
//!
//! - While a blocking task of a host runs, the clock of that host stands still: a paused clock of
//!   tokio works so.
//! - After each tick the world waits until the writer has answered all that was queued (`settle`),
//!   so an append takes a tick and no more, however slow the disk is.
//! - The feeders are not waited for. What needs the index comes some ticks later on a slow machine.
//!   Deadlines of this test are in simulated time, and generous.
//!
//! A seed fixes what is appended, what is done to the network and when, how handlers behave, and
//! the delays that are drawn. It does not fix the tick in which the index is ready, the pauses of
//! clients, or which branch of a `select!` comes first. So a seed that has failed repeats its
//! schedule, and fails again often, not always.
//!
//! A crash of the server ends its connections and tasks in the middle, and then closes the store.
//! `tests/it/histories.rs` kills the process.
//!
//! `HANDOVER_SEED` runs one schedule again, and only that one. `FAULT_NETWORKS` is the number of
//! schedules; with both, that many from the seed on.

mod appender;
mod audit;
mod faults;
mod follower;
mod network;
mod server;
mod tally;
mod worker;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rand::Rng as _;

use self::{tally::Tally, world::World};

/// Schedules that are run.
const SEEDS: u64 = 200;
/// Schedules that run at once; each waits for its disk most of the time.
const AT_ONCE: usize = 4;
/// How long the next schedule may take to end. It takes a second, and one that hangs has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// The outcome of a schedule; none: it failed, and has printed why.
type Ended = (u64, Option<Tally>);

/// Runs schedules from `first` on, each on one of a few threads, and gives what became of each.
#[expect(clippy::print_stdout, reason = "a schedule that has failed is run again by its seed")]
fn run(first: u64, count: u64) -> mpsc::Receiver<Ended> {
    let (ended, outcomes) = mpsc::sync_channel(AT_ONCE);
    let next = std::sync::Arc::new(AtomicU64::new(0));
    for _ in 0..AT_ONCE {
        let (ended, next) = (ended.clone(), std::sync::Arc::clone(&next));
        thread::spawn(move || {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= count {
                    return;
                }
                let seed = first.wrapping_add(number);
                let ran = catch_unwind(AssertUnwindSafe(|| World::new(seed).run()));
                if ran.is_err() {
                    println!("the schedule of HANDOVER_SEED={seed} failed");
                }
                if ended.send((seed, ran.ok())).is_err() {
                    return;
                }
            }
        });
    }
    outcomes
}

#[test]
fn in_every_schedule_on_a_simulated_network_every_promise_is_kept() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let given = number("HANDOVER_SEED");
    let first = given.unwrap_or_else(|| rand::rng().random());
    let usual = if given.is_some() { 1 } else { SEEDS };
    let count = number("FAULT_NETWORKS").unwrap_or(usual);
    println!("{count} schedules from HANDOVER_SEED={first}");
    let (begun, outcomes) = (Instant::now(), run(first, count));
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for number in 0..count {
        let outcome = outcomes.recv_timeout(PATIENCE);
        let (seed, ran) = outcome.unwrap_or_else(|_| {
            panic!("{number} of {count} schedules ended, and the others hang; failed: {failed:?}")
        });
        match ran {
            Some(ran) => tally += ran,
            None => failed.push(seed),
        }
    }
    println!("{tally:?} in {:.1} s", begun.elapsed().as_secs_f64());
    assert!(failed.is_empty(), "schedules failed; HANDOVER_SEED is one of {failed:?}");
    assert!(count < SEEDS || tally.has_everything(), "what was to happen did not: {tally:?}");
}
