//! `kill -9` at every kind of step by which a store is made, opened, filled, sealed, indexed, saved
//! and built again: what was acknowledged is there at the next start, and the store goes on.

use std::{
    collections::BTreeMap,
    fmt, fs,
    os::unix::process::ExitStatusExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{
    cases::{each, seeded},
    failing::recover,
    places::{self, Ending},
    process::Process,
    shim::{Errno, Fault, World},
    steps,
    story::{self, Reported},
};

/// Kills in all; `FAULT_KILLS` is another number.
const KILLS: usize = 200;
/// Folders that are made again when they are missing.
const DERIVED: [&str; 3] = ["index", "places", "projections"];

/// What the process is at when it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// It makes a store.
    New,
    /// It goes on in a store that was stopped.
    Stopped,
    /// It recovers a store that was killed.
    Killed,
    /// It builds index, offsets and figures again.
    Rebuilt,
}

/// The work, and up to how many appends it is done.
const WORK: [(Work, u64); 4] =
    [(Work::New, 6), (Work::Stopped, 24), (Work::Killed, 20), (Work::Rebuilt, 20)];

/// A kill.
#[derive(Clone, Debug)]
struct Case {
    work: Work,
    until: u64,
    fault: Fault,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in a store, {:?}", self.fault, self.work)
    }
}

async fn begin(work: Work) -> (World, Reported) {
    let ending = match work {
        Work::New => Ending::None,
        Work::Stopped => Ending::Clean,
        Work::Killed | Work::Rebuilt => Ending::Killed,
    };
    let (world, reported) = places::begin(ending).await;
    if work == Work::Rebuilt {
        for folder in DERIVED.map(|name| world.data().join(name)) {
            if folder.exists() {
                fs::remove_dir_all(folder).expect("it can be removed");
            }
        }
    }
    (world, reported)
}

/// Works, as long as the process lives, and stops it.
async fn work(world: &World, reported: &mut Reported, until: u64, fault: Option<&Fault>) -> bool {
    let before = reported.count();
    let server = Process::start(world, fault);
    if let Some(client) = server.client().await {
        story::append(world, &client, reported, until).await;
        if reported.refused.is_none() {
            story::until_sealed(&server, reported, before).await;
            // Waits for the index and the figures, unless it is killed before.
            let _ = story::figures(&client, 0..reported.count()).await;
        }
    }
    let (status, said) = server.stop().await;
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{said:#?}");
    killed
}

/// Steps of each kind in a run without a kill.
async fn kinds(at: Work, until: u64) -> BTreeMap<(String, String), usize> {
    let (world, mut reported) = begin(at).await;
    assert!(!work(&world, &mut reported, until, None).await, "it was not to be killed");
    let mut kinds = BTreeMap::new();
    for step in steps::read(&world.steps()) {
        *kinds.entry(step.kind()).or_default() += 1;
    }
    kinds
}

/// One kill at each kind of step, then more of them until there are enough.
async fn cases(chance: &mut StdRng, count: usize) -> Vec<Case> {
    let mut of_kinds = Vec::new();
    for (at, until) in WORK {
        for ((call, place), steps) in kinds(at, until).await {
            of_kinds.push((at, until, call, place, steps));
        }
    }
    println!("{} kinds of steps", of_kinds.len());
    let mut cases = Vec::new();
    while cases.len() < count {
        of_kinds.shuffle(chance);
        for (at, until, call, place, steps) in of_kinds.iter().take(count - cases.len()) {
            let writes = call.contains("write");
            let action = if writes && chance.random() { "tear" } else { "kill" };
            let nth = chance.random_range(1..=*steps);
            let (calls, place) = (call.clone(), place.clone());
            let fault = Fault { action, calls, place, nth, errno: Errno::Io };
            cases.push(Case { work: *at, until: *until, fault });
        }
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_is_killed_what_was_acknowledged_is_there_and_the_store_goes_on() {
    let given = std::env::var("FAULT_KILLS").ok().and_then(|kills| kills.parse().ok());
    let cases = cases(&mut seeded(), given.unwrap_or(KILLS)).await;
    let (count, killed) = (cases.len(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&killed);
    each(cases, move |case| {
        let killed = Arc::clone(&counted);
        async move {
            let (world, mut reported) = begin(case.work).await;
            let struck = work(&world, &mut reported, case.until, Some(&case.fault)).await;
            killed.fetch_add(usize::from(struck), Ordering::Relaxed);
            recover(&world, reported.bounds()).await;
        }
    })
    .await;
    let killed = killed.load(Ordering::Relaxed);
    println!("{killed} of {count} were killed");
    // The steps of a run differ a little from those of another.
    assert!(killed * 10 >= count * 8, "{killed} of {count} were killed");
}
