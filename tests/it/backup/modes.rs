//! What a backup and a restore make is for no other user, whatever the file mode creation mask is.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use super::{SMALL, back_up, fill, path};
use crate::support::{BINARY, Server, data_dir};

/// Runs a command with the mask that most accounts have.
fn run_as_usual(arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$@\"", "sh", BINARY]).args(arguments);
    command.output().expect("the binary can be run")
}

/// Checks the modes of a folder and of all below it; returns how many files there are.
fn check_modes(dir: &Path) -> usize {
    let (mut files, mut folders) = (0, vec![dir.to_owned()]);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).expect("it can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_and_restored_records_are_for_no_other_user() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 1_500).await;
    let target = home.path().join("new/backups");
    let made = run_as_usual(&["backup", "--server", &server.address, "--to", path(&target)]);
    assert!(made.status.success(), "{made:#?}");
    let files = check_modes(&home.path().join("new"));
    assert!(files > 6, "a title, a lock, a manifest, frames and volumes: {files}");
    let restored = home.path().join("also/restored");
    // Up to a position within a volume, which is read through a copy as well.
    for (more, folder) in [(&["--at", "position:100"][..], "early"), (&[], "whole")] {
        let dir = restored.join(folder);
        let arguments = ["restore", "--from", path(&target), "--data", path(&dir)];
        let made = run_as_usual(&[&arguments[..], more].concat());
        assert!(made.status.success(), "{made:#?}");
    }
    let files = check_modes(&home.path().join("also"));
    assert!(files > 12, "journals, manifests and volumes: {files}");
    back_up(&server, &target);
}
