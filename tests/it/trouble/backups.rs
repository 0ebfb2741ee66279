//! What keeps a store from being backed up, restored or verified: each error is the one of the page,
//! and what the page says to do helps.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Place, back_up, entries, flip,
    opening::{newest_volume, spoil_newest_volume},
    sealed,
};
use crate::{
    support::{BINARY, NOWHERE, Server},
    verify::store::SETTINGS,
};

/// What holds a situation while the program runs.
#[expect(dead_code, reason = "each is held, and not looked at")]
enum Holding {
    Nothing,
    Server(Box<Server>),
    Lock(fs::File),
}

/// A command that is refused, with what holds its situation.
type Refused = (Command, Holding);

fn handover(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    command
}

fn backup_of(place: &Place) -> Command {
    let mut command = handover(&["backup"]);
    command.arg("--data").arg(&place.data).arg("--to").arg(&place.backup);
    command
}

/// The same into another place.
fn backup_to(place: &Place, to: &str) -> Command {
    let mut command = handover(&["backup", "--to", to, "--data"]);
    command.arg(&place.data);
    command
}

fn restore_of(place: &Place) -> Command {
    let mut command = handover(&["restore"]);
    command.arg("--from").arg(&place.backup).arg("--data").arg(&place.data);
    command
}

fn verify_of(place: &Place) -> Command {
    let mut command = handover(&["verify"]);
    command.arg("--data").arg(&place.data);
    command
}

fn verify_backup_of(place: &Place) -> Command {
    let mut command = handover(&["verify"]);
    command.arg("--backup").arg(&place.backup);
    command
}

fn remove(dir: &Path) {
    fs::remove_dir_all(dir).expect("it can be removed");
}

/// The first file of a folder of the backup, as its lists name it.
fn piece(place: &Place, folder: &str) -> String {
    let mut found: Vec<PathBuf> = fs::read_dir(place.backup.join(folder))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    found.sort();
    let path = found.first().expect("one");
    let path = if path.is_dir() { path.join("db") } else { path.clone() };
    path.strip_prefix(&place.backup).expect("it is in there").display().to_string()
}

/// Whether a small disk of its own can be had for a command.
fn can_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);
    command.output().is_ok_and(|done| done.status.success())
}

/// The command with a file system of its own in the place of the backup.
fn on_disk(options: &str, place: &Place, inner: &Command) -> Command {
    remove(&place.backup);
    fs::create_dir(&place.backup).expect("it can be made");
    let mut command = Command::new("unshare");
    let script = format!("mount -t tmpfs -o {options} none \"$1\" && shift && exec \"$@\"");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.arg(&place.backup).arg(inner.get_program()).args(inner.get_args());
    command
}

/// The command with a folder that cannot be written.
fn read_only(dir: &Path, inner: &Command) -> Command {
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && \
                  exec \"$@\"";
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(dir).arg(inner.get_program()).args(inner.get_args());
    command
}

fn no_backup(heading: &str, place: &mut Place) -> Option<Refused> {
    let usual = backup_of(place);
    let refused = match heading {
        "No server answers" => {
            let mut command = handover(&["backup", "--server", NOWHERE, "--to"]);
            command.arg(&place.backup);
            command
        }
        "A server works there" => {
            let server = Server::start(&place.data, &SETTINGS);
            return Some((usual, Holding::Server(Box::new(server))));
        }
        "No record is there" => {
            remove(&place.data);
            usual
        }
        "The record lies on a disk that cannot be written" if can_mount() => {
            read_only(&place.data, &usual)
        }
        "Not a folder for backups" => {
            "letters".clone_into(&mut place.name);
            remove(&place.backup);
            fs::create_dir(&place.backup).expect("it can be made");
            fs::write(place.backup.join("letters"), "of another program").expect("written");
            usual
        }
        // Programs that were built with it are tried by tests/objects.
        "Built without object storage" if cfg!(feature = "object-store") => return None,
        "Built without object storage" => backup_to(place, "s3://records/own"),
        "Backups of another store" => {
            remove(&place.data);
            let server = Server::start(&place.data, &SETTINGS);
            server.terminate();
            assert!(server.wait());
            usual
        }
        "Another backup works there" => {
            let lock = fs::File::open(place.backup.join("LOCK")).expect("a lock");
            lock.try_lock().expect("no process has it");
            return Some((usual, Holding::Lock(lock)));
        }
        "There is no room" if can_mount() => on_disk("size=1m", place, &usual),
        "The target cannot be written" if can_mount() => on_disk("ro", place, &usual),
        "The record lies on a disk that cannot be written"
        | "There is no room"
        | "The target cannot be written" => return None,
        "A list of the backups is damaged" => {
            place.name = piece(place, "backups");
            flip(&place.backup.join(&place.name), 40);
            usual
        }
        "A newer program made them" => {
            place.name = piece(place, "backups");
            let path = place.backup.join(&place.name);
            let text = fs::read_to_string(&path).expect("a list");
            let text = text.replacen("\"format\": 1,", "\"format\": 99,", 1);
            let (text, _) = text.rsplit_once("crc32c ").expect("a checksum");
            fs::write(&path, sealed(text)).expect("it can be changed");
            usual
        }
        "The record is damaged" => {
            // The blocks of `db` are not read by a backup, but its length is compared.
            place.name = spoil_newest_volume(&place.data);
            let db = place.data.join("volumes").join(&place.name).join("db");
            let file = fs::OpenOptions::new().write(true).open(&db).expect("a file");
            let length = file.metadata().expect("a length").len();
            file.set_len(length - 1).expect("it can be cut");
            remove(&place.backup);
            usual
        }
        other => panic!("the page describes {other}; say how that comes about"),
    };
    Some((refused, Holding::Nothing))
}

fn not_restored(heading: &str, place: &mut Place) -> Command {
    let away = place.data.with_extension("away");
    fs::rename(&place.data, &away).expect("it can be moved");
    let mut command = restore_of(place);
    match heading {
        "No backup is there" => remove(&place.backup),
        "The place is taken" => fs::rename(&away, &place.data).expect("it can be moved"),
        "The end lies beyond the backup" => {
            command.args(["--at", &format!("position:{}", place.last + 1)]);
        }
        "A piece is damaged" => {
            fs::rename(&away, &place.data).expect("it can be moved");
            command = handover(&["restore"]);
            command.arg("--from").arg(&place.backup).arg("--data").arg(&away);
            place.name = piece(place, "volumes");
            flip(&place.backup.join(&place.name), 5_000);
        }
        other => panic!("the page describes {other}; say how that comes about"),
    }
    command
}

/// The command with its output to a device that is full.
fn to_full_device(inner: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" >/dev/full", "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command
}

fn not_verified(heading: &str, place: &mut Place) -> Refused {
    let usual = verify_of(place);
    let refused = match heading {
        "A server has it" => {
            let server = Server::start(&place.data, &SETTINGS);
            return (usual, Holding::Server(Box::new(server)));
        }
        "The report says DAMAGED" => {
            place.name = spoil_newest_volume(&place.data);
            usual
        }
        "The report says UNREADABLE" => {
            place.name = newest_volume(&place.data);
            // A folder can be opened and not be read, also by root.
            let conf = place.data.join("volumes").join(&place.name).join("conf");
            fs::remove_file(&conf).expect("it can be removed");
            fs::create_dir(&conf).expect("it can be made");
            usual
        }
        "The report says WRONG" => {
            let mut tables: Vec<_> = fs::read_dir(place.data.join("places"))
                .expect("tables")
                .map(|entry| entry.expect("one").file_name().display().to_string())
                .filter(|name| name != "scrubbed")
                .collect();
            tables.sort();
            place.name = tables.swap_remove(0);
            flip(&place.data.join("places").join(&place.name), 80);
            usual
        }
        "A backup is damaged" => {
            place.name = piece(place, "volumes");
            flip(&place.backup.join(&place.name), 5_000);
            verify_backup_of(place)
        }
        "The report cannot be written" => return (to_full_device(&usual), Holding::Nothing),
        "No backup can be verified" => {
            remove(&place.backup);
            verify_backup_of(place)
        }
        other => panic!("the page describes {other}; say how that comes about"),
    };
    (refused, Holding::Nothing)
}

/// Runs each entry of a part: the error, the exit code, and what is to be done.
async fn run(part: &str, refused: impl Fn(&str, &mut Place) -> Option<Refused>) {
    for (heading, entry) in entries(part) {
        let mut place = Place::new().await;
        let Some((mut command, _holding)) = refused(&heading, &mut place) else {
            println!("skipped: {heading}: no disk can be mounted here");
            continue;
        };
        let done = command.output().expect("it can be run");
        let said = [&done.stdout[..], &done.stderr].map(String::from_utf8_lossy).concat();
        let shown = &entry.error;
        assert!(place.has_words(&said, shown), "{heading}: {shown}, and it said {said}");
        assert_eq!(done.status.code(), Some(entry.code), "{heading}: {said}");
        if !entry.lines.is_empty() {
            place.run(&entry);
            let again = command.output().expect("it can be run");
            assert!(again.status.success(), "{heading}, once it is mended: {again:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_of_a_backup_is_the_one_of_the_page() {
    run("It makes no backup", no_backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_of_a_restore_is_the_one_of_the_page() {
    let refused =
        |heading: &str, place: &mut Place| Some((not_restored(heading, place), Holding::Nothing));
    run("It does not restore", refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_of_a_verification_is_the_one_of_the_page() {
    run("It is not verified", |heading, place| Some(not_verified(heading, place))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_on_a_disk_that_cannot_be_written_is_verified() {
    if !can_mount() {
        println!("skipped: no disk can be mounted here");
        return;
    }
    let place = Place::new().await;
    let done = read_only(&place.data, &verify_of(&place)).output().expect("it can be run");
    assert!(done.status.success(), "{done:#?}");
}

/// A mark that cannot be read says nothing of what was to be restored.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_with_a_damaged_mark_is_begun_anew() {
    let place = Place::new().await;
    remove(&place.data);
    fs::create_dir_all(place.data.join("volumes")).expect("it can be made");
    fs::write(place.data.join("RESTORING"), "backup backups/1\nwhole\n").expect("written");
    let refused = restore_of(&place).output().expect("it can be run");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("remove the folder, and restore anew"), "{said}");
    remove(&place.data);
    super::succeed(&mut restore_of(&place));
    assert!(back_up(&place.data, &place.backup) >= place.last);
}
