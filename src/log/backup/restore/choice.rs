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
        opened::{Opened, Survey},
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

/// Chooses the backup that is requested, else the newest, and refuses an end beyond it. Another one
/// that cannot be read is in the way only if it is newer and none was named.
pub(super) fn choose(
    target: &dyn Target,
    survey: Survey,
    request: &Request,
) -> Result<Chosen, BackupError> {
    let Survey { opened, title: _, is_of_another: _, unread, mixed } = survey;
    let Opened { store_id, is_titled: _, manifests } = opened;
    let names: Vec<String> = manifests.iter().map(Manifest::name).collect();
    let is_meant = |own: &str| {
        let short = own.strip_prefix(BACKUPS).unwrap_or_default();
        request.backup.as_ref().is_none_or(|name| name == own || name == short)
    };
    let newer = |name: &str| request.backup.is_some() || names.last().is_none_or(|it| &**it < name);
    let in_the_way = unread.into_iter().rev().find(|(name, _)| is_meant(name) && newer(name));
    let in_the_way = in_the_way.map(|(_, error)| error);
    if let Some(error) = in_the_way.or(mixed.filter(|_| request.backup.is_none())) {
        return Err(error.or_restore(&names));
    }
    let Some(store_id) = store_id.filter(|_| !manifests.is_empty()) else {
        return Err(BackupError::none_complete(&target, store_id));
    };
    let is_wanted = |manifest: &Manifest| is_meant(&manifest.name());
    let Some(manifest) = manifests.into_iter().rev().find(is_wanted) else {
        let name = request.backup.as_deref().unwrap_or_default();
        let what = format!("there is no {name}; there are {}", names.join(", "));
        return Err(BackupError::NoBackup { place: target.to_string(), what });
    };
    check_end(&manifest, request.at)?;
    let history = manifest.history().unwrap_or_default();
    check_restores(&manifest, &history)?;
    // In a target with backups of several stores each has its own.
    let store_id = manifest.store_id().unwrap_or(store_id);
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
