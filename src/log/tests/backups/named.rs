//! Manifests and sources that name what they must not: paths out of the folder, pieces of other
//! volumes, numbers that are none.

use super::{places::image, *};
use crate::log::backup::source::{Snapshot, Wanted};

/// A change of the manifest as JSON.
type Change = fn(&mut serde_json::Value);

/// Changes the only manifest, with its right checksum.
fn change(kept: &Kept, name: &str, change: Change) {
    let path = kept.backups.join(name);
    let text = fs::read_to_string(&path).unwrap();
    let (json, _) = text.rsplit_once("crc32c ").unwrap();
    let mut value = serde_json::from_str(json).unwrap();
    change(&mut value);
    let text = serde_json::to_string_pretty(&value).unwrap();
    fs::write(&path, checked_text::sealed(&format!("{text}\n"))).unwrap();
}

/// What a manifest may name, and part of what is said about it.
const CHANGES: [(&str, Change); 19] = [
    ("volume \"/tmp/x/.ssh\"", |it| it["volumes"][0]["volume"]["directory"] = "/tmp/x/.ssh".into()),
    ("volume \"../../../x\"", |it| it["volumes"][0]["volume"]["directory"] = "../../../x".into()),
    ("volume \"..\"", |it| it["volumes"][0]["volume"]["directory"] = "..".into()),
    ("volume \"\"", |it| it["volumes"][0]["volume"]["directory"] = "".into()),
    ("file \"../x\"", |it| it["volumes"][0]["volume"]["files"][0]["name"] = "../x".into()),
    ("file \"authorized_keys\"", |it| {
        it["volumes"][0]["volume"]["files"][0]["name"] = "authorized_keys".into();
    }),
    ("which has none", |it| {
        let mut more = it["volumes"][0]["pieces"][0].clone();
        more["name"] = "volumes/x/authorized_keys".into();
        it["volumes"][0]["pieces"].as_array_mut().unwrap().push(more);
    }),
    ("twice", |it| {
        let more = it["volumes"][0]["pieces"][0].clone();
        it["volumes"][0]["pieces"].as_array_mut().unwrap().push(more);
    }),
    ("no piece for db", |it| {
        let pieces = it["volumes"][1]["pieces"].as_array_mut().unwrap();
        pieces.retain(|piece| !piece["name"].as_str().unwrap().ends_with("/db"));
    }),
    ("which has none", |it| {
        let first = it["volumes"][0]["pieces"].clone();
        it["volumes"][0]["pieces"] = it["volumes"][1]["pieces"].clone();
        it["volumes"][1]["pieces"] = first;
    }),
    ("no db of the volume", |it| {
        it["volumes"][0]["volume"]["files"].as_array_mut().unwrap().retain(|it| it["name"] != "db");
    }),
    ("lists frames as", |it| it["frames"][0]["piece"]["name"] = "frames/../../x".into()),
    ("number 0", |it| it["sequence"] = 0.into()),
    ("number 18446744073709551615", |it| it["sequence"] = u64::MAX.into()),
    ("format 0", |it| it["format"] = 0.into()),
    ("times that go back", |it| it["volumes"][1]["recorded_at"] = (-1).into()),
    ("recorded at None", |it| it["recorded_at"] = serde_json::Value::Null),
    ("begins after 9999999", |it| {
        it["history"] =
            serde_json::json!([{"id": "0123456789abcdef".repeat(2), "after": 9_999_999}]);
    }),
    ("twice", |it| {
        let branch = serde_json::json!({"id": "0123456789abcdef".repeat(2), "after": 1});
        it["history"] = vec![branch.clone(), branch].into();
    }),
];

#[test]
fn a_manifest_that_names_what_no_backup_has_is_refused_and_nothing_is_written() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    // Some frames have to be in no volume.
    while kept.case.log().fetcher.volumes.last_position() == kept.case.tip.position {
        kept.case.append(&mut random);
        kept.case.wait_sealed();
    }
    let name = kept.back_up().name;
    // Nothing else changes its folder meanwhile.
    kept.case.close();
    let whole = fs::read(kept.backups.join(&name)).unwrap();
    for (why, changed) in CHANGES {
        change(&kept, &name, changed);
        let before = image(kept.case.home.path());
        let dir = kept.next_dir();
        let error = restore_to(&kept.target, &dir, &small()).expect_err(why);
        assert!(error.is_damage() && error.to_string().contains(why), "{why}: {error}");
        assert!(error.to_string().contains(&name), "{error}");
        assert!(image(kept.case.home.path()) == before, "{why}: something was written");
        fs::write(kept.backups.join(&name), &whole).unwrap();
    }
    kept.restore(&small()).unwrap();
}

#[test]
fn the_title_of_a_target_is_read_and_the_last_number_is_not_passed() {
    let mut random = Random::new();
    let kept = promises::few(&mut random);
    let mut newest = kept.back_up().name;
    let path = kept.backups.join("BACKUP");
    let text = fs::read_to_string(&path).unwrap();
    let (own, _) = text.rsplit_once("crc32c ").unwrap();
    for (from, to, why) in [
        ("handover backup", "sokol backup", "does not begin with its title"),
        ("format 1", "format 0", "there is no format 0"),
    ] {
        fs::write(&path, checked_text::sealed(&own.replace(from, to))).unwrap();
        let found = values::inspected(&kept.target);
        assert!(found.len() == 1 && found[0].1.contains(why), "{found:?}");
        newest = kept.back_up().name;
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "the title is put anew");
    }
    change(&kept, &newest, |it| it["sequence"] = 9_999_999_999_u64.into());
    let last = newest.replace("0000000003-", "9999999999-");
    fs::rename(kept.backups.join(&newest), kept.backups.join(last)).unwrap();
    let error = back_up(&kept.case.log().backup_source(), &kept.target).unwrap_err();
    assert!(matches!(error, BackupError::Unfit { .. }), "{error}");
    assert!(error.to_string().contains("the last number; choose a new folder"), "{error}");
}

/// A server that names what it must not.
struct Untrusted<'a> {
    source: &'a dyn Source,
    change: fn(&mut Snapshot),
}

impl Source for Untrusted<'_> {
    fn snapshot(&self) -> Result<Snapshot, BackupError> {
        let mut snapshot = self.source.snapshot()?;
        (self.change)(&mut snapshot);
        Ok(snapshot)
    }

    fn open(&self, wanted: &Wanted) -> Result<Box<dyn std::io::Read + Send + '_>, BackupError> {
        self.source.open(wanted)
    }
}

#[test]
fn a_server_does_not_choose_the_names_of_files() {
    let mut random = Random::new();
    let kept = Kept::new(&mut random);
    let source = kept.case.log().backup_source();
    let changes: [fn(&mut Snapshot); 4] = [
        |it| it.volumes[0].0.directory = "../../outside".to_owned(),
        |it| it.volumes[1].0.directory = "/tmp/outside".to_owned(),
        |it| it.volumes[1].0.files[0].name = "../../../outside".to_owned(),
        |it| it.volumes[0].0.files.clear(),
    ];
    let before = RealFiles.list(kept.case.home.path()).unwrap();
    for change in changes {
        let untrusted = Untrusted { source: &source, change };
        let error = back_up(&untrusted, &kept.target).expect_err("it names what it must not");
        let text = error.to_string();
        assert!(text.contains("the record lists") && text.contains("nothing was copied"), "{text}");
        assert_eq!(RealFiles.list(kept.case.home.path()).unwrap(), before);
        assert!(!Path::new("/tmp/outside").exists(), "something was written");
    }
    kept.back_up();
}
