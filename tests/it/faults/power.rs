//! Power loss: whatever of the steps has landed by then, the store opens, and holds the first so
//! many appends, the acknowledged ones at least.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use handover::domain::proto::RecordedEvent;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    cases::{each, exhaustive, seeded},
    disk::{Digests, Disk, Image, Landed},
    places::{self, Ending, RUNS},
    process::Process,
    shim::World,
    steps::{self, Step},
    story::{self, Reported},
};

/// What of the contents and what of the names has landed.
const LANDED: [(Landed, Landed); 7] = [
    (Landed::None, Landed::None),
    (Landed::All, Landed::All),
    (Landed::None, Landed::All),
    (Landed::All, Landed::None),
    (Landed::AllButOne, Landed::All),
    (Landed::One, Landed::All),
    (Landed::Some, Landed::Some),
];

/// Appends after a kill: enough to use files of the journal again.
const MORE: u64 = 6;
/// Power cuts that are tried after a kill.
const CUTS: usize = 2;

/// A disk after the power has failed, and how many appends were acknowledged by then.
struct Cut {
    what: String,
    image: Image,
    acknowledged: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} appends acknowledged", self.what, self.acknowledged)
    }
}

/// What may be on the disk if the power fails at any of these steps, which follow on `disk`.
fn cuts(disk: &mut Disk, steps: &[Step], reported: &Reported, chance: &mut StdRng) -> Vec<Cut> {
    let mut cuts: BTreeMap<u64, Cut> = BTreeMap::new();
    let mut digests = Digests::default();
    let mut begin = 0;
    for (number, step) in steps.iter().enumerate() {
        // Before a sync most may be missing; between syncs there are many cuts that are alike.
        let landed = match chance.random_range(0..8) {
            _ if step.is_sync() || exhaustive() => &LANDED[..],
            0 => &LANDED[LANDED.len() - 1..],
            _ => &[],
        };
        for &(contents, names) in landed {
            let image = disk.image(contents, names, chance);
            let acknowledged = reported.by(begin);
            let what = format!(
                "before step {number} ({:?}): {contents:?} of the contents and {names:?} of the names landed",
                step.kind()
            );
            // The same image may come up again when more was acknowledged.
            cuts.insert(image.digest(&mut digests), Cut { what, image, acknowledged });
        }
        disk.apply(step);
        begin = step.end;
    }
    cuts.into_values().collect()
}

/// Opens a store that the power has left behind, and goes on in it.
async fn check(cut: Cut, story: Arc<Vec<RecordedEvent>>) {
    let world = World::new();
    cut.image.write(world.root());
    let server = Process::start(&world, None);
    let Some(client) = server.client().await else {
        panic!("{}: {:#?}", cut.what, server.end().await.1);
    };
    let most = story::recognise(&story);
    let found = story::check(&client, (cut.acknowledged, most)).await;
    assert!(story.starts_with(&found), "{}: events have changed", cut.what);
    story::go_on(&client, story::recognise(&found)).await;
}

/// A run without faults, step by step.
struct Run {
    /// The disk before it.
    disk: Disk,
    steps: Vec<Step>,
    reported: Reported,
    /// The log as it was at the end.
    story: Vec<RecordedEvent>,
}

impl Run {
    async fn of(ending: Ending, until: u64) -> Self {
        let (world, mut reported) = places::begin(ending).await;
        let disk = Disk::of(world.root());
        let before = reported.count();
        let server = Process::start(&world, None);
        let client = server.client().await.expect("it serves");
        story::append(&world, &client, &mut reported, until).await;
        assert_eq!(reported.count(), until, "{:?}", reported.refused);
        story::until_sealed(&server, &reported, before).await;
        let story = story::check(&client, reported.bounds()).await;
        assert!(server.stop().await.0.success());
        let steps = steps::read(&world.steps());
        println!("{} steps on a store that ended as {ending:?}", steps.len());
        Self { disk, steps, reported, story }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_power_fails_what_was_acknowledged_is_there() {
    let mut chance = seeded();
    for (ending, until) in RUNS {
        let Run { mut disk, steps, reported, story } = Run::of(ending, until).await;
        let cuts = cuts(&mut disk, &steps, &reported, &mut chance);
        println!("{} crash images of the whole store", cuts.len());
        let story = Arc::new(story);
        each(cuts, move |cut| check(cut, Arc::clone(&story))).await;
    }
}

/// A disk at the moment at which the process is killed.
struct Killed {
    what: String,
    disk: Disk,
    /// How many appends were acknowledged, and how many may be there.
    bounds: (u64, u64),
    /// For the power cut that follows.
    seed: u64,
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, seed {}", self.what, self.seed)
    }
}

/// Starts again on what the page cache shows after a kill, appends, and then cuts the power: what
/// the second process has found and acknowledged is there as well.
async fn restart_and_cut(killed: Killed) {
    let world = World::new();
    let mut disk = killed.disk;
    disk.visible().write(world.root());
    disk.adopt(world.root());
    let server = Process::start(&world, None);
    let Some(client) = server.client().await else {
        panic!("{}: {:#?}", killed.what, server.end().await.1);
    };
    let found = story::recognise(&story::check(&client, killed.bounds).await);
    let mut reported = Reported::of(found);
    story::append(&world, &client, &mut reported, found + MORE).await;
    let story = Arc::new(story::check(&client, (found + MORE, found + MORE)).await);
    server.stop().await;
    let mut chance = StdRng::seed_from_u64(killed.seed);
    let mut cuts = cuts(&mut disk, &steps::read(&world.steps()), &reported, &mut chance);
    // Before the first append nothing is new.
    cuts.retain(|cut| cut.acknowledged > found);
    for _ in 0..CUTS.min(cuts.len()) {
        let cut = cuts.swap_remove(chance.random_range(0..cuts.len()));
        check(cut, Arc::clone(&story)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_finds_after_a_kill_survives_a_power_cut_that_follows() {
    let mut chance = seeded();
    for (ending, until) in RUNS {
        let Run { mut disk, steps, reported, .. } = Run::of(ending, until).await;
        let mut seen = HashSet::new();
        let mut kills = Vec::new();
        let mut begin = 0;
        for (number, step) in steps.iter().enumerate() {
            // What is pending is greatest before a sync.
            if step.is_sync() && (seen.insert(step.kind()) || chance.random_range(0..12) == 0) {
                let what = format!("killed before step {number}, {:?}", step.kind());
                let bounds = (reported.by(begin), reported.count());
                kills.push(Killed { what, disk: disk.clone(), bounds, seed: chance.random() });
            }
            disk.apply(step);
            begin = step.end;
        }
        each(kills, restart_and_cut).await;
    }
}
