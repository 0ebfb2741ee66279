//! Runs that are not what was written: noticed, never answered from, and built again.

use super::*;

/// An index of four small volumes in one run, and what should be in it.
fn merged(random: &mut Random) -> Case {
    let sizes = Sizes { group_keys: 40, inside_bytes: 3, piece_bytes: 1 << 16 };
    let mut case = Case::new(sizes, 1 << 20);
    for _ in 0..4 {
        case.volume(random, 6);
        case.settle().unwrap();
    }
    assert_eq!(case.index.layout().runs().count(), 1);
    case
}

fn contents(case: &Case, path: &Path) -> Vec<u8> {
    let file = case.files.open(path, false).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Files with this as the only file of the index.
fn only(path: &Path, bytes: &[u8]) -> RecordingFiles {
    let files = RecordingFiles::default();
    files.create_dir(Path::new(DIR)).unwrap();
    files.open(path, true).unwrap().write_all_at(bytes, 0).unwrap();
    files
}

/// Asks much; every answer is right or says that the index is damaged. Tells whether one did.
fn is_noticed(index: &Index, model: &Model, filters: &[Filter]) -> bool {
    let damaged = |error: IndexError| {
        assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
        true
    };
    let mut noticed = false;
    let span = Span { after: 0, up_to: u64::MAX };
    for filter in filters {
        noticed |= match lookup(index).matches(filter, span, Direction::Forwards, usize::MAX) {
            Ok(found) => {
                assert_eq!(found, model.matches(filter, span), "{filter:?}");
                false
            }
            Err(error) => damaged(error),
        };
    }
    for (id, position) in &model.requests {
        noticed |= match lookup(index).request(id) {
            Ok(found) => {
                assert_eq!(found, Some(*position));
                false
            }
            Err(error) => damaged(error),
        };
    }
    for (position, event) in (1..).zip(&model.events) {
        let before = model.events.iter().filter(|it| it.recorded_at < event.recorded_at).count();
        match lookup(index).recorded_at(position) {
            Ok(found) => assert_eq!(found, Some(event.recorded_at)),
            Err(error) => noticed |= damaged(error),
        }
        match lookup(index).position_at(event.recorded_at) {
            Ok(found) => assert_eq!(found, before as u64),
            Err(error) => noticed |= damaged(error),
        }
    }
    noticed
}

/// Filters that ask for every term there is.
fn all_terms(model: &Model) -> Vec<Filter> {
    let mut items = Vec::new();
    for event in &model.events {
        let label = labels(event);
        items.push(FilterItem { streams: vec![label.stream.clone()], ..Default::default() });
        items.push(FilterItem { types: vec![label.type_name], ..Default::default() });
        let tag = |tag| FilterItem { tags: vec![tag], ..Default::default() };
        items.extend(label.tags.into_iter().map(tag));
    }
    let categories = (0..4).map(|n| Category::parse(&format!("c{n}")).unwrap());
    items.extend(categories.map(|it| FilterItem { categories: vec![it], ..Default::default() }));
    items.dedup();
    items.into_iter().map(|item| Filter::new(vec![item]).unwrap()).collect()
}

/// Whether a bit is worth a flip: of the zeros between the parts, one bit in a hundred bytes is.
fn is_significant(whole: &[u8], bit: usize) -> bool {
    let at = bit / 8;
    let around = &whole[at.saturating_sub(8)..(at + 8).min(whole.len())];
    around.iter().any(|byte| *byte != 0) || bit.is_multiple_of(800)
}

#[test]
fn a_flip_of_any_single_bit_of_a_run_is_noticed_or_harmless() {
    let random = &mut Random::new();
    let sizes = Sizes { group_keys: 12, inside_bytes: 2, piece_bytes: 1 << 16 };
    let mut case = Case::new(sizes, 1 << 20);
    case.volume(random, 2);
    case.settle().unwrap();
    let path = case.paths().pop().unwrap();
    let whole = contents(&case, &path);
    let filters = all_terms(&case.model);
    let (mut refused, mut noticed, mut harmless) = (0, 0, 0);
    for bit in (0..whole.len() * 8).filter(|bit| is_significant(&whole, *bit)) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let files = only(&path, &flipped);
        let index = open(&files, &case.volumes, case.sizes, case.budget);
        if index.layout().runs().count() == 0 {
            refused += 1;
            assert!(files.list(Path::new(DIR)).unwrap().is_empty(), "it is removed");
        } else if is_noticed(&index, &case.model, &filters) {
            noticed += 1;
            assert!(index.layout().runs().all(|run| run.damage().is_some()));
        } else {
            // Zeros between the parts.
            harmless += 1;
        }
    }
    println!("{refused} refused, {noticed} noticed, {harmless} harmless");
    assert!(refused > 1_000 && noticed > 1_000);
}

#[test]
fn a_run_that_is_cut_off_anywhere_or_longer_is_not_taken_up() {
    let random = &mut Random::new();
    let case = merged(random);
    let path = case.paths().pop().unwrap();
    let whole = contents(&case, &path);
    let taken_up = |bytes: &[u8]| {
        let index = open(&only(&path, bytes), &case.volumes, case.sizes, case.budget);
        index.layout().runs().count() == 1
    };
    assert!(taken_up(&whole));
    for length in 0..whole.len() {
        assert!(!taken_up(&whole[..length]), "{length} of {} bytes", whole.len());
    }
    assert!(!taken_up(&[&whole[..], &[0]].concat()));
}

/// Damages the leaf pages and lists of the only run, which is open already.
fn damage_open_run(case: &Case) {
    let path = case.paths().pop().unwrap();
    let file = case.files.open(&path, false).unwrap();
    let length = file.len().unwrap();
    // What lies before the footer: everything that is read again and again.
    let garbage = vec![0x5A; usize::try_from(length / 2).unwrap()];
    file.write_all_at(&garbage, 4096).unwrap();
}

#[test]
fn a_damaged_run_is_built_again_while_everything_else_goes_on() {
    let random = &mut Random::new();
    let mut case = merged(random);
    let before = case.model.last();
    case.feed(random, 5);
    damage_open_run(&case);
    let filters = all_terms(&case.model);
    assert!(is_noticed(&case.index, &case.model, &filters), "nobody noticed");
    let newest = Span { after: before, up_to: u64::MAX };
    for filter in &filters {
        let found = lookup(&case.index).matches(filter, newest, Direction::Forwards, usize::MAX);
        assert_eq!(found, Ok(case.model.matches(filter, newest)), "what is in memory is told");
    }
    let watermark = case.index.watermark();
    repeat("a settled index", STEPS, || {
        let stepped = case.maintenance.step(&|| true, Duration::ZERO).unwrap();
        assert_eq!(case.index.watermark(), watermark, "it never goes back");
        !stepped
    });
    case.check(random);
    // The damaged file goes with the next step after the last one reads it.
    case.settle().unwrap();
    assert_eq!(case.paths().len(), 1, "{:?}", case.paths());
    case.reopen();
    case.check(random);
}

#[test]
fn a_damaged_run_is_not_merged_and_merging_notices_damage() {
    let random = &mut Random::new();
    let sizes = Sizes { group_keys: 40, inside_bytes: 3, piece_bytes: 1 << 16 };
    let mut case = Case::new(sizes, 1 << 20);
    for volume in 0..4 {
        case.volume(random, 6);
        if volume < 3 {
            case.settle().unwrap();
        }
    }
    let first = case.paths()[0].clone();
    case.files.open(&first, false).unwrap().write_all_at(&[0x5A; 9000], 4096).unwrap();
    // The fourth is written; then merging meets the damage.
    let error = case.settle().unwrap_err();
    assert!(matches!(error, LogError::Index(IndexError::Damaged { .. })), "{error}");
    case.maintenance.forget_failures();
    case.settle().unwrap();
    case.settle().unwrap();
    assert!(!case.paths().contains(&first), "it was built again under another name");
    assert_eq!(case.index.layout().runs().count(), 1, "and then all were merged");
    case.check(random);
}

#[test]
fn a_damaged_run_whose_volume_cannot_be_read_stays_and_is_tried_again() {
    let random = &mut Random::new();
    let mut case = merged(random);
    damage_open_run(&case);
    assert!(is_noticed(&case.index, &case.model, &all_terms(&case.model)));
    case.kept.broken.store(true, Ordering::Relaxed);
    case.settle().unwrap_err();
    // Other work goes on meanwhile.
    case.volume(random, 6);
    repeat("a step that does not fail", STEPS, || {
        case.maintenance.step(&|| true, Duration::ZERO).is_ok()
    });
    assert_eq!(case.index.layout().runs().count(), 2);
    case.kept.broken.store(false, Ordering::Relaxed);
    case.maintenance.forget_failures();
    case.settle().unwrap();
    case.check(random);
}
