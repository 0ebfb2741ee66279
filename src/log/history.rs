//! The file `HISTORY`: which restores led to what a data directory holds. A store that was never
//! restored has none.
//!
//! ```text
//! store 0123456789abcdef0123456789abcdef
//! branch fedcba9876543210fedcba9876543210 after 1200
//! crc32c 1a2b3c4d
//! ```
//!
//! `STORE` has format 2 from the first branch on: programs that know nothing of histories would
//! serve a restored past under the old name. It also shows when `HISTORY` is gone.

use std::{io, path::Path};

use crate::{
    domain::{
        event::Position,
        history::{Branch, History, HistoryId},
        limits,
    },
    log::{
        checked_text,
        error::LogError,
        files::Files,
        journal::Tip,
        manifest::hex,
        store::{self, HISTORY, PROJECTIONS},
    },
};

/// Reads the history of the store with this id; without a file it is the original one.
pub fn load(files: &dyn Files, dir: &Path, store_id: [u8; 16]) -> Result<History, LogError> {
    let path = dir.join(HISTORY);
    let Some(text) = checked_text::read(files, &path)? else { return Ok(History::default()) };
    let branches = parse(&text, store_id).map_err(|what| LogError::damaged(&path, what))?;
    Ok(History::of(branches))
}

/// Puts a history in place of the one before. `STORE`, if it is there already, then says that it
/// has one; a restore that writes `STORE` last does so with [`store::identify`].
pub fn save(
    files: &dyn Files,
    dir: &Path,
    store_id: [u8; 16],
    history: &History,
) -> Result<(), LogError> {
    let line = |branch: &Branch| format!("branch {} after {}\n", branch.id, branch.after);
    let text = format!("store {}\n", hex(store_id));
    let text = history.branches().iter().fold(text, |text, branch| text + &line(branch));
    // First, so that no moment has a `STORE` that misses its `HISTORY`.
    checked_text::write(files, &dir.join(HISTORY), &text)?;
    match store::read_store(files, dir)? {
        Some(_) => store::identify(files, dir, store_id, history),
        None => Ok(()),
    }
}

/// Begins another history after a position, with a new id, in a directory that no process works on.
///
/// The directory must hold nothing beyond the position, and be closed to servers until this has
/// returned. Saved states of projections are removed: one could be ahead of the log, and would
/// pass for its own once the log has grown.
pub fn branch(
    files: &dyn Files,
    dir: &Path,
    store_id: [u8; 16],
    after: Position,
) -> Result<History, LogError> {
    let history = load(files, dir, store_id)?;
    if history.branches().len() >= limits::RESTORES_PER_STORE {
        let what =
            format!("it was restored {} times, which is the limit", history.branches().len());
        return Err(LogError::io("begin a history in", dir, io::Error::other(what)));
    }
    let failed = |error| LogError::io("clean up", dir, error);
    if !planted!("state-over-branch") {
        match files.remove_dir_all(&dir.join(PROJECTIONS)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => files.sync_dir(dir).map_err(failed)?,
        }
    }
    let id = HistoryId(uuid::Uuid::new_v4().as_u128());
    let history = history.branched(Branch { id, after });
    save(files, dir, store_id, &history)?;
    Ok(history)
}

/// Refuses a log that ends before its history begins: events that the branch kept are gone.
pub(super) fn check_reached(dir: &Path, history: &History, tip: Tip) -> Result<(), LogError> {
    match history.newest() {
        Some(Branch { after, .. }) if after > tip.position && !planted!("log-short-of-branch") => {
            let what = format!("the log ends at {}, before the branch at {after}", tip.position);
            Err(LogError::damaged(&dir.join(HISTORY), what))
        }
        _ => Ok(()),
    }
}

fn parse(text: &str, store_id: [u8; 16]) -> Result<Vec<Branch>, String> {
    let mut lines = text.lines();
    let own = lines.next().and_then(|line| line.strip_prefix("store "));
    let own = own.ok_or("it does not say its store")?;
    if own != hex(store_id) {
        return Err(format!("it belongs to another store, {own}"));
    }
    let branch = |line: &str| {
        let (id, after) = line.strip_prefix("branch ")?.split_once(" after ")?;
        Some(Branch { id: HistoryId::parse(id)?, after: after.parse().ok()? })
    };
    let read = |line: &str| branch(line).ok_or_else(|| format!("{line:?} is no branch"));
    lines.map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::log::files::RealFiles;

    const STORE: [u8; 16] = [7; 16];

    fn dir() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        store::identify(&RealFiles, &path, STORE, &History::default()).unwrap();
        (dir, path)
    }

    fn format(dir: &Path) -> String {
        let text = fs::read_to_string(dir.join("STORE")).unwrap();
        text.lines().find(|line| line.starts_with("format")).unwrap().to_owned()
    }

    #[test]
    fn each_branch_is_added_to_those_before_and_older_programs_are_kept_out() {
        let (_kept, dir) = dir();
        assert_eq!(load(&RealFiles, &dir, STORE).unwrap(), History::default());
        assert_eq!(format(&dir), "format 1");
        let first = branch(&RealFiles, &dir, STORE, 1_200).unwrap();
        assert_eq!(format(&dir), "format 2");
        let second = branch(&RealFiles, &dir, STORE, 900).unwrap();
        assert_eq!(second.branches()[..1], *first.branches());
        assert_eq!(second.newest().unwrap().after, 900);
        assert_ne!(second.id(), first.id());
        assert_eq!(load(&RealFiles, &dir, STORE).unwrap(), second);
    }

    #[test]
    fn a_branch_removes_saved_states_which_may_be_ahead_of_the_log() {
        let (_kept, dir) = dir();
        fs::create_dir(dir.join("projections")).unwrap();
        fs::write(dir.join("projections/claims"), "a state").unwrap();
        branch(&RealFiles, &dir, STORE, 3).unwrap();
        assert!(!dir.join("projections").exists());
    }

    #[test]
    fn a_restore_may_write_the_history_before_the_store() {
        let kept = tempfile::tempdir().unwrap();
        let history = branch(&RealFiles, kept.path(), STORE, 5).unwrap();
        assert!(!kept.path().join("STORE").exists());
        store::identify(&RealFiles, kept.path(), STORE, &history).unwrap();
        assert_eq!(format(kept.path()), "format 2");
    }

    #[test]
    fn a_foreign_or_malformed_history_is_damage_and_names_its_file() {
        let (_kept, dir) = dir();
        let texts = [
            ("", "store"),
            ("store 00\n", "another store"),
            (&format!("store {}\nbranch 12 after 3\n", hex(STORE)), "no branch"),
            (&format!("store {}\nbranch {:032x} after -3\n", hex(STORE), 1), "no branch"),
        ];
        for (text, what) in texts {
            checked_text::write(&RealFiles, &dir.join(HISTORY), text).unwrap();
            let error = load(&RealFiles, &dir, STORE).unwrap_err().to_string();
            assert!(error.contains("HISTORY is damaged") && error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_log_that_ends_before_its_branch_is_damaged() {
        let history = History::of(vec![Branch { id: HistoryId(1), after: 5 }]);
        let tip = |position| Tip { position, ..Tip::default() };
        check_reached(Path::new("/data"), &history, tip(5)).unwrap();
        let error = check_reached(Path::new("/data"), &history, tip(4));
        let error = error.expect_err("events are gone").to_string();
        assert!(error.contains("ends at 4") && error.contains("branch at 5"), "{error}");
    }

    #[test]
    fn a_restored_store_without_its_history_is_damaged() {
        let (_kept, dir) = dir();
        branch(&RealFiles, &dir, STORE, 7).unwrap();
        assert_eq!(store::read_store(&RealFiles, &dir).unwrap(), Some(STORE));
        fs::remove_file(dir.join(HISTORY)).unwrap();
        let error = store::read_store(&RealFiles, &dir).expect_err("its history is gone");
        assert!(error.to_string().contains("HISTORY is damaged: it is missing"), "{error}");
    }

    #[test]
    fn a_store_is_not_restored_without_end() {
        let (_kept, dir) = dir();
        let branches = vec![Branch { id: HistoryId(1), after: 5 }; limits::RESTORES_PER_STORE];
        save(&RealFiles, &dir, STORE, &History::of(branches)).unwrap();
        let error = branch(&RealFiles, &dir, STORE, 5).unwrap_err().to_string();
        assert!(error.contains("limit"), "{error}");
    }
}
