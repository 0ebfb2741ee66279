//! Frames of earlier epochs that are still in the files of the journal never come back.

use std::{fmt, fs, path::PathBuf};

use handover::domain::proto::{AppendRequest, ReadRequest};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    cases::{each, seeded},
    disk::{Disk, Image, Landed},
    places,
    probe::probe,
    process::Process,
    shim::World,
    steps,
    story::{self, Reported},
};
use crate::support::{append, event, read, text};

/// Frames begin on multiples of this.
const PAGE: usize = 4096;
/// Power cuts, one after the other, on the same store.
const CUTS: usize = 5;
/// Appends between two of them; a file of the journal holds about six.
const APPENDS: usize = 8;
/// Bytes of each, all alike: the next frame begins where one of an earlier epoch did.
const SIZE: usize = 160_000;
/// Stores that go through that.
const STORES: usize = 6;

/// A store on which the power fails again and again.
struct Store(u64);

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.0)
    }
}

/// An append unlike all others.
fn unique(cut: usize, number: usize) -> (String, AppendRequest) {
    let payload = format!("{cut}.{number} ").repeat(SIZE / 4);
    (payload.clone(), append("x/a", vec![event(&payload, &[])]))
}

/// Lets a server work, and shows what is on the disk if the power fails meanwhile; `history` is
/// what may then be there, and the number is how much of that must be.
async fn work(
    cut: usize,
    image: &Image,
    history: &mut Vec<String>,
    chance: &mut StdRng,
) -> (Image, usize) {
    let world = World::new();
    image.write(world.root());
    let mut disk = Disk::of(world.root());
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves");
    let found: Vec<String> = read(&client, ReadRequest::default()).await.iter().map(text).collect();
    assert!(history.starts_with(&found), "something has come back that was lost");
    history.truncate(found.len());
    let mut acknowledged = vec![(0, found.len())];
    for number in 0..APPENDS {
        let (payload, request) = unique(cut, number);
        client.append(request).await.expect("it is appended");
        history.push(payload);
        acknowledged.push((world.now(), history.len()));
    }
    drop(server);
    let steps = steps::read(&world.steps());
    let in_journal = |path: &str| path.contains("/journal/");
    let writes: Vec<usize> = (0..steps.len())
        .filter(|at| !steps[*at].is_sync() && in_journal(&steps[*at].path))
        .collect();
    let at = writes[chance.random_range(writes.len() / 2..writes.len())];
    for step in &steps[..=at] {
        disk.apply(step);
    }
    let end = steps[at].end;
    let least =
        acknowledged.iter().rfind(|(reported, _)| *reported < end).map_or(0, |(_, count)| *count);
    (disk.image(Landed::Some, Landed::All, chance), least)
}

async fn lose_power_again_and_again(Store(seed): Store) {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut history = Vec::new();
    let mut image = Image::of(World::new().root());
    for cut in 0..CUTS {
        let (next, least) = work(cut, &image, &mut history, &mut chance).await;
        image = next;
        let world = World::new();
        image.write(world.root());
        let server = Process::start(&world, None);
        let client = server.client().await.expect("it serves");
        let found: Vec<String> =
            read(&client, ReadRequest::default()).await.iter().map(text).collect();
        assert!(history.starts_with(&found), "something has come back that was lost");
        assert!(found.len() >= least, "{} are left of {least}", found.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_loses_power_again_and_again_never_takes_up_what_was_lost() {
    let mut chance = seeded();
    let stores = (0..STORES).map(|_| Store(chance.random())).collect();
    each(stores, lose_power_again_and_again).await;
}

/// The files of the journal.
fn journal(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.data().join("journal")).expect("the journal");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect()
}

/// Puts frames of an older file behind the last frame of a newer one: whole ones, or half of each.
fn fill_up(newer: &mut [u8], older: &[u8], half: bool) -> bool {
    let used = newer.iter().rposition(|byte| *byte != 0).map_or(0, |last| last / PAGE + 1) * PAGE;
    let frames = older.chunks(PAGE).position(|page| page.starts_with(b"\x89HOJ\r\n\x1A\n"));
    let Some(first) = frames.filter(|_| used < newer.len()) else { return false };
    let stale = &older[first * PAGE..];
    let length = stale.len().min(newer.len() - used) / if half { 2 } else { 1 };
    newer[used..used + length].copy_from_slice(&stale[..length]);
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn old_frames_behind_the_last_one_and_in_files_of_their_own_count_for_nothing() {
    let world = World::new();
    let mut reported = Reported::default();
    let mut older = Vec::new();
    let mut events = Vec::new();
    for until in [6, 12, places::APPENDS] {
        let before = reported.count();
        older.extend(journal_of(&world));
        let server = Process::start(&world, None);
        let client = server.client().await.expect("it serves");
        story::append(&world, &client, &mut reported, until).await;
        story::until_sealed(&server, &reported, before).await;
        events = story::check(&client, reported.bounds()).await;
    }
    let mut filled = 0;
    for (number, old) in older.iter().enumerate() {
        for half in [false, true] {
            let copy = World::new();
            Image::of(world.root()).write(copy.root());
            for path in journal(&copy) {
                let mut newer = fs::read(&path).expect("a file of the journal");
                filled += usize::from(fill_up(&mut newer, old, half));
                fs::write(path, newer).expect("it can be changed");
            }
            let own = format!("{:08}.journal", 90_000 + number);
            fs::write(copy.data().join("journal").join(own), old).expect("it can be made");
            probe(&copy, &events).await.assert_whole(&events);
        }
    }
    assert!(filled > 0, "no frame of an earlier epoch was put anywhere");
}

/// What is in the files of the journal, if there is one.
fn journal_of(world: &World) -> Vec<Vec<u8>> {
    if !world.data().exists() {
        return Vec::new();
    }
    journal(world).iter().map(|path| fs::read(path).expect("a file of the journal")).collect()
}
