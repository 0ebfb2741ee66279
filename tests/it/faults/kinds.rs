//! The kinds of files in a data directory, by what follows when one is not as it was.
//!
//! A file of a kind that is not here fails every test that meets it, and the test below.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    disk::Image,
    places::{self, Ending},
};

/// The page that draws the data directory.
const PAGE: &str = include_str!("../../../docs/FORMAT.md");

/// A kind of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It can be made again from the others, or tells nothing about the record.
    Derived,
    /// A small file that is replaced as a whole.
    Text(&'static str),
    /// A file of the journal.
    Journal(String),
    /// A file of a volume; the name is the volume's.
    Volume(String),
}

/// Each kind by its path, in which `N` stands for a number.
const KINDS: [&str; 13] = [
    "HISTORY",
    "LOCK",
    "MANIFEST",
    "STORE",
    "index/N.run",
    "journal/FILES",
    "journal/N.journal",
    "journal/clean-stop",
    "places/N",
    "projections/claims",
    "volumes/N/conf",
    "volumes/N/db",
    "volumes/N/snap.N",
];
/// Kinds that some stores have, and those of the tests need not.
const SELDOM: [&str; 1] = ["places/scrubbed"];

impl Kind {
    /// What the file at `path` is; relative to the watched folder.
    pub(super) fn of(path: &str) -> Self {
        let pattern = pattern(path);
        let is_known = KINDS.contains(&pattern.as_str()) || SELDOM.contains(&pattern.as_str());
        assert!(is_known, "it is not known what {path} is for: add it to KINDS");
        let mut parts = path.split('/').skip(1);
        let (folder, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (folder, name) {
            ("STORE", _) => Self::Text("STORE"),
            ("MANIFEST", _) => Self::Text("MANIFEST"),
            ("HISTORY", _) => Self::Text("HISTORY"),
            ("journal", "clean-stop") => Self::Text("clean-stop"),
            ("journal", _) => Self::Journal(name.to_owned()),
            ("volumes", _) => Self::Volume(name.to_owned()),
            _ => Self::Derived,
        }
    }

    /// Whether only a restored store has such a file, or has another one than others.
    pub(super) fn is_of_a_restore(&self) -> bool {
        matches!(self, Self::Text("HISTORY" | "STORE"))
    }
}

/// A path in the data directory with `N` for each number of digits, which may be hexadecimal.
fn pattern(path: &str) -> String {
    let (_, inside) = path.split_once('/').unwrap_or_default();
    let is_number = |part: &&str| {
        part.len() >= 8 && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
    };
    let part = |part: &str| {
        let parts = part.split('.').map(|it| if is_number(&it) { "N" } else { it });
        parts.collect::<Vec<_>>().join(".")
    };
    inside.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The volume that is read through at every start: the one with the last positions.
pub(super) fn newest_volume(data: &Path) -> String {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    let last = manifest.rsplit_once("\"directory\": \"").expect("a volume").1;
    last.split('"').next().expect("its name").to_owned()
}

/// The names in the drawing of the data directory.
fn drawn() -> BTreeSet<&'static str> {
    let (_, drawing) = PAGE.split_once("## Data directory\n```text\n").expect("a drawing");
    let (drawing, _) = drawing.split_once("```").expect("its end");
    drawing.lines().filter_map(|line| line.split([' ', '/']).next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_every_store_is_of_a_known_kind_and_every_kind_is_there() {
    let mut found = BTreeSet::new();
    for ending in [Ending::Clean, Ending::Killed, Ending::Restored] {
        let (world, _) = places::begin(ending).await;
        found.extend(Image::of(world.root()).files().map(|(path, _)| pattern(path)));
    }
    found.retain(|pattern| !SELDOM.contains(&pattern.as_str()));
    let known: BTreeSet<String> = KINDS.map(str::to_owned).into();
    assert_eq!(found, known);
    let beginning = |kind: &&'static str| kind.split('/').next();
    let first: BTreeSet<&str> = KINDS.iter().filter_map(beginning).collect();
    assert_eq!(first, drawn(), "docs/FORMAT.md draws other names");
}

#[test]
#[should_panic(expected = "it is not known what data/journal/other is for")]
fn a_file_of_another_kind_is_not_passed_over() {
    Kind::of("data/journal/other");
}
