//! The manifest of a backup: what it holds, and the pieces. It is written last.

mod names;
mod order;

use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

pub(super) use self::names::{LAST_SEQUENCE, check_volume};
use super::{
    error::BackupError,
    pieces::{Piece, hex},
    target::Target,
};
use crate::{
    domain::{
        event::{Micros, Position},
        history::{Branch, History, HistoryId},
    },
    log::{checked_text, frame::Tip, volume::SealedVolume},
};

/// The newest format of backups that is known here.
pub const FORMAT: u32 = 1;
/// What the names of manifests begin with.
pub(super) const BACKUPS: &str = "backups/";
/// What the names of the pieces of volumes begin with.
pub(super) const VOLUMES: &str = "volumes/";
/// What the names of the pieces with frames begin with.
pub(super) const FRAMES: &str = "frames/";
/// The last part of the names of lists of pieces.
const RECEIPT: &str = "PIECES";
/// The largest text that is read: that of some hundred thousand volumes.
const TEXT_BYTES: u64 = 1 << 30;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    format: u32,
    /// Number of the backup in its target, from 1.
    pub sequence: u64,
    /// The store's id, in hex.
    store: String,
    /// The histories that led to this record, oldest first.
    history: Vec<BranchEntry>,
    /// The last frame in it.
    pub tip: Tip,
    /// When the last event was recorded, in microseconds since 1970; absent: there is none.
    pub recorded_at: Option<Micros>,
    /// The sealed volumes, oldest first.
    pub volumes: Vec<VolumeEntry>,
    /// The frames after them, in order. The first may begin before the end of the last volume.
    pub frames: Vec<FramesEntry>,
}

/// The beginning of a history.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct BranchEntry {
    /// In hex.
    id: String,
    after: Position,
}

/// A sealed volume in a backup.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VolumeEntry {
    /// The volume, as the store's own manifest has it.
    pub volume: SealedVolume,
    /// When its last event was recorded, in microseconds since 1970.
    pub recorded_at: Micros,
    /// Whether its values were looked through when it was copied, which earlier versions did not.
    #[serde(default)]
    pub checked: bool,
    /// Its pieces.
    pub pieces: Vec<Piece>,
}

/// Frames in a backup.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FramesEntry {
    /// The frame before the first of them.
    pub after: Tip,
    /// The last of them.
    pub tip: Tip,
    /// The piece that holds them.
    pub piece: Piece,
}

/// What can be read of a text of any format.
#[derive(serde::Deserialize)]
struct AnyFormat {
    format: u32,
}

/// What the parts of a manifest come from.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) sequence: u64,
    pub(super) store_id: [u8; 16],
    pub(super) history: History,
    pub(super) tip: Tip,
    pub(super) recorded_at: Option<Micros>,
    pub(super) volumes: Vec<VolumeEntry>,
    pub(super) frames: Vec<FramesEntry>,
}

impl Manifest {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { sequence, store_id, history, tip, recorded_at, volumes, frames } = parts;
        let entry = |it: &Branch| BranchEntry { id: it.id.to_string(), after: it.after };
        let history = history.branches().iter().map(entry).collect();
        let store = hex(&store_id);
        Self { format: FORMAT, sequence, store, history, tip, recorded_at, volumes, frames }
    }

    /// Its name in the target.
    pub fn name(&self) -> String {
        format!("{BACKUPS}{:010}-{:020}", self.sequence, self.tip.position)
    }

    /// The store's id.
    pub fn store_id(&self) -> Option<[u8; 16]> {
        u128::from_str_radix(&self.store, 16).ok().map(u128::to_be_bytes)
    }

    /// The histories that led to this record; `None`: an id is not one.
    pub fn history(&self) -> Option<History> {
        let branch = |entry: &BranchEntry| {
            Some(Branch { id: HistoryId::parse(&entry.id)?, after: entry.after })
        };
        self.history.iter().map(branch).collect::<Option<Vec<_>>>().map(History::of)
    }

    /// The last frame in a sealed volume.
    pub fn sealed(&self) -> Tip {
        self.volumes.last().map(|entry| entry.volume.tip).unwrap_or_default()
    }

    /// Every piece that it names.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let volumes = self.volumes.iter().flat_map(|entry| &entry.pieces);
        volumes.chain(self.frames.iter().map(|entry| &entry.piece))
    }

    /// Puts it into the target as a new backup, which no other one of its number is in the way of.
    pub(super) fn create(&self, target: &dyn Target) -> Result<(), BackupError> {
        let name = self.name();
        let text = checked_text::sealed(&json(target, &name, self)?);
        let created = target.create(&name, &mut |to| to.write_all(text.as_bytes()));
        created.map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                let holder = "another backup, which took the number of this one,".to_owned();
                return BackupError::Busy { target: target.to_string(), holder };
            }
            BackupError::target(&target, "write", &name, error)
        })
    }

    /// Puts it into the target, in place of itself.
    pub(super) fn put(&self, target: &dyn Target) -> Result<(), BackupError> {
        put_text(target, &self.name(), self)
    }

    /// Reads one, and checks that what it lists follows one another without gaps.
    pub(super) fn get(target: &dyn Target, name: &str) -> Result<Self, BackupError> {
        let manifest: Self = get_text(target, name)?;
        let damaged = |what: String| BackupError::piece(&target, name, what);
        manifest.check_order().and_then(|()| manifest.check_names()).map_err(damaged)?;
        if manifest.name() != name {
            return Err(damaged(format!("is the manifest {}", manifest.name())));
        }
        Ok(manifest)
    }
}

impl VolumeEntry {
    /// The folder of a volume's pieces. It tells volumes apart that only have the same directory:
    /// after a restore another volume may get the directory of one that is in an older backup.
    pub(super) fn folder(volume: &SealedVolume) -> Result<String, BackupError> {
        let json = serde_json::to_vec(volume).map_err(|error| {
            BackupError::Log(crate::log::LogError::io(
                "describe",
                std::path::Path::new(&volume.directory),
                error.into(),
            ))
        })?;
        let digest = hex(&Sha256::digest(json));
        let short = digest.get(..16).unwrap_or_default();
        Ok(format!("{VOLUMES}{}-{short}/", volume.directory))
    }

    /// Where the list of a volume's pieces is, which is put after them.
    pub(super) fn receipt(folder: &str) -> String {
        format!("{folder}{RECEIPT}")
    }

    /// Whether a piece is such a list.
    pub(super) fn is_receipt(name: &str) -> bool {
        name.rsplit('/').next() == Some(RECEIPT)
    }
}

/// Puts a text with its checksum.
pub(super) fn put_text(
    target: &dyn Target,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<(), BackupError> {
    put_sealed(target, name, &json(target, name, value)?)
}

/// The lines of a text.
fn json(
    target: &dyn Target,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<String, BackupError> {
    let failed = |error| BackupError::target(&target, "write", name, error);
    let json = serde_json::to_string_pretty(value);
    Ok(json.map_err(|error| failed(io::Error::from(error)))? + "\n")
}

/// Puts lines with their checksum.
pub(super) fn put_sealed(target: &dyn Target, name: &str, text: &str) -> Result<(), BackupError> {
    let text = checked_text::sealed(text);
    target
        .put(name, &mut |to| to.write_all(text.as_bytes()))
        .map_err(|error| BackupError::target(&target, "write", name, error))
}

/// Reads a text of a format that is known here.
pub(super) fn get_text<T: serde::de::DeserializeOwned>(
    target: &dyn Target,
    name: &str,
) -> Result<T, BackupError> {
    let Some(text) = get_sealed(target, name)? else {
        return Err(BackupError::piece(&target, name, "is missing"));
    };
    let malformed = |error: serde_json::Error| {
        BackupError::piece(&target, name, format!("is damaged: {error}"))
    };
    let AnyFormat { format: found } = serde_json::from_str(&text).map_err(malformed)?;
    if found > FORMAT {
        let (target, piece) = (target.to_string(), name.to_owned());
        let more = String::new();
        return Err(BackupError::NewerFormat { target, piece, found, known: FORMAT, more });
    }
    serde_json::from_str(&text).map_err(malformed)
}

/// Reads lines with their checksum; absent: there are none.
pub(super) fn get_sealed(target: &dyn Target, name: &str) -> Result<Option<String>, BackupError> {
    let failed = |error| BackupError::target(&target, "read", name, error);
    let from = match target.get(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(BackupError::piece(&target, name, error.to_string()));
        }
        opened => opened.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    from.take(TEXT_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let damaged = || BackupError::piece(&target, name, "is damaged: its checksum is wrong");
    checked_text::unsealed(bytes).map(Some).ok_or_else(damaged)
}
