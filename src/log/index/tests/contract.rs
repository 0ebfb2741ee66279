//! One contract for tables, runs and any mixture of both.

use super::*;
use crate::log::fixtures::raw_frame;

/// Feeds, ends volumes, writes, seals, merges and opens again, in any order, and asks everything
/// in between.
fn check_any_order(random: &mut Random, sizes: Sizes, budget: usize) -> Case {
    let mut case = Case::new(sizes, budget);
    for _ in 0..60 {
        match random.below(12) {
            0..4 => {
                let frames = 1 + random.below(40);
                case.feed(random, frames);
            }
            4..7 if !case.frames.is_empty() => {
                case.settle().unwrap();
                case.end_volume();
            }
            7 => case.seal(),
            8 | 9 => case.settle().unwrap(),
            10 if random.below(3) == 0 => case.reopen(),
            _ => case.check(random),
        }
    }
    case.seal();
    case.settle().unwrap();
    case.check(random);
    case
}

#[test]
fn every_answer_is_that_of_a_look_at_every_event() {
    let random = &mut Random::new();
    for _ in 0..12 {
        let sizes = random_sizes(random);
        println!("{sizes:?}");
        check_any_order(random, sizes, 1 << 20);
    }
    check_any_order(random, Sizes::default(), 1 << 20);
}

#[test]
fn without_room_for_keys_and_filters_every_answer_is_the_same() {
    let random = &mut Random::new();
    for budget in [0, 500, 3_000] {
        let sizes = random_sizes(random);
        println!("{sizes:?}, budget for {budget} bytes");
        check_any_order(random, sizes, budget);
    }
}

#[test]
fn sixteen_volumes_become_one_run_with_every_answer_in_it() {
    let random = &mut Random::new();
    let mut case = Case::new(random_sizes(random), 1 << 20);
    for _ in 0..16 {
        case.volume(random, 20);
        case.settle().unwrap();
    }
    case.settle().unwrap();
    assert_eq!(case.paths().len(), 1, "{:?}", case.paths());
    assert_eq!(case.index.layout().runs().map(|run| run.header().volumes).max(), Some(16));
    case.check(random);
    case.reopen();
    assert_eq!(case.index.layout().runs().count(), 1);
    case.check(random);
}

#[test]
fn a_merged_run_keeps_its_file_for_its_readers_and_not_longer() {
    let random = &mut Random::new();
    let mut case = Case::new(random_sizes(random), 1 << 20);
    for _ in 0..3 {
        case.volume(random, 10);
        case.settle().unwrap();
    }
    let reading = case.index.layout();
    let old = case.paths();
    case.volume(random, 10);
    case.settle().unwrap();
    case.settle().unwrap();
    assert_eq!(case.index.layout().runs().count(), 1);
    assert!(old.iter().all(|path| case.paths().contains(path)), "{:?}", case.paths());
    drop(reading);
    case.settle().unwrap();
    assert_eq!(case.paths().len(), 1);
}

#[test]
fn a_request_id_leads_to_its_append_wherever_that_is() {
    let random = &mut Random::new();
    let mut case = Case::new(random_sizes(random), 1 << 20);
    let all = |case: &Case| {
        for (id, position) in &case.model.requests {
            assert_eq!(lookup(&case.index).request(id), Ok(Some(*position)));
        }
    };
    for _ in 0..4 {
        case.feed(random, 30);
        all(&case);
        case.end_volume();
        all(&case);
        case.settle().unwrap();
        all(&case);
    }
    case.seal();
    case.settle().unwrap();
    assert_eq!(case.index.layout().runs().count(), 1, "they are merged");
    all(&case);
    case.reopen();
    all(&case);
}

#[test]
fn a_frame_that_does_not_follow_or_is_malformed_changes_nothing() {
    let index = open(&RecordingFiles::default(), &[], Sizes::default(), 0);
    let first = frame(Tip::default(), &[Event::default()]);
    index.apply(&first).unwrap();
    let after = first.tip();
    let wrong_place = raw_frame(after, 1, first.chunk().events());
    let garbage = raw_frame(after, 1, &[10, 2, 0xFF, 0xFF]);
    for bad in [first.clone(), wrong_place, garbage] {
        index.apply(&bad).unwrap_err();
        assert_eq!(index.watermark(), 1);
    }
    index.apply(&frame(after, &[Event::default()])).unwrap();
}

#[test]
fn an_empty_index_answers_with_nothing() {
    let index = open(&RecordingFiles::default(), &[], Sizes::default(), 0);
    let stream = StreamName::parse("c0/s0").unwrap();
    assert_eq!(index.watermark(), 0);
    assert_eq!(lookup(&index).position_at(5), Ok(0));
    assert_eq!(lookup(&index).recorded_at(0), Ok(None));
    assert_eq!(lookup(&index).revision(&stream), Ok(0));
    assert_eq!(lookup(&index).last_match(&Filter::all(), 0), Ok(None));
}

#[test]
fn a_lookup_that_cannot_wait_gives_up_where_the_disk_is_needed_and_nowhere_else() {
    let random = &mut Random::new();
    let mut case = Case::new(random_sizes(random), 1 << 20);
    for _ in 0..3 {
        case.volume(random, 20);
        case.settle().unwrap();
    }
    let on_disk = case.model.last();
    case.feed(random, 10);
    case.files.set_cold(true);
    let now = case.index.lookup(Blocking::Never);
    let anything = Filter::new(vec![FilterItem {
        categories: vec![Category::parse("c1").unwrap()],
        ..FilterItem::default()
    }])
    .unwrap();
    let find = |after| {
        let span = Span { after, up_to: u64::MAX };
        now.matches(&anything, span, Direction::Forwards, usize::MAX)
    };
    assert_eq!(find(0), Err(IndexError::WouldBlock));
    let newest = case.model.matches(&anything, Span { after: on_disk, up_to: u64::MAX });
    assert_eq!(find(on_disk), Ok(newest), "whoever follows the log needs no disk");
    let middle = case.model.events[case.model.events.len() / 2].recorded_at;
    assert_eq!(now.position_at(middle), Err(IndexError::WouldBlock));
    let mut blocked = 0;
    for _ in 0..500 {
        let id: RequestId = random.bytes(16).try_into().unwrap();
        match now.request(&id) {
            Ok(None) => {}
            Err(IndexError::WouldBlock) => blocked += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(blocked < 50, "filters tell most absent ids, but {blocked} of 500 need the disk");
    case.files.set_cold(false);
    assert!(find(0).is_ok());
    case.check(random);
}

#[test]
fn a_lookup_that_cannot_wait_gives_up_a_long_walk() {
    let mut case = Case::new(Sizes::default(), 0);
    let random = &mut Random::new();
    // Two tags that take turns never meet, and both lists have to be read to the end to know it.
    let tagged = |n: usize| Event { tags: vec![format!("k:{}", n % 2)], ..Event::default() };
    let mut events: Vec<_> = (0..20_000).map(tagged).collect();
    case.model.revisions.number(&mut events);
    let frame = frame(case.tip, &events);
    case.index.apply(&frame).unwrap();
    let tags = ["k:0", "k:1"].map(|tag| Tag::parse(tag).unwrap()).to_vec();
    let both = Filter::new(vec![FilterItem { tags, ..FilterItem::default() }]).unwrap();
    let span = Span { after: random.below(9) as u64, up_to: u64::MAX };
    let find = |blocking| case.index.lookup(blocking).matches(&both, span, Direction::Forwards, 1);
    assert_eq!(find(Blocking::Never), Err(IndexError::WouldBlock));
    assert_eq!(find(Blocking::Allowed), Ok(vec![]));
}
