//! A target as it is found: whose backups it has, and which.

use std::{collections::HashMap, io};

use super::{
    error::BackupError,
    manifest::{BACKUPS, FORMAT, LAST_SEQUENCE, Manifest, get_sealed, put_sealed},
    pieces::{self, Piece, check_length},
    target::Target,
};
use crate::log::{manifest::hex, store::public_name};

/// The piece that says what the target is. It is put first.
pub(super) const BACKUP: &str = "BACKUP";
const TITLE: &str = "handover backup";

/// The backups in a target.
#[derive(Debug)]
pub struct Opened {
    /// The id of the store; absent: there are no backups yet.
    pub store_id: Option<[u8; 16]>,
    /// Whether `BACKUP` says so. It can be lost alone: each manifest has the id as well.
    pub is_titled: bool,
    /// The complete backups, oldest first.
    pub manifests: Vec<Manifest>,
}

/// A target as it is found, whatever is wrong with it: one backup that cannot be read hides no
/// other.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) opened: Opened,
    /// Why `BACKUP` cannot be used, damaged or not readable; absent: it is good, or not there.
    pub(super) title: Option<BackupError>,
    /// `BACKUP` is good, and names another store than the backups.
    pub(super) is_of_another: bool,
    /// Manifests that cannot be read, and why, by their names.
    pub(super) unread: Vec<(String, BackupError)>,
    /// There are backups of several stores.
    pub(super) mixed: Option<BackupError>,
}

/// What to do about backups of several stores in one target.
const MIXED: &str = "delete nothing: --backup restores each of them. Back each store up into a \
     new folder of its own";
/// What to do about a title that is that of another target.
const OTHER_TITLE: &str = "move it out of the folder: each backup names the store too, and the \
     next backup of that store into this folder puts the right one there";
/// What to do about a title without backups.
const TITLE_ALONE: &str = "no backup was made to its end here; choose another folder";

/// Refuses a place that has other things in it than backups, or is part of a data directory. It
/// changes nothing. What may lie beside backups is said by [`Target::foreign`].
pub fn check_place(target: &dyn Target) -> Result<(), BackupError> {
    let Survey { opened, title, .. } = Survey::of(target)?;
    let known = opened.is_titled || !opened.manifests.is_empty();
    if let Some(error) = title.filter(|_| !known) {
        return Err(error);
    }
    let obstacle = if known { target.foreign() } else { target.obstacle() };
    match obstacle.map_err(|error| BackupError::target(&target, "list", "", error))? {
        Some(what) => Err(BackupError::Unfit { place: target.to_string(), what }),
        None => Ok(()),
    }
}

impl Survey {
    /// Looks at all that is there.
    pub(super) fn of(target: &dyn Target) -> Result<Self, BackupError> {
        let (titled, mut title) = match read_title(target) {
            Ok(titled) => (titled, None),
            Err(error @ (BackupError::Piece { .. } | BackupError::Target { .. })) => {
                (None, Some(error))
            }
            Err(error) => return Err(error),
        };
        let listed = match (target.list(BACKUPS), &title) {
            // Nothing can be read there.
            (Err(_), Some(error @ BackupError::Target { .. })) => return Err(error.clone()),
            (listed, _) => {
                listed.map_err(|error| BackupError::target(&target, "list", BACKUPS, error))?
            }
        };
        let (mut manifests, mut unread) = (Vec::new(), Vec::new());
        for (name, _) in listed {
            match Manifest::get(target, &name) {
                Ok(manifest) => manifests.push(manifest),
                Err(error) => unread.push((name, error)),
            }
        }
        manifests.sort_by_key(|manifest| manifest.sequence);
        unread.sort_by(|a, b| a.0.cmp(&b.0));
        let first = manifests.first().and_then(Manifest::store_id);
        let strange = manifests.iter().find(|manifest| manifest.store_id() != first);
        let mixed = strange.map(|strange| {
            let what = "belongs to another store than older backups here";
            BackupError::advised(&target, &strange.name(), what, MIXED)
        });
        let is_of_another =
            mixed.is_none() && titled.is_some() && first.is_some() && titled != first;
        if is_of_another {
            let what = "names another store than the backups here";
            title = Some(BackupError::advised(&target, BACKUP, what, OTHER_TITLE));
        }
        if let Some(BackupError::Piece { advice, .. }) = &mut title
            && manifests.is_empty()
            && unread.is_empty()
        {
            TITLE_ALONE.clone_into(advice);
        }
        let is_titled = titled.is_some() && title.is_none();
        let opened = Opened { store_id: first.or(titled), is_titled, manifests };
        Ok(Self { opened, title, is_of_another, unread, mixed })
    }
}

impl Opened {
    /// Reads what is there, to go on with it: every backup has to be readable. A title that is
    /// damaged is put anew.
    pub fn read(target: &dyn Target) -> Result<Self, BackupError> {
        let Survey { opened, title, is_of_another, unread, mixed } = Survey::of(target)?;
        if let Some((_, error)) = unread.into_iter().next() {
            return Err(error);
        }
        if let Some(error) = mixed {
            return Err(error);
        }
        match title {
            Some(error @ BackupError::Target { .. }) => Err(error),
            Some(error) if opened.manifests.is_empty() || is_of_another => Err(error),
            _ => Ok(opened),
        }
    }

    /// Refuses backups of another store.
    pub(super) fn expect(&self, target: &dyn Target, own: [u8; 16]) -> Result<(), BackupError> {
        match self.store_id {
            Some(found) if found != own && !planted!("backup-of-another-store") => {
                Err(BackupError::AnotherStore {
                    target: target.to_string(),
                    found: public_name(found).urn().to_string(),
                    own: public_name(own).urn().to_string(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The number of the next backup.
    pub(super) fn next_sequence(&self) -> u64 {
        self.manifests.last().map_or(1, |last| last.sequence + 1)
    }

    /// Refuses a target that has the last number.
    pub(super) fn check_number(&self, target: &dyn Target) -> Result<(), BackupError> {
        if self.next_sequence() <= LAST_SEQUENCE {
            return Ok(());
        }
        let what = format!("it has backup {LAST_SEQUENCE}, the last number; choose a new folder");
        Err(BackupError::Unfit { place: target.to_string(), what })
    }
}

/// The lengths of pieces, by name.
pub(super) type Listing = HashMap<String, u64>;

/// Which pieces there are.
pub(super) fn list(target: &dyn Target, prefix: &str) -> Result<Listing, BackupError> {
    let listed = target.list(prefix);
    let listed = listed.map_err(|error| BackupError::target(&target, "list", prefix, error))?;
    Ok(listed.into_iter().collect())
}

/// Refuses a backup of which a piece is missing or has another length.
pub(super) fn check_listed<'a>(
    target: &dyn Target,
    listing: &Listing,
    pieces: impl IntoIterator<Item = &'a Piece>,
) -> Result<(), BackupError> {
    for piece in pieces {
        match listing.get(&piece.name) {
            // Missing, or something else than a file: reading it says what.
            None => pieces::check(target, piece, &mut |_| {})?,
            Some(length) => check_length(target, piece, *length)?,
        }
    }
    Ok(())
}

/// Makes the place a target for a store.
pub(super) fn entitle(target: &dyn Target, store_id: [u8; 16]) -> Result<(), BackupError> {
    let text = format!("{TITLE}\nformat {FORMAT}\nstore {}\n", hex(store_id));
    put_sealed(target, BACKUP, &text)
}

/// The id of the store whose backups these are; absent: nothing says that this is a target.
fn read_title(target: &dyn Target) -> Result<Option<[u8; 16]>, BackupError> {
    // A place that is not there has no title.
    let text = match get_sealed(target, BACKUP) {
        Err(BackupError::Target { source, .. })
            if source.kind() == io::ErrorKind::NotADirectory =>
        {
            let what = "it is a file; choose a folder".to_owned();
            return Err(BackupError::Unfit { place: target.to_string(), what });
        }
        read => read?,
    };
    let Some(text) = text else { return Ok(None) };
    let damaged = |what: &str| BackupError::piece(&target, BACKUP, format!("is damaged: {what}"));
    let value = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        found.ok_or_else(|| damaged(&format!("it does not say its {key}")))
    };
    let number = |_| damaged("it has a number that is none");
    if text.lines().next() != Some(TITLE) {
        return Err(damaged("it does not begin with its title"));
    }
    let found = value("format")?.parse().map_err(number)?;
    if found == 0 {
        return Err(damaged("there is no format 0"));
    }
    if found > FORMAT {
        let (target, piece) = (target.to_string(), BACKUP.to_owned());
        let more = String::new();
        return Err(BackupError::NewerFormat { target, piece, found, known: FORMAT, more });
    }
    u128::from_str_radix(value("store")?, 16).map(|id| Some(id.to_be_bytes())).map_err(number)
}
