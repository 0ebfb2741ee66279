//! Sealing, the manifest and the journal's release come in this order.

use super::*;
use crate::log::gate::{Gate, Sync};

#[test]
fn a_stop_between_any_two_steps_of_sealing_loses_nothing() {
    let mut random = Random::new();
    let images = tempfile::tempdir().unwrap();
    let target = images.path().to_owned();
    // Nothing is appended while a volume is sealed, so a copy made then is one of that moment.
    let mut case = Case::breaking(move |volume| {
        let before_entry = target.join(format!("{}", fs::read_dir(&target).unwrap().count()));
        copy(volume.parent().unwrap().parent().unwrap(), &before_entry);
    });
    for _ in 0..3 {
        case.fill(&mut random, VOLUME_BYTES);
        case.wait_sealed();
    }
    case.crash();
    let (dir, tip) = (case.dir.clone(), case.tip);
    let mut seen = 0;
    for image in RealFiles.list(images.path()).unwrap() {
        // The volume is whole, and the manifest does not have it yet.
        let manifest = fs::read_to_string(image.join("MANIFEST")).unwrap();
        let built = RealFiles.list(&image.join("volumes")).unwrap().into_iter().max().unwrap();
        let built = built.file_name().unwrap().to_str().unwrap();
        assert!(!manifest.contains(built), "{built} counts before it was read back");
        let log = Log::open(&image, &settings(), Arc::new(RealFiles), Hooks::default()).unwrap();
        let found = log.tip().unwrap();
        log.close().unwrap();
        drop(log);
        (case.dir, case.tip) = (image, found);
        let (events, labels) = (case.events.clone(), case.labels.clone());
        case.events.truncate(usize::try_from(found.position).unwrap());
        case.labels.truncate(case.events.len());
        case.open().unwrap();
        case.wait_sealed();
        case.check(&mut random);
        // The manifest has it, and the journal was not released.
        case.crash();
        case.open().unwrap();
        case.check(&mut random);
        case.log = None;
        (case.events, case.labels) = (events, labels);
        seen += 1;
    }
    // Events differ in size: what overshoots may fill one more volume.
    assert!(seen >= 3, "{seen} volumes were sealed");
    (case.dir, case.tip) = (dir, tip);
    case.open().unwrap();
    case.check(&mut random);
}

/// Whether there is the folder of a later volume than this one.
fn is_another_built(volume: &Path) -> bool {
    let volumes = RealFiles.list(volume.parent().unwrap()).unwrap();
    // They are named by their first positions.
    volumes.last().is_some_and(|last| last.as_path() > volume)
}

#[test]
fn a_volume_is_built_while_the_one_before_is_sealed_and_a_stop_then_loses_nothing() {
    let mut random = Random::new();
    let images = tempfile::tempdir().unwrap();
    let (target, overlapped) = (images.path().join("image"), Arc::new(AtomicUsize::new(0)));
    let (image, seen) = (target.clone(), Arc::clone(&overlapped));
    let filled = Arc::new(AtomicBool::new(false));
    let (sealing, all_there) = (AtomicUsize::new(0), Arc::clone(&filled));
    let mut case = Case::breaking(move |volume| {
        assert_eq!(sealing.fetch_add(1, Ordering::SeqCst), 0, "two are sealed at once");
        let deadline = Instant::now() + LONG;
        while !image.exists() && Instant::now() < deadline {
            // A copy that is made while the journal is written is one of no moment.
            if all_there.load(Ordering::SeqCst) && is_another_built(volume) {
                seen.fetch_add(1, Ordering::SeqCst);
                copy(volume.parent().unwrap().parent().unwrap(), &image);
            }
            std::thread::yield_now();
        }
        sealing.fetch_sub(1, Ordering::SeqCst);
    });
    case.fill(&mut random, 4 * VOLUME_BYTES);
    // One event may be as large as all that: there must be one behind it.
    case.fill(&mut random, 1);
    filled.store(true, Ordering::SeqCst);
    case.wait_sealed();
    assert_eq!(overlapped.load(Ordering::SeqCst), 1, "nothing was built meanwhile");
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
    case.check(&mut random);
    case.close();
    let log = Log::open(&target, &settings(), Arc::new(RealFiles), Hooks::default()).unwrap();
    case.tip = log.tip().unwrap();
    drop(log);
    assert!(case.tip.position > 0);
    case.events.truncate(usize::try_from(case.tip.position).unwrap());
    case.labels.truncate(case.events.len());
    case.dir = target;
    case.open().unwrap();
    case.wait_sealed();
    case.check(&mut random);
}

#[test]
fn the_journal_keeps_its_frames_until_the_manifest_has_their_volume() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.close();
    fs::remove_dir_all(&case.dir).unwrap();
    let (faults, faulted) = mpsc::channel();
    let (seals, sealed) = mpsc::channel();
    let hooks = Hooks {
        on_fault: Box::new(move |_, error| faults.send(error.to_string()).unwrap()),
        on_sealed: Box::new(move |position| seals.send(position).unwrap()),
        ..Hooks::default()
    };
    let (gate, _waiting) = Gate::new();
    case.log = Some(Log::open(&case.dir, &settings(), Arc::new(gate.clone()), hooks).unwrap());
    gate.set_manifest(Sync::Fail);
    case.fill(&mut random, VOLUME_BYTES);
    let error = faulted.recv_timeout(LONG).expect("the fault of the manifest is reported");
    assert!(error.contains("MANIFEST"), "{error}");
    assert_eq!(case.log().fetcher.volumes.last_position(), 0);
    assert!(case.log().journal.read(Tip::default(), 1).is_ok(), "frame 1 is gone");
    // The volume is entered at a later attempt, and not built again.
    gate.set_manifest(Sync::Pass);
    let position = sealed.recv_timeout(LONG).expect("the volume is sealed");
    assert_eq!(case.manifest().tip().position, position);
    case.check_forwards(1, 5000);
}
