//! Damage inside of a volume's file, which no digest of the file shows when it is copied so.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::log::backup::inspection::Wrong;

/// Where the entries of an offset table begin, and their bytes: `docs/FORMAT.md` draws it.
const TABLE_HEAD: usize = 68;
const TABLE_ENTRY: usize = 16;

/// What an inspection names: the piece, what is wrong with it, and what to do.
#[derive(Default)]
pub(super) struct Found(pub(super) Vec<(String, String, String)>);

impl Inspector for Found {
    fn wrong(&mut self, wrong: Wrong<'_>) {
        let Wrong { piece, what, advice, .. } = wrong;
        self.0.push((piece.to_owned(), what.to_owned(), advice.to_owned()));
    }

    fn expect(&mut self, _: u64) {}

    fn read(&mut self, _: u64) {}

    fn goes_on(&self) -> bool {
        true
    }
}

/// What is wrong with the backups of a target.
pub(super) fn inspected(target: &dyn Target) -> Vec<(String, String, String)> {
    let mut found = Found::default();
    inspect(target, &mut found).unwrap();
    found.0
}

/// As a manifest has it.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Where a random value of a volume lies in its file, with one bit that is flipped there.
fn flip_value(random: &mut Random, table: &[u8], bytes: &mut [u8], nth: usize) {
    let entries: Vec<_> = table[TABLE_HEAD..].chunks(TABLE_ENTRY).collect();
    // The last entries are pages of the append table.
    let entry =
        if nth == 0 { entries[entries.len() - 1] } else { entries[random.below(entries.len())] };
    let (length, offset) = (number(&entry[6..8]), number(&entry[8..16]));
    bytes[offset + random.below(length)] ^= 1 << random.below(8);
}

/// A stopped store with volumes, and a folder for its backups.
struct Stopped {
    kept: Kept,
    source: PathBuf,
}

impl Stopped {
    fn new(random: &mut Random) -> Self {
        let mut kept = Kept::new(random);
        kept.case.close();
        Self { source: kept.case.dir.clone(), kept }
    }

    fn volumes(&self) -> Vec<String> {
        let listed = RealFiles.list(&self.source.join("volumes")).unwrap();
        listed.iter().map(|it| it.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn database(&self, volume: &str) -> PathBuf {
        self.source.join("volumes").join(volume).join("db")
    }

    fn table(&self, volume: &str) -> PathBuf {
        self.source.join("places").join(volume)
    }

    fn back_up(&self) -> Result<Summary, BackupError> {
        back_up(&StoppedStore::open(&real_files(), &self.source).unwrap(), &self.kept.target)
    }

    fn opened(&self) -> Vec<BackupManifest> {
        Opened::read(&self.kept.target).unwrap().manifests
    }

    /// The name of a piece of a volume in the newest backup.
    fn piece(&self, volume: &str, end: &str) -> Option<String> {
        let newest = self.opened().pop().unwrap();
        let mut names = newest.pieces().map(|piece| piece.name.clone());
        names.find(|name| name.contains(&format!("/{volume}-")) && name.ends_with(end))
    }

    /// Changes the manifests and the lists of pieces as `change` does with each piece, and makes
    /// them those of an earlier version, which looked through no values.
    fn make_old(&self, change: &dyn Fn(&mut Value)) {
        let listed = self.kept.target.list("").unwrap().into_iter().map(|(name, _)| name);
        let texts = listed.filter(|it| it.starts_with("backups/") || it.ends_with("/PIECES"));
        for name in texts.collect::<Vec<_>>() {
            let path = self.kept.backups.join(name);
            let text = fs::read_to_string(&path).unwrap();
            let (json, _) = text.rsplit_once("crc32c ").unwrap();
            let mut json: Value = serde_json::from_str(json).unwrap();
            let entry = json.get_mut("entry").map(std::slice::from_mut);
            let entries = match entry {
                Some(entry) => entry,
                None => json["volumes"].as_array_mut().unwrap(),
            };
            for entry in entries {
                entry.as_object_mut().unwrap().remove("checked").unwrap();
                entry["pieces"].as_array_mut().unwrap().iter_mut().for_each(change);
            }
            fs::write(&path, checked_text::sealed(&format!("{json:#}\n"))).unwrap();
        }
    }

    /// A backup as an earlier version made it: a value of a volume is damaged in it, and its digest
    /// is that of the damaged piece. Returns the volume and the piece.
    fn damaged_by_earlier(&self, random: &mut Random) -> (String, String) {
        self.back_up().unwrap();
        let volume = self.volumes()[random.below(3)].clone();
        let piece = self.piece(&volume, "/db").unwrap();
        let path = self.kept.backups.join(&piece);
        let mut bytes = fs::read(&path).unwrap();
        flip_value(random, &fs::read(self.table(&volume)).unwrap(), &mut bytes, 1);
        fs::write(&path, &bytes).unwrap();
        let digest = sha256(&bytes);
        self.make_old(&|it| {
            if it["name"] == piece.as_str() {
                it["sha256"] = digest.clone().into();
            }
        });
        (volume, piece)
    }
}

#[test]
fn a_volume_with_a_damaged_value_is_named_with_its_position_and_not_backed_up() {
    let mut random = Random::new();
    let stopped = Stopped::new(&mut random);
    for nth in 0..6 {
        let volume = stopped.volumes()[random.below(3)].clone();
        let (database, table) = (stopped.database(&volume), stopped.table(&volume));
        let (whole, places) = (fs::read(&database).unwrap(), fs::read(&table).unwrap());
        let mut bytes = whole.clone();
        flip_value(&mut random, &places, &mut bytes, nth);
        fs::write(&database, &bytes).unwrap();
        // Without a table the values are found by sled.
        let without = nth % 2 == 1;
        if without {
            fs::remove_file(&table).unwrap();
        }
        let error = stopped.back_up().expect_err("a value is damaged");
        let text = error.to_string();
        assert!(error.is_damage() && text.contains(&volume), "{text}");
        assert!(text.contains("at position"), "{text}");
        assert_eq!(stopped.opened(), [], "a manifest was put");
        fs::write(&database, &whole).unwrap();
        fs::write(&table, &places).unwrap();
        // The next round must not take over what this one has copied whole.
        if stopped.kept.backups.exists() {
            fs::remove_dir_all(&stopped.kept.backups).unwrap();
        }
    }
    let summary = stopped.back_up().unwrap();
    assert_eq!(inspected(&stopped.kept.target), []);
    let mut kept = stopped.kept;
    let (_, restored) = kept.restore(&small()).unwrap();
    assert_eq!(restored.position, summary.position);
}

#[test]
fn a_damaged_value_that_was_copied_so_is_found_not_restored_and_copied_again() {
    let mut random = Random::new();
    let mut stopped = Stopped::new(&mut random);
    let (_, piece) = stopped.damaged_by_earlier(&mut random);
    let found = inspected(&stopped.kept.target);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, piece);
    assert!(found[0].1.contains("at position"), "{found:?}");
    let dir = stopped.kept.next_dir();
    let error = restore_to(&stopped.kept.target, &dir, &small()).expect_err("a value is damaged");
    assert!(matches!(error, BackupError::Piece { .. }), "{error}");
    assert!(error.to_string().contains(&piece), "{error}");
    assert!(!dir.exists(), "something was written");
    // The record is right, so the next backup repairs this one too.
    let summary = stopped.back_up().unwrap();
    assert!(summary.copied.pieces > 0, "the damaged volume was taken over: {summary:?}");
    assert_eq!(inspected(&stopped.kept.target), [], "an older backup is still damaged");
    for manifest in stopped.opened() {
        let request = Request { backup: Some(manifest.name()), ..small() };
        stopped.kept.restore(&request).unwrap();
    }
    let again = stopped.back_up().unwrap();
    assert_eq!(again.copied.pieces, 0, "{again:?}");
}

#[test]
fn volumes_of_an_earlier_version_that_are_right_are_taken_over() {
    let mut random = Random::new();
    let stopped = Stopped::new(&mut random);
    stopped.back_up().unwrap();
    stopped.make_old(&|_| {});
    let summary = stopped.back_up().unwrap();
    assert_eq!(summary.copied.pieces, 0, "{summary:?}");
    let checked = |manifest: &BackupManifest| manifest.volumes.iter().all(|it| it.checked);
    assert_eq!(stopped.opened().iter().map(checked).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn what_a_target_has_of_a_volume_stays_if_the_record_has_no_better() {
    let mut random = Random::new();
    let stopped = Stopped::new(&mut random);
    stopped.back_up().unwrap();
    let volume = stopped.volumes()[0].clone();
    // A piece is gone, so the volume is copied again; but the record has lost an event of it.
    let conf = stopped.piece(&volume, "/conf").unwrap();
    fs::remove_file(stopped.kept.backups.join(conf)).unwrap();
    let kept = stopped.kept.backups.join(stopped.piece(&volume, "/db").unwrap());
    let (database, before) = (stopped.database(&volume), fs::read(&kept).unwrap());
    let mut bytes = fs::read(&database).unwrap();
    let whole = bytes.clone();
    flip_value(&mut random, &fs::read(stopped.table(&volume)).unwrap(), &mut bytes, 1);
    fs::write(&database, bytes).unwrap();
    let error = stopped.back_up().expect_err("a value of the record is damaged");
    assert!(error.is_damage(), "{error}");
    assert!(fs::read(&kept).unwrap() == before, "the last good copy was overwritten");
    fs::write(&database, whole).unwrap();
    stopped.back_up().unwrap();
    assert_eq!(inspected(&stopped.kept.target), []);
}

#[test]
fn a_table_that_the_record_does_not_have_or_has_wrong_is_left_out() {
    let mut random = Random::new();
    let mut stopped = Stopped::new(&mut random);
    let [missing, flipped, elsewhere] = [0, 1, 2].map(|it| stopped.volumes()[it].clone());
    fs::remove_file(stopped.table(&missing)).unwrap();
    let mut bytes = fs::read(stopped.table(&flipped)).unwrap();
    let at = random.below(bytes.len());
    bytes[at] ^= 1 << random.below(8);
    fs::write(stopped.table(&flipped), bytes).unwrap();
    // The offset of a block, with a checksum that is right.
    let mut bytes = fs::read(stopped.table(&elsewhere)).unwrap();
    bytes[TABLE_HEAD + TABLE_ENTRY + 15] ^= 1;
    let crc = crc32c::crc32c(&bytes[12..]).to_be_bytes();
    bytes[8..12].copy_from_slice(&crc);
    fs::write(stopped.table(&elsewhere), bytes).unwrap();
    stopped.back_up().unwrap();
    let (dir, restored) = stopped.kept.restore(&small()).unwrap();
    for volume in [&missing, &flipped, &elsewhere] {
        assert_eq!(stopped.piece(volume, "/places"), None, "a table that is no good was copied");
        assert!(!dir.join("places").join(volume).exists(), "{volume}");
    }
    stopped.kept.case.log = None;
    stopped.kept.check_restored(&mut random, &dir, restored.position);
}

#[test]
fn an_empty_table_of_an_earlier_version_is_not_restored() {
    let mut random = Random::new();
    let mut stopped = Stopped::new(&mut random);
    stopped.back_up().unwrap();
    let volume = stopped.volumes()[0].clone();
    let piece = stopped.piece(&volume, "/places").unwrap();
    fs::write(stopped.kept.backups.join(&piece), "").unwrap();
    let digest = sha256(b"");
    stopped.make_old(&|it| {
        if it["name"] == piece.as_str() {
            (it["sha256"], it["length"]) = (digest.clone().into(), 0.into());
        }
    });
    let (dir, _) = stopped.kept.restore(&small()).unwrap();
    assert!(!dir.join("places").join(&volume).exists(), "an empty table was restored");
    let summary = stopped.back_up().unwrap();
    assert_eq!(summary.copied.pieces, 0, "{summary:?}");
    assert_eq!(stopped.piece(&volume, "/places"), None);
}
