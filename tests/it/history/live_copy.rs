//! Copies of the folder of a running server: each opens with all that was acknowledged before the
//! copy began, or is refused with what to do.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use handover::grpc::client::Client as Calls;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::watch;

use super::stop;
use crate::support::{Server, append, data_dir, event, read_all, seed, text};

/// Small files, so that volumes are sealed and files are used again while a copy is made.
const SETTINGS: [&str; 6] = ["--journal-file-mib", "1", "--volume-mib", "1", "--scrub", "false"];
/// How long the load may take to reach a number.
const PATIENCE: Duration = Duration::from_mins(1);
/// Copies that are made.
const COPIES: usize = 10;
/// Events of 9 KB that are appended around each.
const DURING: u64 = 600;

/// Appends up to a limit that rises, and counts what is acknowledged.
async fn load(calls: Calls, acknowledged: watch::Sender<u64>, mut limit: watch::Receiver<u64>) {
    let padding = "x".repeat(9_000);
    let mut number = 0;
    // It ends with the sender.
    while limit.wait_for(|limit| *limit > number).await.is_ok() {
        let notes = (0..20).map(|place| event(&format!("{} {padding}", number + place), &[]));
        calls.append(append("desk/load", notes.collect())).await.expect("it is appended");
        number += 20;
        acknowledged.send_replace(number);
    }
}

/// What a server makes of a copy: how many events it has, or why it does not start.
async fn opened(copy: &Path) -> Result<u64, String> {
    let server = Server::try_start(copy, &SETTINGS)?;
    let events = read_all(&server.client().await).await;
    for (number, event) in (0_u64..).zip(&events) {
        assert!(text(event).starts_with(&format!("{number} ")), "{number} is another event");
    }
    stop(server);
    Ok(events.len() as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_live_folder_is_whole_or_refused() {
    let mut random = StdRng::seed_from_u64(seed());
    let (dir, data) = data_dir();
    let server = Server::start(&data, &SETTINGS);
    let (acknowledging, mut acknowledged) = watch::channel(0);
    let (limit, rising) = watch::channel(0);
    let loading = tokio::spawn(load(server.client().await, acknowledging, rising));
    let (mut whole, mut refused) = (0, 0);
    for number in 0..COPIES {
        // As much as a copy takes to make, and more.
        let now = *acknowledged.borrow();
        limit.send_replace(now + DURING);
        let wanted = now + random.random_range(0..DURING / 2);
        let reached = acknowledged.wait_for(|number| *number >= wanted);
        let reached = tokio::time::timeout(PATIENCE, reached).await.expect("in time");
        let before = *reached.expect("the load goes on");
        let copy = dir.path().join(format!("copy-{number}"));
        // Files that go while they are copied are left out.
        let mut copying = Command::new("cp");
        copying.arg("-r").arg(&data).arg(&copy).stderr(Stdio::null());
        copying.status().expect("cp can be run");
        match opened(&copy).await {
            Ok(found) => {
                assert!(found >= before, "copy {number} lost {} events silently", before - found);
                whole += 1;
            }
            Err(error) => {
                assert!(error.contains("handover backup"), "copy {number}: {error}");
                refused += 1;
            }
        }
        std::fs::remove_dir_all(&copy).expect("it is removed");
    }
    drop(limit);
    loading.await.expect("the load ends");
    stop(server);
    println!("copies of a live folder: {whole} whole, {refused} refused, 0 with events missing");
}
