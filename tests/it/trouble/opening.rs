//! What keeps a store from opening, and what the page says to do about it.

use std::{fs, path::Path};

use super::{Place, entries, flip, restore, sealed};
use crate::support::Server;

/// The part of the page.
const PART: &str = "It does not open";
/// Entries after which the record is a restored one as a whole, or as a name.
const RESTORED: [&str; 6] = [
    "A copy of a running server's folder",
    "A restore was interrupted",
    "HISTORY is damaged",
    "MANIFEST is damaged",
    "STORE is damaged",
    "The journal is damaged",
];

/// What a frame of the journal begins with, at the beginning of a page.
const FRAME: &[u8] = b"\x89HOJ\r\n\x1a\n";

/// Where the last frame of a file begins, and its index.
fn last_frame(file: &[u8]) -> Option<(usize, u64)> {
    let heads = (0..file.len()).step_by(4096).filter(|at| file[*at..].starts_with(FRAME));
    let number = |at: usize| file[at + 40..at + 48].try_into().map(u64::from_be_bytes);
    heads.map(|at| (at, number(at).expect("8 bytes"))).max_by_key(|(_, index)| *index)
}

/// Flips a bit of the journal's last frame, which is in no volume; the name of its file. An earlier
/// one may be the first behind the sealed ones, of which the store says other words.
fn flip_last_frame(data: &Path) -> String {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    let tip = manifest.rsplit_once("\"index\": ").expect("a tip").1;
    let sealed: u64 = tip.split(',').next().expect("a number").trim().parse().expect("one");
    let files = fs::read_dir(data.join("journal")).expect("a journal");
    let paths = files.map(|entry| entry.expect("a file").path());
    let journals = paths.filter(|path| path.extension().is_some_and(|end| end == "journal"));
    let frames = journals.filter_map(|path| {
        let (at, index) = last_frame(&fs::read(&path).expect("a file"))?;
        Some((index, at, path))
    });
    let (index, at, path) = frames.max().expect("a frame");
    assert!(index > sealed, "all is sealed");
    flip(&path, at + 100);
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

pub(super) fn newest_volume(data: &Path) -> String {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    let last = manifest.rsplit_once("\"directory\": \"").expect("a volume").1;
    last.split('"').next().expect("its name").to_owned()
}

/// Flips a bit wherever these bytes are in a file, so many bytes behind them.
fn flip_behind(path: &Path, bytes: &[u8], behind: usize) {
    let mut all = fs::read(path).expect("a file");
    let found: Vec<_> = memchr::memmem::find_iter(&all, bytes).collect();
    for at in found {
        all[at + behind] ^= 1;
    }
    fs::write(path, all).expect("it can be changed");
}

/// Flips bits in the newest volume; its name.
pub(super) fn spoil_newest_volume(data: &Path) -> String {
    let volume = newest_volume(data);
    flip_behind(&data.join("volumes").join(&volume).join("db"), b"note ", 0);
    volume
}

/// Spoils a store as an entry describes; what the page calls `NAME`.
fn spoil(heading: &str, place: &Place) -> String {
    let data = &place.data;
    match heading {
        "STORE is damaged" => flip(&data.join("STORE"), 12),
        "MANIFEST is damaged" => flip(&data.join("MANIFEST"), 40),
        "HISTORY is damaged" => {
            fs::remove_dir_all(data).expect("it can be removed");
            restore(&place.backup, data);
            flip(&data.join("HISTORY"), 12);
        }
        "A folder is missing" => {
            fs::remove_dir_all(data.join("volumes")).expect("it can be removed");
        }
        "The newest volume is damaged" => return spoil_newest_volume(data),
        "A copy of a running server's folder" => {
            // As a copy that was made before the volume was whole: its lock names another file.
            fs::write(data.join("LOCK"), "1\ninode 1\n").expect("written");
            return spoil_newest_volume(data);
        }
        "The journal is damaged" => return flip_last_frame(data),
        "The list of the journal's files is damaged" => flip(&data.join("journal/FILES"), 0),
        "The mark of the last stop is damaged" => flip(&data.join("journal/clean-stop"), 50),
        "Newer" => {
            let text = format!("handover\nformat 99\nstore {}\n", "0".repeat(32));
            fs::write(data.join("STORE"), sealed(&text)).expect("written");
        }
        "A restore was interrupted" => {
            let lists = fs::read_dir(place.backup.join("backups")).expect("a folder");
            let list = lists.last().expect("one").expect("a file").file_name();
            let mark = format!("backup backups/{}\nwhole\n", list.display());
            fs::remove_dir_all(data).expect("it can be removed");
            fs::create_dir(data).expect("it can be made");
            fs::write(data.join("RESTORING"), sealed(&mark)).expect("written");
        }
        "Not a store" => {
            fs::remove_dir_all(data).expect("it can be removed");
            fs::create_dir(data).expect("it can be made");
            fs::write(data.join("letters"), "of another program").expect("it can be written");
            return "letters".to_owned();
        }
        "The system refuses" => {
            fs::remove_dir_all(data).expect("it can be removed");
            fs::write(data, "a file").expect("it can be written");
        }
        other => panic!("the page describes {other}; say how that comes about"),
    }
    String::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_is_the_one_of_the_page_and_what_it_says_to_do_opens_the_store() {
    let elsewhere = ["In use", "The only volume is damaged"];
    let entries = entries(PART);
    assert!(entries.len() >= 15, "{:?}", entries.keys());
    for (heading, entry) in entries.iter().filter(|(it, _)| !elsewhere.contains(&it.as_str())) {
        let mut place = Place::new().await;
        place.name = spoil(heading, &place);
        place.assert_refused(entry);
        if entry.lines.is_empty() {
            continue;
        }
        place.run(entry);
        place.assert_whole().await;
        let restored = RESTORED.contains(&heading.as_str());
        assert_eq!(
            place.restores() > 0,
            restored,
            "{heading}: what is restored is another history"
        );
    }
}

/// What stands below another entry has its remedy.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_with_a_folder_is_put_back_with_the_whole_directory() {
    let entries = entries(PART);
    let whole = &entries["MANIFEST is damaged"];
    let missing = Place::new().await;
    spoil("A folder is missing", &missing);
    missing.run(whole);
    missing.assert_whole().await;
    let volume = Place::new().await;
    spoil_newest_volume(&volume.data);
    volume.run(whole);
    volume.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_names_the_process_and_a_lock_that_is_left_over_locks_nothing() {
    let entry = &entries(PART)["In use"];
    let place = Place::new().await;
    let server = Server::start(&place.data, &crate::verify::store::SETTINGS);
    place.assert_refused(entry);
    server.kill();
    place.assert_whole().await;
}
