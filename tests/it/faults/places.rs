//! Stores to begin with, made once and copied for each use.

use std::{path::Path, process::Command, sync::Arc};

use handover::domain::proto::RecordedEvent;
use tokio::sync::OnceCell;

use super::{
    disk::Image,
    process::Process,
    shim::World,
    story::{self, Reported},
};
use crate::support::BINARY;

/// Appends in a store to begin with: three sealed volumes, and some that are not sealed.
pub(super) const APPENDS: u64 = 18;

/// How a store came to its end before it is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was never made.
    None,
    /// It was stopped.
    Clean,
    /// Its process was killed.
    Killed,
    /// It was stopped, backed up, restored, and stopped again.
    Restored,
}

/// Runs in which something is broken: how the store was left before them, and how many appends
/// there are after them.
pub(super) const RUNS: [(Ending, u64); 3] =
    [(Ending::None, 6), (Ending::Clean, 24), (Ending::Killed, 20)];

/// A store that was made, and the events in it; in memory, so that nothing is left on the disk.
struct Made {
    image: Image,
    story: Arc<Vec<RecordedEvent>>,
}

/// A store that ended so, and the answers that its client got.
pub(super) async fn begin(ending: Ending) -> (World, Reported) {
    let world = World::new();
    let Some(made) = made(ending).await else {
        return (world, Reported::default());
    };
    made.image.write(world.root());
    (world, Reported::of(APPENDS))
}

/// The events in a store that ended so.
pub(super) async fn story(ending: Ending) -> Arc<Vec<RecordedEvent>> {
    made(ending).await.map(|made| Arc::clone(&made.story)).unwrap_or_default()
}

/// Another store that was stopped, with the same appends; restored, if the first one was.
pub(super) async fn stranger(ending: Ending) -> &'static Image {
    static STOPPED: OnceCell<Made> = OnceCell::const_new();
    static RESTORED: OnceCell<Made> = OnceCell::const_new();
    let stopped = STOPPED.get_or_init(|| make(true)).await;
    match ending {
        Ending::Restored => &RESTORED.get_or_init(|| restore(stopped)).await.image,
        Ending::None | Ending::Clean | Ending::Killed => &stopped.image,
    }
}

async fn made(ending: Ending) -> Option<&'static Made> {
    static CLEAN: OnceCell<Made> = OnceCell::const_new();
    static KILLED: OnceCell<Made> = OnceCell::const_new();
    static RESTORED: OnceCell<Made> = OnceCell::const_new();
    match ending {
        Ending::None => None,
        Ending::Clean => Some(CLEAN.get_or_init(|| make(true)).await),
        Ending::Killed => Some(KILLED.get_or_init(|| make(false)).await),
        Ending::Restored => {
            let clean = CLEAN.get_or_init(|| make(true)).await;
            Some(RESTORED.get_or_init(|| restore(clean)).await)
        }
    }
}

/// Backs a store up and restores it, and has a server make again what is derived.
async fn restore(made: &Made) -> Made {
    let (lost, world) = (World::new(), World::new());
    made.image.write(lost.root());
    let backups = tempfile::tempdir().expect("a temporary directory");
    run("backup", [("--data", &lost.data()), ("--to", backups.path())]);
    run("restore", [("--from", backups.path()), ("--data", &world.data())]);
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves");
    let story = story::check(&client, Reported::of(APPENDS).bounds()).await;
    assert!(server.stop().await.0.success());
    Made { image: Image::of(world.root()), story: Arc::new(story) }
}

fn run(command: &str, options: [(&str, &Path); 2]) {
    let mut ran = Command::new(BINARY);
    ran.arg(command);
    for (option, value) in options {
        ran.arg(option).arg(value);
    }
    let ended = ran.output().expect("the binary can be run");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

async fn make(clean: bool) -> Made {
    let world = World::new();
    let mut reported = Reported::default();
    let mut story = Vec::new();
    // In two parts: files of the journal are used again, and hold frames of two epochs.
    for until in [12, APPENDS] {
        let before = reported.count();
        let server = Process::start(&world, None);
        let client = server.client().await.expect("it serves");
        story::append(&world, &client, &mut reported, until).await;
        assert_eq!(reported.count(), until, "{:?}", reported.refused);
        story::until_sealed(&server, &reported, before).await;
        story = story::check(&client, reported.bounds()).await;
        if clean {
            assert!(server.stop().await.0.success());
        }
    }
    Made { image: Image::of(world.root()), story: Arc::new(story) }
}
