//! Which backup is restored, and how far.

use std::fmt::Write as _;

use crate::{
    domain::{
        event::{Micros, Position},
        history::History,
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

/// Chooses the backup that is requested, else the newest, and refuses an end beyond it. Another one
/// that cannot be read is in the way only if it is newer and none was named.
pub(super) fn choose(
    target: &dyn Target,
    survey: Survey,
    request: &Request,
) -> Result<Chosen, BackupError> {
    let Survey { opened, title: _, unread, mixed } = survey;
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
    // In a target with backups of several stores each has its own.
    let store_id = manifest.store_id().unwrap_or(store_id);
    Ok(Chosen { manifest, at: request.at, store_id, history })
}

/// Refuses an end that the backup does not reach, or before its first event.
fn check_end(manifest: &Manifest, at: Option<At>) -> Result<(), BackupError> {
    let (name, last) = (manifest.name(), manifest.tip.position);
    let what = match at {
        Some(At::Position(position)) if position > last => {
            format!("{name} ends at position {last}, before {position}; name one up to {last}")
        }
        Some(At::Position(0)) => "position 0 is before the first event".to_owned(),
        Some(At::Time(time)) if manifest.recorded_at.is_none_or(|last| time > last) => format!(
            "{name} ends with an event that was recorded before that time: it does not say \
             what came later; without --at it is restored to its end, position {last}"
        ),
        Some(At::Position(_) | At::Time(_)) | None => return Ok(()),
    };
    Err(BackupError::Beyond { what })
}
