//! Whatever sled does to an unsealed volume, it is built again.

use super::*;

/// Fills a few volumes of which the first attempt at each is broken by `breakage`.
fn check_rebuilt(breakage: impl Fn(&Path) + Send + Sync + 'static) {
    let attempts = AtomicUsize::new(0);
    let mut case = Case::breaking(move |dir| {
        if attempts.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            breakage(dir);
        }
    });
    let mut random = Random::new();
    case.fill(&mut random, 200_000);
    case.wait_sealed();
    case.check(&mut random);
    let sealed = case.manifest().volumes().len();
    assert!(sealed >= 1, "nothing was sealed");
    assert!(case.faults.lock().unwrap().len() >= sealed, "{:?}", case.faults);
    case.close();
    case.open().unwrap();
    case.check(&mut random);
}

#[test]
fn an_unsealed_volume_whose_database_was_cut_is_rebuilt() {
    check_rebuilt(|dir| {
        let file = fs::OpenOptions::new().write(true).open(dir.join("db")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
}

#[test]
fn an_unsealed_volume_that_opens_empty_is_rebuilt() {
    check_rebuilt(|dir| fs::remove_file(dir.join("db")).unwrap());
}

#[test]
fn an_unsealed_volume_that_is_gone_is_rebuilt() {
    check_rebuilt(|dir| fs::remove_dir_all(dir).unwrap());
}

#[test]
fn an_unsealed_volume_with_flipped_bytes_is_rebuilt() {
    check_rebuilt(|dir| {
        let mut bytes = fs::read(dir.join("db")).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 5000].iter_mut().for_each(|byte| *byte ^= 0xFF);
        fs::write(dir.join("db"), bytes).unwrap();
    });
}

#[test]
fn an_unsealed_volume_that_does_not_open_is_rebuilt() {
    check_rebuilt(|dir| fs::write(dir.join("snap.00000000000FFFFF"), b"garbage").unwrap());
}

#[test]
fn an_unsealed_volume_whose_snapshot_points_beyond_the_file_is_rebuilt() {
    check_rebuilt(|dir| {
        // Opening writes a true snapshot; then the file it refers to is cut.
        drop(sled::Config::new().path(dir).segment_size(1 << 20).open().unwrap());
        let db = fs::OpenOptions::new().write(true).open(dir.join("db")).unwrap();
        db.set_len(60).unwrap();
    });
}

#[test]
fn leftovers_of_unsealed_volumes_are_removed_when_the_log_is_opened() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 100_000);
    case.wait_sealed();
    let volumes = case.dir.join("volumes");
    let breakages: [&dyn Fn(&Path); 3] = [
        &|next| fs::create_dir(next).unwrap(),
        &|next| {
            fs::create_dir(next).unwrap();
            fs::write(next.join("db"), Random::new().bytes(5000)).unwrap();
        },
        &|next| copy(&volumes.join(format!("{:020}", 1)), next),
    ];
    for breakage in breakages {
        // Closing may still seal one.
        let store = case.log().store_id();
        case.close();
        let manifest = Manifest::load(&RealFiles, &case.dir.join("MANIFEST"), store).unwrap();
        let next = format!("{:020}", manifest.tip().position + 1);
        breakage(&volumes.join(next));
        copy(&volumes.join(format!("{:020}", 1)), &volumes.join("a copy"));
        case.open().unwrap();
        assert!(!volumes.join("a copy").exists());
        case.fill(&mut random, 70_000);
        case.wait_sealed();
        case.check(&mut random);
    }
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}
