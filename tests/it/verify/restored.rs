//! Restored stores: the report names their history, and damage to `HISTORY` is found.

use std::{fs, path::Path, process::Command};

use handover::domain::proto::GetHeadRequest;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    DAMAGED, DONE, Verified, run,
    store::{Image, SETTINGS, restored},
    text, verify,
};
use crate::support::{BINARY, Server, data_dir, seed};

/// The name that a report gives the store.
fn name(verified: &Verified) -> &str {
    text(&verified.report["store"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_names_the_store_and_its_history_as_the_server_does() {
    let (dir, data) = data_dir();
    restored().await.write(&data);
    let stopped = verify(&data);
    assert_eq!(stopped.code, DONE, "{stopped:#?}");
    let server = Server::start(&data, &SETTINGS);
    let head = server.client().await.get_head(GetHeadRequest::default()).await.expect("a head");
    assert!(head.store.contains('#'), "{}", head.store);
    assert_eq!(name(&stopped), head.store);
    let backups = dir.path().join("backups");
    let folder = backups.to_str().expect("a path of text").to_owned();
    let address = server.address.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let live = run(&["--server", &address]);
        let mut backup = Command::new(BINARY);
        let made = backup.args(["backup", "--server", &address, "--to", &folder]).output();
        assert!(made.expect("the binary can be run").status.success());
        (live, run(&["--backup", &folder]))
    });
    let (live, backup) = asked.await.expect("no panic");
    assert_eq!((live.code, name(&live)), (DONE, head.store.as_str()), "{live:#?}");
    assert_eq!((backup.code, name(&backup)), (DONE, head.store.as_str()), "{backup:#?}");
    server.terminate();
    assert!(server.wait());
    let mut command = Command::new(BINARY);
    let output = command.arg("verify").arg("--data").arg(&data).output().expect("it runs");
    let shown = String::from_utf8(output.stdout).expect("text");
    let named = format!("{}, up to position {}\n", head.store, head.position);
    assert!(shown.contains(&named), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_spoilt_or_lost_is_damage_and_the_rest_is_checked() {
    let image = restored().await;
    let mut chance = StdRng::seed_from_u64(seed());
    let (_dir, data) = data_dir();
    image.write(&data);
    let (path, whole) = (data.join("HISTORY"), &image.0[Path::new("HISTORY")].0);
    let mut flipped = whole.clone();
    let bit = chance.random_range(0..flipped.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    let cut = whole[..chance.random_range(0..whole.len())].to_vec();
    for (what, bytes) in [("a bit", &flipped), ("the end", &cut), ("all of it", &Vec::new())] {
        fs::write(&path, bytes).expect("it can be changed");
        let verified = verify(&data);
        assert_eq!(verified.code, DAMAGED, "{what}: {verified:#?}");
        assert_eq!(verified.about("/HISTORY"), ["FINDING_SEVERITY_DAMAGED"], "{verified:#?}");
        assert_eq!(name(&verified), "", "a history that cannot be read has no name");
        assert!(verified.count("events") > 0, "{what}: {verified:#?}");
        assert_eq!(verified.count("events"), verified.count("position"), "{what}");
    }
    fs::remove_file(&path).expect("it can be removed");
    let verified = verify(&data);
    assert_eq!(verified.code, DAMAGED, "{verified:#?}");
    assert_eq!(verified.about("/HISTORY"), ["FINDING_SEVERITY_DAMAGED"], "{verified:#?}");
    fs::write(&path, whole).expect("it can be put back");
    fs::remove_file(data.join("STORE")).expect("it can be removed");
    let verified = verify(&data);
    assert_eq!(verified.code, DAMAGED, "{verified:#?}");
    assert_eq!(verified.about("/STORE"), ["FINDING_SEVERITY_DAMAGED"], "{verified:#?}");
    image.write(&data);
    assert!(Image::of(&data) == *image, "a verification has changed the folder");
    assert_eq!(verify(&data).code, DONE);
}
