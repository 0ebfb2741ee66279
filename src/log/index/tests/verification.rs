//! Runs compared with the events of their volumes.

use super::*;
use crate::log::index::{StoredIndex, Summing, Sums};

/// The sums of each volume of a case, of frames that `changed` may change.
fn sums(case: &Case, changed: &dyn Fn(&Frame) -> Frame) -> Vec<Option<Sums>> {
    let volumes = case.kept.volumes.lock().unwrap();
    let sum = |frames: &Vec<Frame>| {
        let mut summing = Summing::new(STORE);
        for frame in frames {
            let frame = changed(frame);
            summing.events(frame.chunk(), &mut |_| ()).unwrap();
            assert_eq!(summing.went_back(), None);
            summing.appends(frame.appends());
        }
        Some(summing.finish())
    };
    volumes.values().map(sum).collect()
}

/// What each run has otherwise than these volumes.
fn differences(case: &Case, sums: &[Option<Sums>]) -> Vec<Option<&'static str>> {
    let stored = StoredIndex::of(&case.index, &case.volumes);
    assert_eq!(stored.uncovered(), 0);
    let difference = |run| {
        let found = stored.read(run, &mut |_| true).unwrap().unwrap();
        stored.difference(run, &found, sums)
    };
    (0..stored.len()).map(difference).collect()
}

/// What a change of an event shows as, and the change.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Event));

#[test]
fn runs_of_one_volume_and_of_many_are_those_of_the_events() {
    let random = &mut Random::new();
    for _ in 0..8 {
        let mut case = Case::new(random_sizes(random), 1 << 20);
        for _ in 0..6 {
            case.volume(random, 12);
            case.settle().unwrap();
        }
        let differences = differences(&case, &sums(&case, &Frame::clone));
        assert!(differences.len() > 1, "a merged run and others");
        assert!(differences.iter().all(Option::is_none), "{differences:?}");
    }
}

/// The frame with one of its events changed.
fn with_event(frame: &Frame, change: &dyn Fn(&mut Event)) -> Frame {
    let events = crate::domain::recorded::decode_events(frame.chunk().events().clone()).unwrap();
    let mut encoded = Vec::new();
    for (number, event) in events.into_iter().enumerate() {
        let time = event.recorded_at.unwrap_or_default();
        let payload = event.payload.unwrap_or_default();
        let mut changed = Event {
            stream: event.stream,
            revision: event.revision,
            type_name: payload.type_name().to_owned(),
            tags: event.tags,
            recorded_at: time.seconds * 1_000_000 + i64::from(time.nanos / 1_000),
            payload: payload.value.to_vec(),
        };
        if number == 0 {
            change(&mut changed);
        }
        encoded.extend(changed.encode(event.position));
    }
    let after = Tip { index: frame.index() - 1, position: frame.first_position() - 1, check: 0 };
    NewFrame::encode(after, frame.appends().to_vec(), &encoded).unwrap().into_durable()
}

#[test]
fn a_run_that_is_of_other_events_is_found_out_whatever_the_difference() {
    let random = &mut Random::new();
    let mut case = Case::new(random_sizes(random), 1 << 20);
    for _ in 0..4 {
        case.volume(random, 12);
        case.settle().unwrap();
    }
    let target = case.model.last() / 2;
    let at_target =
        |frame: &Frame| (frame.first_position()..=frame.tip().position).contains(&target);
    let changes: [Change<'_>; 5] = [
        ("positions", &|event| event.tags.push("z:other".into())),
        ("positions", &|event| event.type_name = "test.v1.Other".into()),
        ("positions", &|event| event.stream = "c9/other".into()),
        ("revisions", &|event| event.revision += 1),
        ("nothing", &|event| event.payload.push(1)),
    ];
    for (what, change) in changes {
        let altered = |frame: &Frame| {
            if at_target(frame) { with_event(frame, change) } else { frame.clone() }
        };
        let found: Vec<_> =
            differences(&case, &sums(&case, &altered)).into_iter().flatten().collect();
        if what == "nothing" {
            assert_eq!(found, [""; 0], "the index knows nothing of payloads");
        } else {
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(what), "{found:?}");
        }
    }
    let without_request = |frame: &Frame| {
        let after =
            Tip { index: frame.index() - 1, position: frame.first_position() - 1, check: 0 };
        let appends = if at_target(frame) { Vec::new() } else { frame.appends().to_vec() };
        NewFrame::encode(after, appends, frame.chunk().events()).unwrap().into_durable()
    };
    let found: Vec<_> =
        differences(&case, &sums(&case, &without_request)).into_iter().flatten().collect();
    assert_eq!(found, ["its positions are not those of the events"]);
}

#[test]
fn whatever_bit_flips_in_a_run_is_found() {
    let random = &mut Random::new();
    let sizes = Sizes { group_keys: 40, inside_bytes: 3, piece_bytes: 1 << 16 };
    let mut case = Case::new(sizes, 1 << 20);
    for _ in 0..4 {
        case.volume(random, 6);
        case.settle().unwrap();
    }
    let sums = sums(&case, &Frame::clone);
    let path = case.paths().pop().unwrap();
    let file = case.files.open(&path, false).unwrap();
    let mut whole = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut whole, 0).unwrap();
    let check = |bytes: &[u8]| {
        let files = RecordingFiles::default();
        files.create_dir(Path::new(DIR)).unwrap();
        files.open(&path, true).unwrap().write_all_at(bytes, 0).unwrap();
        let files: Arc<dyn Files> = Arc::new(files);
        let (dir, volumes) = (Path::new(DIR), case.volumes.as_slice());
        let opening = Opening { files: &files, dir, store_id: STORE, volumes };
        let stored = StoredIndex::find(&opening);
        if !stored.unfit().is_empty() {
            return true;
        }
        match stored.read(0, &mut |_| true) {
            Ok(found) => stored.difference(0, &found.unwrap(), &sums).is_some(),
            Err(_) => true,
        }
    };
    assert!(!check(&whole), "the run is good");
    for _ in 0..2_000 {
        let bit = random.below(whole.len() * 8);
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&flipped), "bit {} of byte {} of {}", bit % 8, bit / 8, whole.len());
    }
    for _ in 0..50 {
        let length = random.below(whole.len());
        assert!(check(&whole[..length]), "{length} of {} bytes", whole.len());
    }
}

/// A stop can come between a run and the seal of its volume. Such a run is of no use, and one of
/// another store does not belong there at all.
#[test]
fn a_run_beyond_the_sealed_volumes_is_passed_over_unless_it_is_of_another_store() {
    let mut case = Case::new(Sizes::default(), 1 << 20);
    case.volume(&mut Random::new(), 6);
    case.settle().unwrap();
    let files: Arc<dyn Files> = Arc::new(case.files.clone());
    let find = |store_id| {
        let opening = Opening { files: &files, dir: Path::new(DIR), store_id, volumes: &[] };
        let stored = StoredIndex::find(&opening);
        (stored.len(), stored.unfit().to_vec())
    };
    assert_eq!(find(STORE), (0, Vec::new()));
    let (chosen, unfit) = find([9; 16]);
    assert_eq!((chosen, unfit.len()), (0, 1));
    assert_eq!(unfit[0].1, "it is an index of another store");
}
