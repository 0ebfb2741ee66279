//! Where a backup and a restored record may lie: each path is checked and used as one place.

use std::os::unix::fs::symlink;

use super::{promises::few, *};
use crate::log::backup::target::ClaimKind;

/// Everything below a folder, with what files hold.
pub(super) fn image(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let (mut all, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in RealFiles.list(&folder).unwrap() {
            let is_folder = RealFiles.kind(&path).unwrap() == Kind::Folder;
            all.push((path.clone(), path.is_file().then(|| fs::read(&path).unwrap())));
            folders.extend(is_folder.then_some(path));
        }
    }
    all.sort();
    all
}

/// A stopped data directory beside a log that is backed up.
fn victim(kept: &Kept, random: &mut Random) -> PathBuf {
    let dir = kept.case.home.path().join("victim");
    let mut other = Case::new();
    (0..3).for_each(|_| other.append_little(random));
    other.close();
    copy(&other.dir, &dir);
    dir
}

#[test]
fn a_path_that_comes_to_mean_a_data_directory_is_refused_before_anything_is_made() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.back_up();
    let victim = victim(&kept, &mut random);
    let before = image(&victim);
    let home = kept.case.home.path().to_owned();
    symlink(&victim, home.join("link")).unwrap();
    for (path, why) in [
        ("missing/../victim", "goes back by `..`"),
        ("missing/../victim/new", "goes back by `..`"),
        ("missing/../../new", "goes back by `..`"),
        ("link", "a data directory"),
        ("link/new", "within the data directory"),
        ("link/../victim/new", "within the data directory"),
        ("backups/../victim", "a data directory"),
    ] {
        let path = home.join(path);
        let made = DirectoryTarget::open(&path)
            .and_then(|target| back_up(&kept.case.log().backup_source(), &target));
        let error = made.expect_err("the place is that of another store");
        assert!(matches!(error, BackupError::Unfit { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        let error = restore_to(&kept.target, &path, &small()).unwrap_err();
        assert!(matches!(error, BackupError::Occupied { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(!home.join("missing").exists(), "{} was made", path.display());
        assert!(image(&victim) == before, "the other store was changed");
    }
    kept.restore(&small()).expect("a folder that does not exist");
}

#[test]
fn a_path_that_leads_nowhere_or_to_no_folder_is_refused_with_what_to_do() {
    let mut random = Random::new();
    let kept = few(&mut random);
    kept.back_up();
    let home = kept.case.home.path();
    fs::write(home.join("file"), "").unwrap();
    symlink(home.join("gone"), home.join("dangling")).unwrap();
    symlink(home.join("loop"), home.join("loop")).unwrap();
    make_pipe(&home.join("pipe"));
    for (path, why) in [
        ("file", "it is a file"),
        ("file/new", "in a file"),
        ("pipe", "it is a file"),
        ("dangling", "a link to what does not exist"),
        ("loop", "leads to itself"),
    ] {
        let error = DirectoryTarget::open(&home.join(path)).unwrap_err();
        assert!(matches!(error, BackupError::Unfit { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(why) && error.contains("choose a folder"), "{error}");
        let error = restore_to(&kept.target, &home.join(path), &small()).unwrap_err();
        assert!(matches!(error, BackupError::Occupied { .. }), "{error}");
    }
}

/// Makes a pipe: to open it waits for the other end.
pub(super) fn make_pipe(path: &Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
}

#[test]
fn no_record_is_restored_among_backups_or_around_them() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.back_up();
    let home = kept.case.home.path().to_owned();
    let other = home.join("others");
    back_up(&kept.case.log().backup_source(), &DirectoryTarget::new(&other)).unwrap();
    symlink(&kept.backups, home.join("link")).unwrap();
    // The folder that the backup lies in holds only that.
    let around = home.join("around");
    fs::create_dir(&around).unwrap();
    let before = (image(&kept.backups), image(&other));
    for (place, why) in [
        (kept.backups.clone(), "the backup"),
        (kept.backups.join("new"), "within the folder of backups"),
        (kept.backups.join("volumes/new"), "within the folder of backups"),
        (home.join("link/volumes/new"), "within the folder of backups"),
        (other.join("volumes/new"), "within the folder of backups"),
        (other.clone(), "within the folder of backups"),
    ] {
        let error = restore_to(&kept.target, &place, &small()).expect_err("it is among backups");
        assert!(matches!(error, BackupError::Occupied { .. }), "{error}");
        assert!(error.to_string().contains(why), "{}: {error}", place.display());
    }
    assert!((image(&kept.backups), image(&other)) == before, "something was written");
    fs::rename(&kept.backups, around.join("backups")).unwrap();
    let target = DirectoryTarget::new(&around.join("backups"));
    let error = restore_to(&target, &around, &small()).unwrap_err();
    assert!(error.to_string().contains("lies in it"), "{error}");
    restore_to(&target, &kept.next_dir(), &small()).unwrap();
}

#[test]
fn an_interrupted_restore_with_links_in_it_does_not_go_on() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.back_up();
    let outside = kept.case.home.path().join("outside");
    fs::create_dir_all(outside.join("thesis")).unwrap();
    for name in ["volumes", "places", "pipe"] {
        let (done, first) = kept.restore(&small()).unwrap();
        fs::remove_file(done.join("STORE")).unwrap();
        let mark = format!("backup {}\nwhole\n", first.backup);
        checked_text::write(&RealFiles, &done.join("RESTORING"), &mark).unwrap();
        if name == "pipe" {
            make_pipe(&done.join("journal").join(name));
        } else {
            fs::remove_dir_all(done.join(name)).unwrap();
            symlink(&outside, done.join(name)).unwrap();
        }
        let error = restore_to(&kept.target, &done, &small()).expect_err("it has a link");
        assert!(matches!(error, BackupError::Occupied { .. }), "{error}");
        assert!(error.to_string().contains("that no restore has made"), "{error}");
        assert!(outside.join("thesis").exists(), "what lies behind a link was removed");
    }
}

#[test]
fn what_holds_a_target_is_named_as_what_it_is() {
    let mut random = Random::new();
    let kept = few(&mut random);
    kept.back_up();
    // As a backup leaves it that was killed.
    fs::write(kept.backups.join("LOCK"), "9533\ninode 10354819\n").unwrap();
    let source = kept.case.log().backup_source();
    let shared = kept.target.claim(ClaimKind::Shared).unwrap();
    let error = back_up(&source, &kept.target).unwrap_err().to_string();
    assert!(error.contains("a restore or a verification works on it"), "{error}");
    assert!(!error.contains("9533"), "{error}");
    drop(shared);
    let exclusive = kept.target.claim(ClaimKind::Exclusive).unwrap();
    let own = format!("a backup (process {}) works on it", std::process::id());
    for text in [None, Some("9533\ninode 10354819\n"), Some("")] {
        if let Some(text) = text {
            fs::write(kept.backups.join("LOCK"), text).unwrap();
        }
        let error = back_up(&source, &kept.target).unwrap_err().to_string();
        let expected = match text {
            None => own.as_str(),
            Some("") => "another backup works on it",
            Some(_) => "a backup (process 9533) works on it",
        };
        assert!(error.contains(expected) && !error.contains("inode"), "{error}");
    }
    drop(exclusive);
    back_up(&source, &kept.target).unwrap();
}
