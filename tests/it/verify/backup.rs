//! Backups are verified piece by piece.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    DAMAGED, DONE, WRONG, run,
    store::{Image, healthy},
};
use crate::support::{BINARY, data_dir, seed};

/// There is no backup.
const NOT_FOUND: i32 = 3;
/// Bits that are flipped in a piece of each kind, one at a time.
const FLIPS: usize = 2;

/// The kinds of pieces that a backup of these stores has.
const KINDS: [&str; 9] = [
    "BACKUP",
    "LOCK",
    "a file of sled's settings",
    "a list of pieces",
    "a manifest",
    "a snapshot of sled",
    "a table of offsets",
    "events of a volume",
    "frames",
];
/// No backup is restored from it.
const LIST: &str = "a list of pieces";

/// What a piece is for.
fn kind(name: &Path) -> &'static str {
    let parts: Vec<_> = name.iter().filter_map(|part| part.to_str()).collect();
    match parts[..] {
        ["BACKUP"] => "BACKUP",
        ["LOCK"] => "LOCK",
        ["backups", _] => "a manifest",
        ["frames", _] => "frames",
        ["volumes", _, "PIECES"] => "a list of pieces",
        ["volumes", _, "places"] => "a table of offsets",
        ["volumes", _, "db"] => "events of a volume",
        ["volumes", _, "conf"] => "a file of sled's settings",
        ["volumes", _, name] if name.starts_with("snap.") => "a snapshot of sled",
        _ => panic!("it is not known what {} is for: add it to KINDS", name.display()),
    }
}

/// One piece of each kind.
fn one_of_each_kind(image: &Image, chance: &mut StdRng) -> BTreeMap<&'static str, PathBuf> {
    let mut all: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for name in image.0.keys() {
        all.entry(kind(name)).or_default().push(name.clone());
    }
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), KINDS);
    let mut one = |pieces: Vec<PathBuf>| pieces[chance.random_range(0..pieces.len())].clone();
    all.into_iter().map(|(kind, pieces)| (kind, one(pieces))).collect()
}

/// What may become of a piece, with the bytes that it has then; none: it is gone.
fn spoilt(whole: &[u8], chance: &mut StdRng) -> Vec<(String, Option<Vec<u8>>)> {
    let mut bad = Vec::new();
    for _ in 0..FLIPS {
        let mut bytes = whole.to_vec();
        let bit = chance.random_range(0..bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        bad.push((format!("bit {bit}"), Some(bytes)));
    }
    let length = chance.random_range(0..whole.len());
    bad.push((format!("cut off after {length}"), Some(whole[..length].to_vec())));
    bad.push(("missing".to_owned(), None));
    bad
}

/// Makes a backup of a stopped store.
fn back_up(data: &Path, folder: &str) {
    let mut backup = Command::new(BINARY);
    backup.args(["backup", "--to", folder, "--data"]).arg(data);
    let made = backup.output().expect("the binary can be run");
    assert!(made.status.success(), "{made:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_each_kind_that_is_spoilt_cut_off_or_missing_is_found_and_named() {
    let (dir, data) = data_dir();
    healthy().await.write(&data);
    let folder = dir.path().join("backups");
    let folder_text = folder.to_str().expect("a path of text").to_owned();
    let empty = run(&["--backup", dir.path().to_str().expect("a path of text")]);
    assert_eq!(empty.code, NOT_FOUND, "{empty:#?}");
    back_up(&data, &folder_text);
    let verified = run(&["--backup", &folder_text]);
    assert_eq!(verified.code, DONE, "{verified:#?}");
    assert!(verified.count("volumes") >= 5, "{verified:#?}");
    let image = Image::of(&folder);
    let mut chance = StdRng::seed_from_u64(seed());
    for (kind, name) in one_of_each_kind(&image, &mut chance) {
        let (path, whole) = (folder.join(&name), &image.0[&name].0);
        for (what, bytes) in spoilt(whole, &mut chance) {
            match &bytes {
                Some(bytes) => fs::write(&path, bytes).expect("it can be changed"),
                None => fs::remove_file(&path).expect("it can be removed"),
            }
            let verified = run(&["--backup", &folder_text]);
            let what = format!("{kind} {}, {what}: {verified:#?}", name.display());
            // Without its manifest a backup is not there.
            if kind == "a manifest" && bytes.is_none() {
                assert_eq!(verified.code, NOT_FOUND, "{what}");
            } else if kind == "LOCK" || kind == LIST && bytes.is_none() {
                assert_eq!(verified.code, DONE, "{what}");
            } else {
                assert_eq!(verified.code, if kind == LIST { WRONG } else { DAMAGED }, "{what}");
                let place = name.to_str().expect("a name of text");
                assert!(!verified.about(place).is_empty(), "{what}");
            }
        }
        fs::write(&path, whole).expect("it can be put back");
    }
    assert_eq!(run(&["--backup", &folder_text]).code, DONE);
}

/// What the piece says that tells a target from other folders, each manifest says as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_title_is_lost_is_restored_from_and_gets_it_back() {
    let (dir, data) = data_dir();
    healthy().await.write(&data);
    let folder = dir.path().join("backups");
    let folder_text = folder.to_str().expect("a path of text").to_owned();
    back_up(&data, &folder_text);
    fs::remove_file(folder.join("BACKUP")).expect("it can be removed");
    let mut restore = Command::new(BINARY);
    restore.args(["restore", "--from", &folder_text, "--data"]).arg(dir.path().join("new"));
    let made = restore.output().expect("the binary can be run");
    assert!(made.status.success(), "{made:#?}");
    back_up(&data, &folder_text);
    assert!(folder.join("BACKUP").exists(), "the next backup puts it there again");
    assert_eq!(run(&["--backup", &folder_text]).code, DONE);
}
