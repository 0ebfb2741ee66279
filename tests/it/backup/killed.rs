//! Backups and restores that are killed at any moment, and then run again.

use std::{path::PathBuf, process::Command, time::Duration};

use rand::{Rng as _, SeedableRng as _};

use super::{SMALL, back_up, command, fill, number, path, position, restored, stored};
use crate::support::{Held, Server, data_dir, read_all, seed};

const KILLS: usize = 12;

/// Starts a command and kills it after a while; whether it had ended by itself.
fn killed(mut command: Command, after: Duration) -> bool {
    let mut child = Held::start(&mut command);
    let deadline = std::time::Instant::now() + after;
    while std::time::Instant::now() < deadline {
        if child.0.try_wait().expect("it can be waited for").is_some() {
            return true;
        }
        std::thread::yield_now();
    }
    child.0.kill().expect("it can be killed");
    child.0.wait().expect("it has ended");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_is_made_by_the_next() {
    let mut random = rand::rngs::SmallRng::seed_from_u64(seed());
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    let target = home.path().join("backups");
    let (mut cut, mut longest) = (0, 200);
    for round in 0..KILLS {
        fill(&client, 300).await;
        let arguments =
            ["backup", "--server", &server.address, "--to", path(&target), "--keep", "2"];
        let after = Duration::from_millis(random.random_range(1..longest));
        if killed(command(&arguments), after) {
            longest = (longest * 3 / 4).max(8);
        } else {
            cut += 1;
        }
        // What is there is whole at any moment.
        if round % 4 == 3 {
            let end = position(&back_up(&server, &target));
            let all = stored(&read_all(&client).await);
            let data = home.path().join(format!("restored-{round}"));
            let (_, events) = restored(&target, &data, &[]).await;
            assert_eq!(events.len() as u64, end);
            assert!(stored(&events) == all);
        }
    }
    assert!(cut > 0, "no backup was killed");
    let strange: Vec<PathBuf> = unfinished(&target);
    assert!(strange.is_empty(), "{strange:?}");
}

/// Files that were not written to their end.
fn unfinished(dir: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|it| it.expect("an entry").path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "new"));
    files.chain(dirs.iter().flat_map(|dir| unfinished(dir))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_goes_on_and_no_server_starts_before_it_has_ended() {
    let mut random = rand::rngs::SmallRng::seed_from_u64(seed());
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    fill(&client, 4_000).await;
    let target = home.path().join("backups");
    let end = position(&back_up(&server, &target));
    let all = stored(&read_all(&client).await);
    let (mut cut, mut longest, mut kept) = (0, 400, 0);
    for round in 0..KILLS {
        let data = home.path().join(format!("restored-{round}"));
        let arguments = ["restore", "--from", path(&target), "--data", path(&data)];
        let after = Duration::from_millis(random.random_range(1..longest));
        if killed(command(&arguments), after) {
            longest = (longest * 3 / 4).max(8);
            continue;
        }
        cut += 1;
        if data.join("STORE").exists() {
            continue;
        }
        if data.join("RESTORING").exists() {
            let refused = Server::try_start(&data, &SMALL).expect_err("it is not whole");
            assert!(refused.contains("a restore into it was interrupted"), "{refused}");
        }
        let (answer, events) = restored(&target, &data, &[]).await;
        assert_eq!(position(&answer), end);
        assert!(stored(&events) == all);
        kept += number(&answer, "keptFiles");
    }
    assert!(cut > 0, "no restore was killed; {kept} files were kept");
}
