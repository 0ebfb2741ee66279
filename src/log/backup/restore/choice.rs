//! Which backup is restored, and how far.

use std::fmt::Write as _;

use crate::{
    domain::{
        event::{Micros, Position},
        history::History,
        limits,
        recorded::timestamp,
    },
    log::backup::{
        BackupError,
        manifest::{BACKUPS, Manifest},
        opened::Opened,
        target::Target,
    },
};

/// What to restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Name of the backup; absent: the newest.
    pub backup: Option<String>,
    /// Where the restored record ends; absent: where the backup does.
    pub at: Option<At>,
    /// Size of the files of the journal; absent: the usual one.
    pub journal_file_bytes: Option<u64>,
}

/// Where a restored record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// With the last whole append at or before this position.
    Position(Position),
    /// With the last event recorded at or before this time.
    Time(Micros),
}

/// What is restored.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) manifest: Manifest,
    pub(super) at: Option<At>,
    pub(super) store_id: [u8; 16],
    pub(super) history: History,
}

impl Chosen {
    /// What distinguishes this restore from others.
    pub(super) fn mark(&self) -> String {
        let mut text = format!("backup {}\n", self.manifest.name());
        // Writing to a text cannot fail.
        let _ = match self.at {
            None => writeln!(text, "whole"),
            Some(At::Position(position)) => writeln!(text, "position {position}"),
            Some(At::Time(micros)) => writeln!(text, "time {micros}"),
        };
        text
    }
}

/// The mark of a restore in words.
pub(super) fn described(mark: &str) -> String {
    let line = |line: &str| match line.strip_prefix("time ").map(str::parse) {
        Some(Ok(micros)) => format!("time {}", moment(micros)),
        _ => line.to_owned(),
    };
    mark.lines().map(line).collect::<Vec<_>>().join(", ")
}

/// A time as the command line takes it.
fn moment(micros: Micros) -> String {
    timestamp(micros).to_string()
}

/// The error for an end before that of the first append.
pub(super) fn too_early(name: &str, at: At) -> BackupError {
    let what = match at {
        At::Position(position) => format!(
            "no append of {name} ends at or before position {position}, and none is cut; choose a \
             later position"
        ),
        At::Time(time) => {
            let time = moment(time);
            format!("no event of {name} was recorded at or before {time}; choose a later time")
        }
    };
    BackupError::Beyond { what }
}

/// Chooses the backup that is requested, else the newest, and refuses an end beyond it.
pub(super) fn choose(
    target: &dyn Target,
    opened: Opened,
    request: &Request,
) -> Result<Chosen, BackupError> {
    let Opened { store_id, is_titled: _, manifests } = opened;
    let Some(store_id) = store_id.filter(|_| !manifests.is_empty()) else {
        return Err(BackupError::none_complete(&target, store_id));
    };
    let names: Vec<String> = manifests.iter().map(Manifest::name).collect();
    let is_wanted = |manifest: &Manifest| {
        let own = manifest.name();
        let short = own.strip_prefix(BACKUPS).unwrap_or_default();
        request.backup.as_ref().is_none_or(|name| *name == own || name == short)
    };
    let Some(manifest) = manifests.into_iter().rev().find(is_wanted) else {
        let name = request.backup.as_deref().unwrap_or_default();
        let what = format!("there is no {name}; there are {}", names.join(", "));
        return Err(BackupError::NoBackup { place: target.to_string(), what });
    };
    check_end(&manifest, request.at)?;
    let history = manifest.history().unwrap_or_default();
    check_restores(&manifest, &history)?;
    Ok(Chosen { manifest, at: request.at, store_id, history })
}

/// Refuses a record that can begin no other history: each restore begins one.
fn check_restores(manifest: &Manifest, history: &History) -> Result<(), BackupError> {
    let restores = history.branches().len();
    if restores < limits::RESTORES_PER_STORE {
        return Ok(());
    }
    Err(BackupError::TooManyRestores { backup: manifest.name(), restores })
}

/// Refuses an end that the backup does not reach, or before its first event.
fn check_end(manifest: &Manifest, at: Option<At>) -> Result<(), BackupError> {
    let (name, last) = (manifest.name(), manifest.tip.position);
    let Some(at) = at else { return Ok(()) };
    let what = match at {
        _ if last == 0 => {
            format!("{name} is of a record without events; restore it without --at")
        }
        At::Position(position) if position > last => {
            format!("{name} ends at position {last}, before {position}; name one up to {last}")
        }
        At::Position(0) => {
            format!("position 0 is before the first event; name one from 1 to {last}")
        }
        At::Time(time) if manifest.recorded_at.is_none_or(|last| time > last) => format!(
            "{name} ends with an event that was recorded before {}: it does not say what came \
             later; without --at it is restored to its end, position {last}",
            moment(time)
        ),
        At::Position(_) | At::Time(_) => return Ok(()),
    };
    Err(BackupError::Beyond { what })
}
