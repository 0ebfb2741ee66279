//! Backups are verified piece by piece.

use std::{fs, path::Path, process::Command};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    DAMAGED, DONE, run,
    store::{Image, healthy},
};
use crate::support::{BINARY, data_dir, seed};

/// There is no backup.
const NOT_FOUND: i32 = 3;
/// Pieces of which a bit is flipped.
const FLIPS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn each_piece_of_a_backup_that_is_spoilt_or_missing_is_found_and_named() {
    let (dir, data) = data_dir();
    healthy().await.write(&data);
    let folder = dir.path().join("backups");
    let folder_text = folder.to_str().expect("a path of text").to_owned();
    let empty = run(&["--backup", dir.path().to_str().expect("a path of text")]);
    assert_eq!(empty.code, NOT_FOUND, "{empty:#?}");
    let mut backup = Command::new(BINARY);
    backup.args(["backup", "--to", &folder_text, "--data"]).arg(&data);
    let made = backup.output().expect("the binary can be run");
    assert!(made.status.success(), "{made:#?}");
    let verified = run(&["--backup", &folder_text]);
    assert_eq!(verified.code, DONE, "{verified:#?}");
    assert!(verified.count("volumes") >= 5, "{verified:#?}");
    let image = Image::of(&folder);
    let mut chance = StdRng::seed_from_u64(seed());
    // The lists by which a killed backup goes on, and the lock, are no part of what is restored.
    let derived = ["PIECES", "LOCK"];
    let counts = |name: &Path, bytes: &[u8]| {
        !bytes.is_empty() && !derived.iter().any(|other| name.ends_with(other))
    };
    let pieces = image.0.iter().filter(|(name, (bytes, _))| counts(name, bytes));
    let pieces: Vec<_> = pieces.collect();
    for _ in 0..FLIPS {
        let (name, (whole, _)) = pieces[chance.random_range(0..pieces.len())];
        let mut bytes = whole.clone();
        let at = chance.random_range(0..bytes.len());
        bytes[at] ^= 1 << chance.random_range(0..8);
        fs::write(folder.join(name), &bytes).expect("it can be changed");
        let verified = run(&["--backup", &folder_text]);
        let what = format!("byte {at} of {}", name.display());
        assert_eq!(verified.code, DAMAGED, "{what}: {verified:#?}");
        let place = name.to_str().expect("a name of text");
        assert!(!verified.about(place).is_empty(), "{what}: {verified:#?}");
        fs::write(folder.join(name), whole).expect("it can be put back");
    }
    assert_eq!(run(&["--backup", &folder_text]).code, DONE);
}
