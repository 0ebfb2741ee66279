//! The manifest: which volumes are sealed. What is not in it does not count.

use std::path::Path;

use crate::log::{checked_text, error::LogError, files::Files, journal::Tip, volume::SealedVolume};

/// The newest format of the manifest, and of the volumes in it, that is known here.
pub const FORMAT: u32 = 1;

/// The sealed volumes of a store, in order and without gaps.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    format: u32,
    /// In hex.
    store: String,
    volumes: Vec<SealedVolume>,
}

/// What can be read of a manifest of any format.
#[derive(serde::Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Manifest {
    /// A manifest without volumes.
    pub fn empty(store_id: [u8; 16]) -> Self {
        Self { format: FORMAT, store: hex(store_id), volumes: Vec::new() }
    }

    /// The manifest of these volumes, oldest first.
    pub(super) fn of(store_id: [u8; 16], volumes: Vec<SealedVolume>) -> Self {
        Self { volumes, ..Self::empty(store_id) }
    }

    /// The volumes, oldest first.
    pub fn volumes(&self) -> &[SealedVolume] {
        &self.volumes
    }

    /// The last sealed frame.
    pub fn tip(&self) -> Tip {
        self.volumes.last().map(|volume| volume.tip).unwrap_or_default()
    }

    /// The same with one volume more.
    #[must_use]
    pub fn with(&self, volume: SealedVolume) -> Self {
        let mut next = self.clone();
        next.volumes.push(volume);
        next
    }

    /// Reads the manifest of the store with this id.
    pub fn load(files: &dyn Files, path: &Path, store_id: [u8; 16]) -> Result<Self, LogError> {
        let text = checked_text::read(files, path)?
            .ok_or_else(|| LogError::damaged(path, "it is missing"))?;
        let malformed = |error: serde_json::Error| LogError::damaged(path, error.to_string());
        let AnyFormat { format: found } = serde_json::from_str(&text).map_err(malformed)?;
        if found > FORMAT {
            return Err(LogError::NewerFormat { path: path.to_owned(), found, known: FORMAT });
        }
        let manifest: Self = serde_json::from_str(&text).map_err(malformed)?;
        if manifest.store != hex(store_id) {
            let what = format!("it belongs to another store, {}", manifest.store);
            return Err(LogError::damaged(path, what));
        }
        manifest.check_order().map_err(|what| LogError::damaged(path, what))?;
        Ok(manifest)
    }

    /// Puts it at `path` in place of the one before.
    pub fn save(&self, files: &dyn Files, path: &Path) -> Result<(), LogError> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| LogError::io("write", path, error.into()))?;
        checked_text::write(files, path, &format!("{json}\n"))
    }

    fn check_order(&self) -> Result<(), String> {
        let mut before = Tip::default();
        for SealedVolume { directory, contents, tip, .. } in &self.volumes {
            let follows = contents.first_position == before.position + 1
                && contents.last_position >= contents.first_position
                && tip.position == contents.last_position
                && tip.index > before.index;
            if !follows {
                return Err(format!("volume {directory} does not follow the one before"));
            }
            before = *tip;
        }
        Ok(())
    }
}

/// A store's id as text.
pub(super) fn hex(store_id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(store_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{files::RealFiles, volume::ContentsTally};

    fn volume(first: u64, count: u64, index: u64) -> SealedVolume {
        let mut tally = ContentsTally::new(first);
        tally.events(b"any", count);
        let contents = tally.finish();
        let tip = Tip { index, position: contents.last_position, check: 5 };
        SealedVolume { directory: format!("{first:020}"), contents, tip, files: Vec::new() }
    }

    fn load(dir: &Path) -> Result<Manifest, LogError> {
        Manifest::load(&RealFiles, &dir.join("MANIFEST"), [3; 16])
    }

    #[test]
    fn a_manifest_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = Manifest::empty([3; 16]).with(volume(1, 10, 2)).with(volume(11, 1, 3));
        manifest.save(&RealFiles, &dir.path().join("MANIFEST")).unwrap();
        assert_eq!(load(dir.path()).unwrap(), manifest);
        assert_eq!(manifest.tip(), Tip { index: 3, position: 11, check: 5 });
        assert_eq!(Manifest::empty([3; 16]).tip(), Tip::default());
    }

    #[test]
    fn a_missing_foreign_or_disordered_manifest_is_damage_and_names_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("MANIFEST");
        let check = |what: &str| {
            let error = load(dir.path()).unwrap_err();
            assert!(matches!(error, LogError::Damaged { .. }), "{error}");
            let error = error.to_string();
            assert!(error.contains("MANIFEST") && error.contains(what), "{error}");
        };
        check("missing");
        Manifest::empty([4; 16]).save(&RealFiles, &path).unwrap();
        check("another store");
        let empty = Manifest::empty([3; 16]);
        empty.with(volume(1, 5, 1)).with(volume(7, 5, 2)).save(&RealFiles, &path).unwrap();
        check("does not follow");
        checked_text::write(&RealFiles, &path, "{\"format\": 1}\n").unwrap();
        check("store");
    }

    type Change = fn(&mut SealedVolume);

    #[test]
    fn a_volume_goes_on_with_the_next_position_and_a_later_frame_or_it_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("MANIFEST");
        let behind = |change: Change| {
            let mut second = volume(6, 5, 2);
            change(&mut second);
            let manifest = Manifest::empty([3; 16]).with(volume(1, 5, 1)).with(second);
            manifest.save(&RealFiles, &path).unwrap();
            load(dir.path())
        };
        behind(|_| {}).unwrap();
        let wrong: [(&str, Change); 6] = [
            ("an event twice", |it| it.contents.first_position = 5),
            ("an event is missing", |it| it.contents.first_position = 7),
            ("no event", |it| (it.contents.last_position, it.tip.position) = (5, 5)),
            ("the frame ends before the events", |it| it.tip.position = 9),
            ("the same frame", |it| it.tip.index = 1),
            ("an earlier frame", |it| it.tip.index = 0),
        ];
        for (what, change) in wrong {
            let error = behind(change).expect_err(what).to_string();
            assert!(error.contains("does not follow the one before"), "{what}: {error}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_whatever_else_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let text = "{\"format\": 2, \"shards\": []}\n";
        checked_text::write(&RealFiles, &dir.path().join("MANIFEST"), text).unwrap();
        let error = load(dir.path()).unwrap_err();
        assert!(matches!(error, LogError::NewerFormat { found: 2, known: 1, .. }), "{error}");
    }
}
