//! Every way of reading gives what was appended.

use super::*;

#[test]
fn every_way_of_reading_agrees_with_a_list_through_restarts_and_crashes() {
    let mut random = Random::new();
    let mut case = Case::new();
    for _ in 0..60 {
        match random.below(12) {
            0..8 => case.fill(&mut random, 20_000),
            8 => case.check(&mut random),
            9 => {
                case.close();
                case.open().unwrap();
            }
            10 => {
                case.wait_sealed();
                case.crash();
                case.open().unwrap();
            }
            _ => {
                case.log = None;
                case.open().unwrap();
            }
        }
    }
    case.check(&mut random);
    case.wait_sealed();
    assert!(case.manifest().volumes().len() > 3, "too little for several volumes");
    case.check(&mut random);
    case.close();
    case.open().unwrap();
    case.check(&mut random);
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_request_is_remembered_from_volumes_and_from_the_journal() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 150_000);
    case.wait_sealed();
    case.append(&mut random);
    let last = case.tip.position;
    for _ in 0..2 {
        case.wait_indexed();
        assert_eq!(case.request(1).unwrap().unwrap().first_position, 1);
        let newest = (1..=last).rev().find_map(|at| case.request(at).unwrap()).unwrap();
        assert_eq!(newest.first_position + u64::from(newest.count) - 1, last);
        case.close();
        case.open().unwrap();
    }
}

#[test]
fn readers_see_every_event_while_volumes_are_sealed_and_closed_around_them() {
    bounded("reads around volumes that are sealed", || {
        let mut random = Random::new();
        let mut case = Case::new();
        case.fill(&mut random, 5 * VOLUME_BYTES);
        let (log, events) = (Arc::clone(case.log.as_ref().unwrap()), case.events.clone());
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let ending = SetOnDrop(&stop);
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut random = Random::new();
                    while !stop.load(Ordering::Relaxed) {
                        let at = random.below(events.len());
                        let position = at as u64 + 1;
                        let encoded = log.page(position, position, 1).unwrap();
                        assert!(encoded.events == events[at], "position {position}");
                    }
                });
            }
            case.fill(&mut random, 10 * VOLUME_BYTES);
            case.wait_sealed();
            drop(ending);
        });
        drop(log);
        case.check(&mut random);
    });
}

#[test]
fn an_event_can_be_read_from_memory_when_its_append_is_answered() {
    let case = Case::new();
    let next = new_frame(Tip::default(), &[Event::default()]);
    let outcome = case.log().append(next).outcome();
    assert!(matches!(outcome, journal::Outcome::Durable), "{outcome:?}");
    assert!(case.log().fetcher.frames.tail.chunk_at(1).is_some());
}

#[test]
fn what_is_in_memory_is_read_without_the_disk_and_what_is_damaged_is_not() {
    let mut random = Random::new();
    let mut case = Case::new();
    // The newest volume is checked when the log opens, so there has to be an older one.
    while case.manifest().volumes().len() < 2 {
        case.fill(&mut random, VOLUME_BYTES);
        case.wait_sealed();
    }
    let volume = case.manifest().volumes()[0].clone();
    let sealed = volume.contents.first_position..=volume.contents.last_position;
    // After a start the tail has none of its frames.
    case.close();
    case.open().unwrap();
    let mut resident = Vec::new();
    for at in sealed {
        let encoded = case.log().events_at(&[at], 1).unwrap();
        if let Some(found) = case.log().resident(&[at], 1) {
            assert_eq!(Some(found), encoded);
            resident.push(at);
        }
    }
    let first = *resident.first().expect("what was read is in memory");
    case.close();
    opening::damage(&case.dir.join("volumes").join(&volume.directory).join("db"));
    case.open().unwrap();
    case.log().events_at(&[first], 1).unwrap_err();
    assert_eq!(case.log().resident(&[first], 1), None);
}

#[test]
fn positions_that_are_not_there_are_out_of_range() {
    let mut random = Random::new();
    let mut case = Case::new();
    let empty = case.log().page(1, 10, 1000).unwrap_err();
    assert!(matches!(empty, LogError::OutOfRange { position: 1, last: 0 }), "{empty}");
    case.append(&mut random);
    let last = case.tip.position;
    for error in [
        case.log().page(last + 1, last + 5, 1000).unwrap_err(),
        case.log().page(5, 4, 1000).unwrap_err(),
        case.log().page_back(last + 1, 1, 1000).unwrap_err(),
        case.log().events_at(&[0], 1000).unwrap_err(),
    ] {
        assert!(matches!(error, LogError::OutOfRange { .. }), "{error}");
    }
    assert_eq!(case.log().events_at(&[], 1000).unwrap(), None);
}
