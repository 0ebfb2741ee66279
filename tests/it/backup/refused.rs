//! What is wrong is refused with an exit code, the piece and what to do, and nothing is touched.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::{Ran, SMALL, back_up, fill, path, run};
use crate::support::{BINARY, NOWHERE, Server, data_dir};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_targets_are_refused_and_left_alone() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 40).await;
    let target = home.path().join("backups");
    back_up(&server, &target);
    let refused = |to: &std::path::Path, code: i32| {
        run(&["backup", "--server", &server.address, "--to", path(to)]).refused(code)
    };
    let strange = home.path().join("strange");
    fs::create_dir(&strange).expect("a folder");
    fs::write(strange.join("thesis.tex"), "years of work").expect("a file");
    assert!(refused(&strange, 2).contains("thesis.tex"));
    assert!(refused(&strange.join("thesis.tex"), 2).contains("choose"));
    assert!(refused(&data, 2).contains("it is a data directory"));
    assert!(refused(&data.join("within"), 2).contains("within the data directory"));
    let (_other_home, other_data) = data_dir();
    let other = Server::start(&other_data, &SMALL);
    let error = run(&["backup", "--server", &other.address, "--to", path(&target)]).refused(9);
    assert!(error.contains("choose another folder for this store"), "{error}");
    let error = run(&["backup", "--server", NOWHERE, "--to", path(&target)]).refused(6);
    assert!(error.contains("handover serve"), "{error}");
    let missing = home.path().join("nothing-here");
    let error = run(&["backup", "--data", path(&missing), "--to", path(&target)]).refused(2);
    assert!(error.contains("no data directory"), "{error}");
    assert!(!missing.exists(), "nothing is made of a misspelt name");
    assert_eq!(fs::read_dir(&strange).expect("a folder").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_backups_and_places_are_refused_and_nothing_is_written() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 1_500).await;
    let target = home.path().join("backups");
    let nowhere = home.path().join("new");
    let restore = |code: i32, to: &std::path::Path, more: &[&str]| {
        let arguments = [&["restore", "--from", path(&target), "--data", path(to)], more].concat();
        run(&arguments).refused(code)
    };
    assert!(restore(3, &nowhere, &[]).contains("holds no backup"));
    let last = super::position(&back_up(&server, &target));
    // A server works there.
    assert!(restore(2, &data, &[]).contains("a data directory"));
    let beyond = format!("position:{}", last + 1);
    assert!(restore(2, &nowhere, &["--at", &beyond]).contains(&format!("up to {last}")));
    assert!(restore(2, &nowhere, &["--at", "2999-01-01T00:00:00Z"]).contains("--at"));
    let volume = fs::read_dir(target.join("volumes")).expect("volumes").next().expect("one");
    let db = volume.expect("an entry").path().join("db");
    let whole = fs::read(&db).expect("a piece");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for bad in [&flipped[..], &whole[..whole.len() - 1], b""] {
        fs::write(&db, bad).expect("a piece");
        let error = restore(7, &nowhere, &[]);
        assert!(error.contains("/db ") && error.contains("move that piece out"), "{error}");
    }
    fs::remove_file(&db).expect("a piece");
    assert!(restore(7, &nowhere, &[]).contains("/db is missing"));
    assert!(!nowhere.exists(), "something was written");
    // The next backup of the same store mends it.
    back_up(&server, &target);
    run(&["restore", "--from", path(&target), "--data", path(&nowhere)]).good();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_written_or_has_no_room_is_refused() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 40).await;
    let target = home.path().join("read-only");
    fs::create_dir(&target).expect("a folder");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o500)).expect("permissions");
    let ran = run(&["backup", "--server", &server.address, "--to", path(&target)]);
    // The superuser may write everywhere.
    if ran.code != Some(0) {
        let error = ran.refused(1);
        assert!(error.contains("Permission denied") && error.contains("another folder"), "{error}");
    }
    // A device that is always full.
    let error = run(&["backup", "--server", &server.address, "--to", "/dev/full"]).refused(2);
    assert!(error.contains("choose a folder"), "{error}");
    let new = home.path().join("new");
    let error = run(&["restore", "--from", "/dev/full", "--data", path(&new)]).refused(2);
    assert!(error.contains("choose a folder"), "{error}");
}

#[test]
fn an_address_is_no_folder_and_what_is_not_built_in_is_named() {
    let (home, data) = data_dir();
    let refused = |arguments: &[&str]| {
        let mut command = super::command(arguments);
        let ended = command.current_dir(home.path()).output().expect("the binary can be run");
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        String::from_utf8(ended.stderr).expect("UTF-8")
    };
    let data = path(&data);
    // Where the feature is there, tests/objects has the errors of addresses.
    let stores: &[&str] = if cfg!(feature = "object-store") {
        &[]
    } else {
        &["s3://bucket/prefix", "gs://bucket", "AZ://container/x", "https://host/bucket"]
    };
    let folders = ["file:///backups", "ftp://host/x"];
    for (place, why) in stores
        .iter()
        .map(|store| (*store, "without the feature object-store"))
        .chain(folders.map(|place| (place, "is no address of an object store")))
    {
        let copied = ["backup", "--data", data, "--to", place];
        for arguments in [&copied[..], &["restore", "--from", place, "--data", "new"]] {
            let error = refused(arguments);
            assert!(error.contains(why) && error.contains(place), "{error}");
        }
    }
    let there: Vec<_> = fs::read_dir(home.path()).expect("a folder").collect();
    assert_eq!(there.len(), 0, "something was made: {there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_called_like_an_address_is_reached_by_its_path() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 4).await;
    let made = super::command(&["backup", "--server", &server.address, "--to", "./s3://backups"])
        .current_dir(home.path())
        .output()
        .expect("the binary can be run");
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert!(home.path().join("s3:/backups/BACKUP").exists());
}

/// A command that prints a table, which there is none of.
fn as_table(arguments: &[&str]) -> Ran {
    let ended = Command::new(BINARY).args(arguments).args(["--output", "csv"]).output();
    let ended = ended.expect("the binary can be run");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_printed_is_refused_before_anything_is_done() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 4).await;
    let (target, restored) = (home.path().join("backups"), home.path().join("restored"));
    back_up(&server, &target);
    back_up(&server, &target);
    let backup = ["backup", "--server", &server.address, "--to", path(&target), "--keep", "1"];
    let error = as_table(&backup).refused(2);
    assert!(error.contains("[possible values: table, json, jsonl]"), "{error}");
    assert_eq!(fs::read_dir(target.join("backups")).expect("a folder").count(), 2);
    as_table(&["restore", "--from", path(&target), "--data", path(&restored)]).refused(2);
    assert!(!restored.exists(), "something was restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_another_command_works_on_is_free_later() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 4).await;
    let target = home.path().join("backups");
    back_up(&server, &target);
    server.terminate();
    assert!(server.wait());
    let other = home.path().join("restored");
    fs::create_dir(&other).expect("a folder");
    let backup = ["backup", "--data", path(&data), "--to", path(&target)];
    let restore = ["restore", "--from", path(&target), "--data", path(&other)];
    for (folder, arguments) in [(&data, &backup[..]), (&other, &restore[..])] {
        let lock = fs::File::create(folder.join("LOCK")).expect("a lock");
        lock.try_lock().expect("no process has it");
        let error = run(arguments).refused(6);
        assert!(error.contains("is in use by process"), "{error}");
        drop(lock);
        run(arguments).good();
    }
}
