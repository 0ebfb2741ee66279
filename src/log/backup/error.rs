//! What can go wrong with a backup, in words that name the piece, and say what to do.

use std::{error::Error, io, path::PathBuf, sync::Arc};

use super::advice::{DAMAGED, DAMAGED_OBJECT, TITLE, UNREADABLE, advice};
use crate::{
    domain::event::Position,
    log::{error::LogError, journal::JournalError, volume::VolumeError},
};

/// Why a backup or a restore could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The operating system refused something in the target.
    #[error("backup {target}: {action} {}: {source}{}", shown(piece), advice(source))]
    Target {
        /// The target.
        target: String,
        /// What was tried.
        action: &'static str,
        /// On which piece.
        piece: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// A piece is not what was put there.
    #[error("backup {target}: {piece} {what}; {advice}")]
    Piece {
        /// The target.
        target: String,
        /// The piece.
        piece: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        advice: String,
    },
    /// The place cannot be a target.
    #[error("{place} cannot hold a backup: {what}")]
    Unfit {
        /// The place.
        place: String,
        /// Why not, and what to choose instead.
        what: String,
    },
    /// The target has too little room.
    #[error(
        "backup {target}: {needed} bytes are to be copied, and {free} are free; make room there, \
         or choose another folder"
    )]
    Full {
        /// The target.
        target: String,
        /// What is to be copied.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// The place holds no backup to restore.
    #[error("{place} holds no backup: {what}")]
    NoBackup {
        /// The place.
        place: String,
        /// What was found.
        what: String,
    },
    /// The target has backups of another store.
    #[error(
        "backup {target}: it has backups of the store {found}, and this is the store {own}; \
         choose another folder for this store"
    )]
    AnotherStore {
        /// The target.
        target: String,
        /// Name of the store that it has backups of.
        found: String,
        /// Name of the store that was to be backed up.
        own: String,
    },
    /// A newer version of the program wrote this.
    #[error(
        "backup {target}: {piece} has format {found}, this program knows up to {known}: use a \
         newer program{more}"
    )]
    NewerFormat {
        /// The target.
        target: String,
        /// The piece that says so.
        piece: String,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
        /// What else can be done; empty: nothing.
        more: String,
    },
    /// Another process works on the target.
    #[error(
        "backup {target}: {holder} works on it; only one backup runs in a folder at a time. Run \
         this again when it has ended"
    )]
    Busy {
        /// The target.
        target: String,
        /// What is known of the process.
        holder: String,
    },
    /// The record does not reach as far as the restore should.
    #[error("{what}")]
    Beyond {
        /// What was requested, what there is, and what to do.
        what: String,
    },
    /// The place for the restored record holds something.
    #[error("{path} cannot take a restored record: {what}", path = path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What is there, and what to do.
        what: String,
    },
    /// There is too little room for the restored record.
    #[error(
        "{path}: the restored record takes {needed} bytes, and {free} are free; make room there, \
         or choose a folder on another disk", path = path.display()
    )]
    NoRoom {
        /// The place.
        path: PathBuf,
        /// What is to be written.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// The record was restored as often as a record may be.
    #[error(
        "{backup} cannot be restored: its record was restored {restores} times, one of another, \
         which is the limit; choose an older backup by --backup, which has fewer, or export the \
         record of its server and import it into a new store"
    )]
    TooManyRestores {
        /// Name of the backup.
        backup: String,
        /// Restores that led to it.
        restores: usize,
    },
    /// Frames moved from the journal into a volume while they were read.
    #[error(
        "the journal let go of frames up to {up_to} while they were read: volumes are sealed \
         faster than their events can be read. Run this again"
    )]
    Released {
        /// The last frame that is gone.
        up_to: u64,
    },
    /// What came of the record is not what its own list says.
    #[error(
        "{what}, twice as it came from the server: the bytes change on their way, or the record is \
         damaged. Run this again; if it says the same, `handover verify` of the server names what \
         is damaged and what to do"
    )]
    Altered {
        /// What came, and what is wrong with it.
        what: String,
    },
    /// The source has another frame where the last backup ended.
    #[error("the record at position {position} is another than in the last backup")]
    OtherHistory {
        /// The position.
        position: Position,
    },
    /// The server stops.
    #[error("the server stops; run this again")]
    Stopping,
    /// The record could not be read, or the restored one not written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A remote source failed.
    #[error("{0}")]
    Remote(Arc<dyn Error + Send + Sync>),
}

/// A piece, or the target itself.
fn shown(piece: &str) -> &str {
    if piece.is_empty() { "the folder" } else { piece }
}

impl BackupError {
    pub(super) fn target(
        target: &dyn std::fmt::Display,
        action: &'static str,
        piece: &str,
        source: io::Error,
    ) -> Self {
        let (target, piece) = (target.to_string(), piece.to_owned());
        Self::Target { target, action, piece, source: Arc::new(source) }
    }

    /// The error of a read from a source.
    pub fn from_read(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => Self::Remote(Arc::new(error)),
        }
    }

    /// A piece that is not what was put there.
    pub(super) fn piece(
        target: &dyn std::fmt::Display,
        piece: &str,
        what: impl Into<String>,
    ) -> Self {
        let advice = match piece {
            "BACKUP" => TITLE,
            _ if piece.starts_with("backups/") => UNREADABLE,
            _ if target.to_string().contains("://") => DAMAGED_OBJECT,
            _ => DAMAGED,
        };
        Self::advised(target, piece, what, advice)
    }

    /// The same with something else to do.
    pub(super) fn advised(
        target: &dyn std::fmt::Display,
        piece: &str,
        what: impl Into<String>,
        advice: &'static str,
    ) -> Self {
        let (target, piece) = (target.to_string(), piece.to_owned());
        Self::Piece { target, piece, what: what.into(), advice: advice.to_owned() }
    }

    /// The same with the names of backups that can be restored instead.
    pub(super) fn or_restore(mut self, names: &[String]) -> Self {
        let (Self::Piece { advice, .. } | Self::NewerFormat { more: advice, .. }) = &mut self
        else {
            return self;
        };
        if !names.is_empty() {
            advice.push_str("; --backup restores one of these: ");
            advice.push_str(&names.join(", "));
        }
        self
    }

    /// A place without a complete backup: of the store that it is for, or of none.
    pub(super) fn none_complete(
        target: &dyn std::fmt::Display,
        store_id: Option<[u8; 16]>,
    ) -> Self {
        let what = match store_id {
            Some(_) => "no backup was made to its end; run `handover backup` again",
            None => "there is no BACKUP file; name the folder that `backup --to` had",
        };
        Self::NoBackup { place: target.to_string(), what: what.to_owned() }
    }

    /// Whether the record, or the backup, is damaged.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Piece { .. } | Self::Altered { .. } => true,
            Self::Log(error) => error.damage().is_some(),
            Self::Target { .. }
            | Self::Unfit { .. }
            | Self::Full { .. }
            | Self::NoBackup { .. }
            | Self::AnotherStore { .. }
            | Self::NewerFormat { .. }
            | Self::Busy { .. }
            | Self::Beyond { .. }
            | Self::Occupied { .. }
            | Self::NoRoom { .. }
            | Self::TooManyRestores { .. }
            | Self::Released { .. }
            | Self::OtherHistory { .. }
            | Self::Stopping
            | Self::Remote(_) => false,
        }
    }
}

impl From<JournalError> for BackupError {
    fn from(error: JournalError) -> Self {
        if let JournalError::Released { up_to } = error {
            return Self::Released { up_to };
        }
        Self::Log(error.into())
    }
}

impl From<VolumeError> for BackupError {
    fn from(error: VolumeError) -> Self {
        Self::Log(error.into())
    }
}
