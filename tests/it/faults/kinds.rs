//! The kinds of files in a data directory, by what follows when one is not as it was.

use std::{fs, path::Path};

/// A kind of file.
#[derive(Debug)]
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

impl Kind {
    /// What the file at `path` is; relative to the watched folder.
    pub(super) fn of(path: &str) -> Self {
        let mut parts = path.split('/').skip(1);
        let (folder, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (folder, name) {
            ("STORE", _) => Self::Text("STORE"),
            ("MANIFEST", _) => Self::Text("MANIFEST"),
            ("journal", "clean-stop") => Self::Text("clean-stop"),
            ("journal", _) => Self::Journal(name.to_owned()),
            ("volumes", _) => Self::Volume(name.to_owned()),
            ("LOCK" | "index" | "places" | "projections", _) => Self::Derived,
            _ => panic!("nobody knows what {path} is for"),
        }
    }
}

/// The volume that is read through at every start: the one with the last positions.
pub(super) fn newest_volume(data: &Path) -> String {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    let last = manifest.rsplit_once("\"directory\": \"").expect("a volume").1;
    last.split('"').next().expect("its name").to_owned()
}
