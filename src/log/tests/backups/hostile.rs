//! Targets with links, pipes and other things in them: nothing behind a link is touched, and
//! nothing is deleted that no backup has put there.

use std::os::unix::fs::symlink;

use super::{
    places::{image, make_pipe},
    promises::few,
    *,
};
use crate::log::backup::target::ClaimKind;

/// Works of years outside of a target, under names that a backup would delete in it.
fn outside(kept: &Kept) -> PathBuf {
    let outside = kept.case.home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for name in ["thesis", "thesis.new", "db", "db.new", FRAMES, &format!("{FRAMES}.new")] {
        fs::write(outside.join(name), "years of work").unwrap();
    }
    outside
}

/// A folder and a piece that a backup could have put, and has not.
const VOLUME: &str = "volumes/00000000000000000001-0123456789abcdef";
const FRAMES: &str = "00000000000000000001-00000000000000000009-0000beef";

/// Puts something under a name into a target.
type Make<'a> = &'a dyn Fn(&str);

#[test]
fn a_target_with_strange_things_is_refused_names_them_and_changes_none() {
    let mut random = Random::new();
    let kept = few(&mut random);
    kept.back_up();
    let outside = outside(&kept);
    let kind_of = |name: &str| kept.backups.join(name);
    let link = |name: &str| symlink(&outside, kind_of(name)).unwrap();
    let cases: [(&str, Make<'_>); 9] = [
        ("volumes/archive", &link),
        (VOLUME, &link),
        ("frames/thesis.new", &|name| fs::write(kind_of(name), "years").unwrap()),
        ("volumes/thesis", &|name| fs::write(kind_of(name), "years").unwrap()),
        ("thesis", &|name| fs::write(kind_of(name), "years").unwrap()),
        ("volumes/data", &|name| copy(&kept.case.dir, &kind_of(name))),
        ("frames/dangling", &|name| symlink("gone", kind_of(name)).unwrap()),
        ("frames/loop", &|name| symlink("loop", kind_of(name)).unwrap()),
        ("frames/pipe", &|name| make_pipe(&kind_of(name))),
    ];
    for (name, make) in cases {
        fs::create_dir_all(kind_of("volumes")).unwrap();
        make(name);
        let before = (image(&kept.backups), image(&outside));
        let source = kept.case.log().backup_source();
        let made = run(&source, &kept.target, NonZeroUsize::new(1), &mut |_, _| {});
        let error = made.expect_err("no backup has put that there");
        assert!(matches!(error, BackupError::Unfit { .. }), "{error}");
        assert!(error.to_string().contains(&format!("it has {name}, a")), "{error}");
        assert!((image(&kept.backups), image(&outside)) == before, "{name}");
        let path = kind_of(name);
        if RealFiles.kind(&path).unwrap() == Kind::Folder {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    kept.back_up();
}

#[test]
fn what_systems_put_into_any_folder_stays_and_keeps_no_backup_away() {
    let mut random = Random::new();
    let kept = few(&mut random);
    kept.back_up();
    let outside = outside(&kept);
    let before = image(&outside);
    fs::create_dir(kept.backups.join("lost+found")).unwrap();
    let names = [".DS_Store", ".nfs0001.new", "frames/.old.new", "lost+found/db.new"];
    for name in names {
        fs::write(kept.backups.join(name), "").unwrap();
    }
    symlink(&outside, kept.backups.join("frames/.snapshot")).unwrap();
    kept.back_up();
    for name in names {
        assert!(kept.backups.join(name).exists(), "{name} is gone");
    }
    assert!(image(&outside) == before, "what lies behind a link was changed");
}

/// As if they had come after the place was looked at.
#[test]
fn cleaning_follows_no_link_and_deletes_only_what_a_backup_may_have_put() {
    let mut random = Random::new();
    let kept = few(&mut random);
    kept.back_up();
    let outside = outside(&kept);
    let volume = kept.backups.join(VOLUME);
    fs::create_dir_all(&volume).unwrap();
    fs::remove_dir(&volume).unwrap();
    symlink(&outside, &volume).unwrap();
    fs::write(kept.backups.join("frames/thesis.new"), "years of work").unwrap();
    fs::write(kept.backups.join("volumes/thesis"), "years of work").unwrap();
    let left = kept.backups.join(format!("frames/{FRAMES}.new"));
    fs::write(&left, "half").unwrap();
    let before = image(&outside);
    drop(kept.target.claim(ClaimKind::Exclusive).unwrap());
    assert!(!left.exists(), "what a killed backup left stays");
    for (name, _) in kept.target.list("").unwrap() {
        let own = ["BACKUP", "backups/", "frames/0"].iter().any(|it| name.starts_with(it));
        assert!(own, "{name} is listed");
    }
    for name in ["volumes/thesis", "frames/thesis.new", "LOCK", "../outside/db", "/etc/motd"] {
        kept.target.delete(name).expect_err(name);
    }
    let within = format!("{VOLUME}/db");
    for done in [
        kept.target.delete(&within).unwrap_err(),
        kept.target.get(&within).map(drop).unwrap_err(),
        kept.target.put(&within, &mut |to| to.write_all(b"lost")).unwrap_err(),
    ] {
        assert!(done.to_string().contains("lies behind a link"), "{done}");
    }
    assert!(image(&outside) == before, "what lies behind a link was changed");
    assert!(kept.backups.join("frames/thesis.new").exists(), "a foreign file was swept");
    assert!(kept.backups.join("volumes/thesis").exists());
}

#[test]
fn a_folder_link_or_pipe_in_the_place_of_a_piece_is_a_finding_and_nothing_waits_for_it() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.back_up();
    kept.case.append_little(&mut random);
    kept.back_up();
    let away = kept.case.home.path().join("away");
    let pieces: Vec<String> = Opened::read(&kept.target).unwrap().manifests[1]
        .pieces()
        .map(|piece| piece.name.clone())
        .collect();
    assert_eq!(pieces.len(), 2);
    for name in pieces.iter().map(String::as_str).chain(["BACKUP"]) {
        let path = kept.backups.join(name);
        fs::rename(&path, &away).unwrap();
        for (what, make) in replacements() {
            make(&path, &away);
            let mut seen = Wrong::default();
            inspect(&kept.target, &mut seen).unwrap();
            let expected = format!("{name} is {what}, and no file");
            assert!(seen.0.contains(&expected), "{expected}: {seen:?}");
            assert_eq!(seen.0.len(), 1, "{seen:?}");
            let dir = kept.next_dir();
            let restored = restore_to(&kept.target, &dir, &small());
            if name == "BACKUP" {
                // Each manifest names the store too.
                restored.unwrap();
            } else {
                let error = restored.unwrap_err();
                assert!(matches!(error, BackupError::Piece { .. }), "{error}");
                assert!(error.to_string().contains(&expected) && !dir.exists(), "{error}");
            }
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
        }
        fs::rename(&away, &path).unwrap();
    }
    let (dir, restored) = kept.restore(&small()).unwrap();
    kept.check_restored(&mut random, &dir, restored.position);
}

/// Puts something else in the place of a file that lies elsewhere now.
type Replace = fn(&Path, &Path);

fn replacements() -> [(&'static str, Replace); 4] {
    [
        ("a folder", |path, _| fs::create_dir(path).unwrap()),
        ("a link", |path, away| symlink(away, path).unwrap()),
        ("a link", |path, _| symlink("gone", path).unwrap()),
        ("a pipe, a socket or a device", |path, _| make_pipe(path)),
    ]
}

/// Keeps what is wrong.
#[derive(Debug, Default)]
struct Wrong(Vec<String>);

impl Inspector for Wrong {
    fn wrong(&mut self, wrong: backup::inspection::Wrong<'_>) {
        self.0.push(format!("{} {}", wrong.piece, wrong.what));
    }

    fn expect(&mut self, _: u64) {}

    fn read(&mut self, _: u64) {}

    fn goes_on(&self) -> bool {
        true
    }
}
