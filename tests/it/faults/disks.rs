//! Disks that take nothing: read-only or full from the start, and a directory that two processes
//! want. The server says which file, why and what to do, and changes nothing.

use std::{fmt, process::Command};

use handover::domain::proto::{GetHeadRequest, ReadRequest};

use super::{
    cases::each,
    disk::Image,
    places::{self, Ending},
    probe::probe,
    process::{self, Process, Said},
    shim::{Errno, Fault, World},
    story::{self, Reported},
};
use crate::support::{append, event, read_all};

/// A disk that takes nothing, and what is on it.
struct Case {
    ending: Ending,
    calls: &'static str,
    errno: Errno,
    advice: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} from the start, on a store that ended as {:?}", self.errno, self.ending)
    }
}

/// Fails unless it ended with the code of trouble that is not damage, and said where, why and what
/// to do.
async fn check_refused(server: Process, case: &Case, path: &str) -> Said {
    let (status, said) = server.end().await;
    assert_eq!(status.code(), Some(1), "{said:#?}");
    let last = said.lines.last().expect("it says why");
    let reported =
        case.errno.is_named_in(last) && last.contains(path) && last.contains(case.advice);
    assert!(reported, "it does not tell {path}, {:?} and {:?}: {last}", case.errno, case.advice);
    assert_eq!(said.panics(), Vec::<&String>::new(), "{said:#?}");
    said
}

async fn start_and_mend(case: Case) {
    let (world, reported) = places::begin(case.ending).await;
    let before = Image::of(world.root());
    let calls = case.calls.to_owned();
    let fault = Fault { action: "stay", calls, place: "*".into(), nth: 1, errno: case.errno };
    let server = Process::start(&world, Some(&fault));
    assert!(server.client().await.is_none(), "it cannot serve");
    check_refused(server, &case, &world.data().display().to_string()).await;
    before.assert_unchanged(world.root(), "");
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves once the disk takes something");
    story::check(&client, reported.bounds()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_read_only_or_full_refuses_the_start_and_says_what_to_do() {
    let mut cases = Vec::new();
    for ending in [Ending::None, Ending::Clean, Ending::Killed] {
        let case = |calls, errno, advice| Case { ending, calls, errno, advice };
        cases.push(case("*", Errno::ReadOnly, "make it writable"));
        cases.push(case("create|mkdir|write|pwrite|allocate", Errno::NoSpace, "make room"));
    }
    each(cases, start_and_mend).await;
}

/// A server on a small disk of its own, which is gone with the process.
fn on_small_disk(world: &World) -> Command {
    let inner = process::command(&world.data());
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=48m none \"$1\" && shift && exec \"$@\"";
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(world.root()).arg(inner.get_program()).args(inner.get_args());
    command.env("RUST_BACKTRACE", "0");
    command
}

fn can_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);
    command.output().is_ok_and(|done| done.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_disk_that_fills_up_appends_are_refused_with_the_reason_and_reads_go_on() {
    if !can_mount() {
        println!("skipped: a small disk cannot be mounted here");
        return;
    }
    let world = World::new();
    let server = Process::spawn(on_small_disk(&world));
    let client = server.client().await.expect("it serves");
    let mut reported = Reported::default();
    story::append(&world, &client, &mut reported, 100).await;
    let refused = reported.refused.as_ref().expect("the disk is full");
    assert!(reported.count() > 0, "{refused:?}");
    assert_eq!(refused.reason, "STORE_FULL", "{refused:?}");
    assert!(refused.message.contains("nearly full"), "{refused:?}");
    let found = read_all(&client).await;
    assert!(story::recognise(&found) >= reported.count(), "reads go on");
    let (_, said) = server.stop().await;
    assert_eq!(said.panics(), Vec::<&String>::new(), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_an_open_store_is_a_store_and_the_original_goes_on() {
    let (world, _) = places::begin(Ending::Clean).await;
    let story = places::story(Ending::Clean).await;
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves");
    let copy = World::new();
    Image::of(world.root()).write(copy.root());
    probe(&copy, &story).await.assert_whole(&story);
    let second = Process::start(&world, None);
    assert!(second.client().await.is_none(), "two processes cannot have one store");
    let (status, said) = second.end().await;
    assert_eq!(status.code(), Some(1), "{said:#?}");
    let named = said.lines.iter().any(|line| line.contains("in use by process"));
    assert!(named, "it does not say who has it: {said:#?}");
    client.append(append("x/a", vec![event("more", &[])])).await.expect("the original goes on");
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head").position;
    assert_eq!(head, story.len() as u64 + 1);
    let request = ReadRequest::default();
    assert_eq!(crate::support::read(&client, request).await.len(), story.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_is_a_file_or_below_one_is_refused() {
    let world = World::new();
    std::fs::write(world.data(), "a letter").expect("a file");
    for data in [world.data(), world.data().join("below")] {
        let server = Process::spawn(process::command(&data));
        let (status, said) = server.end().await;
        assert_eq!(status.code(), Some(1), "{said:#?}");
        let last = said.lines.last().expect("it says why");
        let named = last.contains(&world.data().display().to_string());
        assert!(named && last.contains("another data directory"), "{last}");
    }
    assert_eq!(std::fs::read(world.data()).expect("the file"), b"a letter");
}
