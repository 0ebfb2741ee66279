//! Every kind of step fails, in several ways: what was acknowledged stays, reads go on, the server
//! says what is wrong, and once the trouble is over a start is all that is needed.

use std::{collections::BTreeMap, fmt, os::unix::process::ExitStatusExt as _};

use futures_util::TryStreamExt as _;
use handover::{
    domain::proto::{ReadRequest, ReadResponse},
    grpc::client::{Client, ClientError},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    cases::{each, exhaustive, seeded},
    disk::{Disk, Image, Landed},
    places::{self, Ending, RUNS},
    process::Process,
    shim::{Errno, Fault, World},
    steps,
    story::{self, Reported},
};

/// One run with a fault.
#[derive(Clone, Debug)]
struct Case {
    /// How the store was left before.
    ending: Ending,
    /// How many appends there are to be.
    until: u64,
    fault: Fault,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on a store that ended as {:?}", self.fault, self.ending)
    }
}

/// Calls that make something durable, or should.
const SYNCS: &str = "fsync|fdatasync|sync_file_range";
/// Calls that write.
const WRITES: &str = "write|pwrite";
/// Calls that change names.
const NAMES: &str = "create|mkdir|rename|unlink|rmdir";
/// What a disk can do from some step on.
const LASTING: [(&str, &str, Errno); 5] = [
    ("stay", SYNCS, Errno::Io),
    ("stay", WRITES, Errno::Io),
    ("stay", NAMES, Errno::Io),
    ("stay", NAMES, Errno::NoSpace),
    ("full", WRITES, Errno::NoSpace),
];
/// How often a lasting fault, and a kill, is tried in each run, at steps that are drawn.
const TRIES: usize = 2;

impl Case {
    /// Whether the fault strikes once only.
    fn passes(&self) -> bool {
        self.fault.action != "stay" && self.fault.action != "full"
    }

    /// Whether something that should be durable is not.
    fn loses(&self) -> bool {
        self.fault.calls.contains("sync")
    }

    fn kills(&self) -> bool {
        self.fault.action == "kill" || self.fault.action == "tear"
    }
}

/// The ways in which a step can fail.
fn ways(call: &str) -> Vec<(&'static str, Errno)> {
    match call {
        "write" | "pwrite" => vec![
            ("fail", Errno::Io),
            ("fail", Errno::NoSpace),
            ("half", Errno::NoSpace),
            ("short", Errno::Io),
        ],
        "fsync" | "fdatasync" | "rename" => vec![("fail", Errno::Io), ("fail", Errno::NoSpace)],
        "sync_file_range" | "unlink" | "rmdir" => vec![("fail", Errno::Io)],
        "create" | "mkdir" | "truncate" | "allocate" => vec![("fail", Errno::NoSpace)],
        other => panic!("nobody knows how {other} fails"),
    }
}

/// The steps of a run without faults, by kind.
async fn kinds(ending: Ending, until: u64) -> Kinds {
    let (world, mut reported) = places::begin(ending).await;
    let before = reported.count();
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves");
    story::append(&world, &client, &mut reported, until).await;
    assert_eq!(reported.count(), until, "{:?}", reported.refused);
    story::until_sealed(&server, &reported, before).await;
    story::check(&client, reported.bounds()).await;
    assert!(server.stop().await.0.success());
    let mut kinds = Kinds::new();
    for step in steps::read(&world.steps()) {
        *kinds.entry(step.kind()).or_default() += 1;
    }
    kinds
}

/// Which of so many steps of a kind fail: the first, and one more that is drawn; or all.
fn chosen(count: usize, chance: &mut StdRng) -> Vec<usize> {
    if exhaustive() || count <= 2 {
        return (1..=count).collect();
    }
    vec![1, chance.random_range(2..=count)]
}

/// Reads go on: everything is there. Only what needs a volume to be opened, which may take a write,
/// may be refused for the same reason, as long as that lasts; figures until the next start.
async fn check_reads(client: &Client, reported: &Reported, case: &Case) {
    let read: Result<Vec<ReadResponse>, ClientError> =
        client.read(ReadRequest::default()).try_collect().await;
    let excused = |error: &ClientError| {
        case.fault.errno.is_named_in(&error.message) && error.message.contains("volume ")
    };
    assert!(read.as_ref().err().is_none_or(excused), "{read:?}");
    if case.passes() {
        let found = story::check_events(client, reported.bounds()).await;
        let figures = story::figures(client, 0..story::recognise(&found)).await;
        assert!(figures.as_ref().err().is_none_or(excused), "{figures:?}");
    } else if let Ok(answers) = read {
        let found: Vec<_> = answers.into_iter().flat_map(|answer| answer.events).collect();
        let (least, most) = reported.bounds();
        assert!((least..=most).contains(&story::recognise(&found)), "reads go on");
    }
}

/// A run in which the fault strikes.
async fn run(world: &World, reported: &mut Reported, case: &Case) {
    let (fault, before) = (&case.fault, reported.count());
    let server = Process::start(world, Some(fault));
    if let Some(client) = server.client().await {
        story::append(world, &client, reported, case.until).await;
        if let Some(error) = &reported.refused {
            story::check_refusal(error, fault.errno);
        } else if case.passes() {
            story::until_sealed(&server, reported, before).await;
        }
        check_reads(&client, reported, case).await;
        server.until_health(reported.refused.is_none()).await;
    }
    let (status, said) = server.stop().await;
    let struck = steps::read(&world.steps()).iter().any(|step| step.call == "struck");
    // What goes wrong in a volume while it is given up, as the server stops, does no harm; nor does
    // an offset table that is missing for a while.
    let of_no_use = ["data/volumes/", "data/places"];
    let given_up = of_no_use.iter().any(|of| fault.place.starts_with(of)) && status.success();
    if struck && fault.action != "short" && !given_up {
        let named = said.lines.iter().any(|line| fault.errno.is_named_in(line));
        assert!(named, "it said nothing of {fault}: {said:#?}");
    } else {
        assert!(status.success(), "{said:#?}");
    }
    assert_eq!(said.panics(), Vec::<&String>::new(), "{said:#?}");
}

/// Opens the store again, now that nothing fails any more; returns how many appends are there.
pub(super) async fn recover(world: &World, bounds: (u64, u64)) -> u64 {
    let server = Process::start(world, None);
    let Some(client) = server.client().await else {
        panic!("it does not open again: {:#?}", server.end().await.1);
    };
    let found = story::recognise(&story::check(&client, bounds).await);
    story::go_on(&client, found).await;
    let (status, said) = server.stop().await;
    assert!(status.success(), "{said:#?}");
    found + 1
}

/// What is there after the power has failed and nothing has landed that was not synced.
fn cut(disk: &Disk, world: &World) -> Image {
    let mut disk = disk.clone();
    for step in &steps::read(&world.steps()) {
        disk.apply(step);
    }
    disk.image(Landed::None, Landed::None, &mut StdRng::seed_from_u64(0))
}

async fn open_image(image: &Image, bounds: (u64, u64)) {
    let world = World::new();
    image.write(world.root());
    recover(&world, bounds).await;
}

async fn fail(case: Case) {
    let (world, mut reported) = places::begin(case.ending).await;
    let disk = case.loses().then(|| Disk::of(world.root()));
    run(&world, &mut reported, &case).await;
    if let Some(disk) = &disk {
        open_image(&cut(disk, &world), reported.bounds()).await;
    }
    let found = recover(&world, reported.bounds()).await;
    if let Some(disk) = &disk {
        // Whatever the answers of the second server said must have been durable by then.
        open_image(&cut(disk, &world), (found, found)).await;
    }
}

async fn kill(case: Case) {
    let (world, mut reported) = places::begin(case.ending).await;
    let before = reported.count();
    let server = Process::start(&world, Some(&case.fault));
    if let Some(client) = server.client().await {
        story::append(&world, &client, &mut reported, case.until).await;
        if reported.refused.is_none() {
            story::until_sealed(&server, &reported, before).await;
        }
    }
    let (status, said) = server.stop().await;
    assert_eq!(status.signal(), Some(9), "it was not killed: {said:#?}");
    recover(&world, reported.bounds()).await;
}

/// Kinds of steps, and how many there are of each.
type Kinds = BTreeMap<(String, String), usize>;

/// How many steps there are of these calls.
fn count(kinds: &Kinds, calls: &str) -> usize {
    let of = |((call, _), _): &(&(String, String), &usize)| {
        calls == "*" || calls.split('|').any(|one| one == call)
    };
    kinds.iter().filter(of).map(|(_, count)| *count).sum()
}

/// Faults that strike one step.
fn passing(kinds: &Kinds, chance: &mut StdRng) -> Vec<Fault> {
    let mut faults = Vec::new();
    for ((call, place), count) in kinds {
        for nth in chosen(*count, chance) {
            for (action, errno) in ways(call) {
                let (calls, place) = (call.clone(), place.clone());
                faults.push(Fault { action, calls, place, nth, errno });
            }
        }
    }
    faults
}

/// Faults after which nothing is as before: of the disk for good, and of the process.
fn lasting(kinds: &Kinds, chance: &mut StdRng) -> Vec<Fault> {
    let kills = [("kill", "*", Errno::Io), ("tear", WRITES, Errno::Io)];
    let mut faults = Vec::new();
    for (action, calls, errno) in LASTING.into_iter().chain(kills) {
        // The number of steps differs a little from run to run, and a kill has to come.
        let spare = if action == "stay" || action == "full" { 0 } else { 5 };
        let count = count(kinds, calls).saturating_sub(spare).max(1);
        let drawn: Vec<usize> = (0..TRIES).map(|_| chance.random_range(1..=count)).collect();
        let tried = if exhaustive() { (1..=count).collect() } else { drawn };
        faults.extend(tried.into_iter().map(|nth| {
            let (calls, place) = (calls.to_owned(), "*".to_owned());
            Fault { action, calls, place, nth, errno }
        }));
    }
    faults
}

async fn cases(chance: &mut StdRng) -> Vec<Case> {
    let mut cases = Vec::new();
    for (ending, until) in RUNS {
        let kinds = kinds(ending, until).await;
        let steps = count(&kinds, "*");
        println!("{steps} steps of {} kinds on a store that ended as {ending:?}", kinds.len());
        let faults = [passing(&kinds, chance), lasting(&kinds, chance)].concat();
        cases.extend(faults.into_iter().map(|fault| Case { ending, until, fault }));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_fails_nothing_acknowledged_is_lost_and_reads_go_on() {
    let cases = cases(&mut seeded()).await;
    each(cases, |case| async { if case.kills() { kill(case).await } else { fail(case).await } })
        .await;
}
