//! Data directories that are not as they were left: a file or folder that is missing, cut off or of
//! another store is named, with what to do, and nothing else is changed.

use std::{fmt, fs, path::Path};

use handover::domain::proto::RecordedEvent;

use super::{
    cases::each,
    disk::Image,
    kinds::{Kind, newest_volume},
    places::{self, Ending},
    probe::{Found, probe},
};

/// What has happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accident {
    Missing,
    CutInHalf,
    Emptied,
    OfAnotherStore,
}

/// A store to which it has happened.
struct Case {
    ending: Ending,
    path: String,
    accident: Accident,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ending, path, accident } = self;
        write!(f, "{path}: {accident:?}, in a store that ended as {ending:?}")
    }
}

const ACCIDENTS: [Accident; 4] =
    [Accident::Missing, Accident::CutInHalf, Accident::Emptied, Accident::OfAnotherStore];

impl Accident {
    /// Has it happen to the file; false if it cannot.
    fn happen(self, path: &Path, stranger: Option<&[u8]>) -> bool {
        let length = fs::metadata(path).expect("a file of the store").len();
        match self {
            Self::Missing => fs::remove_file(path).expect("it can be removed"),
            Self::CutInHalf | Self::Emptied => {
                let left = if self == Self::CutInHalf { length / 2 } else { 0 };
                let file = fs::File::options().write(true).open(path).expect("it can be opened");
                file.set_len(left).expect("it can be cut off");
            }
            Self::OfAnotherStore => {
                let Some(stranger) = stranger else { return false };
                fs::write(path, stranger).expect("it can be replaced");
            }
        }
        true
    }
}

async fn happen(case: Case) {
    let (world, _) = places::begin(case.ending).await;
    let story = places::story(case.ending).await;
    let newest = newest_volume(&world.data());
    let stranger = places::stranger(case.ending).await;
    let theirs = stranger.files().find_map(|(path, it)| (path == case.path).then_some(it));
    if !case.accident.happen(&world.root().join(&case.path), theirs) {
        return;
    }
    let before = Image::of(world.root());
    let found = probe(&world, &story).await;
    if matches!(found, Found::Refused(..)) {
        before.assert_unchanged(world.root(), &newest);
    }
    check(&case, &found, &story, &newest);
}

/// Fails unless what was found fits what has happened.
fn check(case: &Case, found: &Found, story: &[RecordedEvent], newest: &str) {
    match Kind::of(&case.path) {
        Kind::Derived => found.assert_whole(story),
        // It is the manifest that tells of another store's id.
        Kind::Text("STORE") if case.accident == Accident::OfAnotherStore => {
            found.assert_damaged("MANIFEST");
        }
        Kind::Text("clean-stop") if case.accident == Accident::Missing => {
            found.assert_whole(story);
        }
        Kind::Text(name) => found.assert_damaged(name),
        Kind::Journal(_) => match found {
            Found::Refused(..) => found.assert_damaged("/journal"),
            Found::Served(..) => found.assert_whole(story),
        },
        Kind::Volume(name) => {
            found.assert_named(&name);
            let refused = matches!(found, Found::Refused(..));
            assert!(
                !refused || name == newest,
                "one old volume keeps all others from being served"
            );
            if case.path.ends_with("/db") {
                assert!(!matches!(found, Found::Served(_, errors) if errors.is_empty()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_missing_cut_off_or_of_another_store_is_named_and_nothing_is_changed() {
    let mut cases = Vec::new();
    for ending in [Ending::Clean, Ending::Restored] {
        let (world, _) = places::begin(ending).await;
        let image = Image::of(world.root());
        let paths = image.files().map(|(path, _)| path);
        let is_new = |path: &&str| ending == Ending::Clean || Kind::of(path).is_of_a_restore();
        for path in paths.filter(is_new) {
            let case = |accident| Case { ending, path: path.to_owned(), accident };
            cases.extend(ACCIDENTS.map(case));
        }
    }
    each(cases, happen).await;
}

/// A folder of a store that is gone.
struct Gone(&'static str);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "without {}", self.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_missing_is_named_unless_it_can_be_made_again() {
    let folders = ["journal", "volumes", "index", "places", "projections"];
    each(folders.map(Gone).into(), |Gone(folder)| async move {
        let (world, _) = places::begin(Ending::Clean).await;
        let story = places::story(Ending::Clean).await;
        let newest = newest_volume(&world.data());
        let path = world.data().join(folder);
        if !path.exists() {
            return;
        }
        fs::remove_dir_all(&path).expect("it can be removed");
        let before = Image::of(world.root());
        let found = probe(&world, &story).await;
        if folder == "journal" || folder == "volumes" {
            found.assert_damaged(folder);
            before.assert_unchanged(world.root(), &newest);
        } else {
            found.assert_whole(&story);
        }
    })
    .await;
}
