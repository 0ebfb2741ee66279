//! The real binary on a file system that loses what was not synced (`tests/lossy`): not even a
//! system call that passes the shim by escapes it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use rand::Rng as _;

use super::{
    cases::seeded,
    process::{self, Process},
    shim::World,
    story::{self, Reported},
};
use crate::support::Held;

/// Power cuts; `FAULT_CUTS` is another number.
const CUTS: usize = 30;
/// Appends at most between two of them.
const APPENDS: u64 = 8;

/// The file system, mounted on the folder of a world.
struct Lossy {
    say: ChildStdin,
    said: BufReader<ChildStdout>,
    folder: PathBuf,
    _child: Held,
}

impl Drop for Lossy {
    /// A test that has failed leaves no mount behind either.
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).output();
    }
}

impl Lossy {
    fn mount(folder: &Path) -> Self {
        let manifest = "tests/lossy/Cargo.toml";
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lossy");
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--manifest-path", manifest, "--target-dir"]).arg(&target);
        assert!(build.status().expect("cargo can be run").success(), "{manifest} does not build");
        let mut command = Command::new(target.join("debug/lossy"));
        command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Held::start(&mut command);
        let say = child.0.stdin.take().expect("a piped input");
        let said = BufReader::new(child.0.stdout.take().expect("a piped output"));
        let mut lossy = Self { say, said, folder: folder.to_owned(), _child: child };
        lossy.until_mounted();
        lossy
    }

    fn until_mounted(&mut self) {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("its output can be read");
        assert_eq!(line, "mounted\n", "it cannot be mounted");
    }

    fn cut(&mut self) {
        self.say.write_all(b"cut\n").expect("it takes its input");
        self.until_mounted();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs /dev/fuse as root, and builds the file system: tests/long runs it"]
async fn on_a_file_system_that_loses_what_was_not_synced_what_was_acknowledged_is_there() {
    let mut chance = seeded();
    let given = std::env::var("FAULT_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    let world = World::new();
    let mut lossy = Lossy::mount(world.root());
    let mut bounds = (0, 0);
    for cut in 0..given.unwrap_or(CUTS) {
        let server = Process::spawn(process::command(&world.data()));
        let Some(client) = server.client().await else {
            panic!("after {cut} cuts it does not open: {:#?}", server.end().await.1);
        };
        let found = story::recognise(&story::check(&client, bounds).await);
        let mut reported = Reported::of(found);
        let until = found + chance.random_range(1..=APPENDS);
        let moment = Duration::from_millis(chance.random_range(20..3_000));
        // An append that is under way when the server is killed is there, or it is not.
        let appending = story::append(&world, &client, &mut reported, until);
        let whole = tokio::time::timeout(moment, appending).await.is_ok();
        bounds = (reported.count(), reported.count() + u64::from(!whole));
        drop(server);
        lossy.cut();
    }
    println!("{} appends were acknowledged", bounds.0);
    assert!(bounds.0 > 0, "no append was acknowledged");
}
