//! What is missing or does not fit when the index is opened.

use super::*;

/// Volumes that are not merged, three of them, and a few frames.
fn three(random: &mut Random) -> Case {
    let mut case = Case::new(random_sizes(random), 1 << 20);
    for _ in 0..3 {
        case.volume(random, 10);
        case.settle().unwrap();
    }
    assert_eq!(case.paths().len(), 3);
    case.feed(random, 5);
    case
}

/// Opens again, and checks that the index is whole after so many volumes were read again.
fn check_rebuilt(case: &mut Case, random: &mut Random, builds: usize) {
    case.reopen_unfed();
    let missing = |case: &Case| case.maintenance.builds();
    assert_eq!(missing(case), builds);
    if builds > 0 {
        assert_eq!(case.index.begin(Duration::ZERO), None, "no frames are taken before");
    }
    case.settle().unwrap();
    case.feed_again();
    case.check(random);
    assert_eq!(missing(case), 0);
}

#[test]
fn a_folder_that_was_deleted_is_built_again_from_the_volumes() {
    let random = &mut Random::new();
    let mut case = three(random);
    case.files.remove_dir_all(Path::new(DIR)).unwrap();
    check_rebuilt(&mut case, random, 3);
}

#[test]
fn a_run_that_is_missing_in_the_middle_is_built_again_and_nothing_beyond_it_is_answered_before() {
    let random = &mut Random::new();
    let mut case = three(random);
    case.files.remove(&case.paths()[1]).unwrap();
    case.reopen_unfed();
    let first_end = case.volumes[0].contents.last_position;
    assert_eq!(case.index.watermark(), first_end);
    let mut known = case.model.clone();
    known.events.truncate(usize::try_from(first_end).unwrap());
    known.requests.retain(|_, position| *position <= first_end);
    check(&case.index, &known, random);
    check_rebuilt(&mut case, random, 1);
}

#[test]
fn a_run_of_another_store_or_of_another_history_is_not_taken_up() {
    let random = &mut Random::new();
    let mut case = three(random);
    // The same stretches with other contents: this store, restored and gone on differently.
    let mut other = case.volumes.clone();
    other[1].contents.digest = "00".repeat(32);
    let index = open(&RecordingFiles::on(case.files.disk()), &other, case.sizes, case.budget);
    assert_eq!(index.watermark(), case.volumes[0].contents.last_position);
    // Another store.
    let files: Arc<dyn Files> = Arc::new(RecordingFiles::on(case.files.disk()));
    let opening =
        Opening { files: &files, dir: Path::new(DIR), store_id: [6; 16], volumes: &case.volumes };
    let index = Index::open_with(&opening, case.sizes, case.budget).unwrap();
    assert_eq!((index.watermark(), index.layout().runs().count()), (0, 0));
    // Files that were swapped are taken for what they are.
    let paths = case.paths();
    let spare = Path::new(DIR).join("spare.run");
    case.files.rename(&paths[0], &spare).unwrap();
    case.files.rename(&paths[2], &paths[0]).unwrap();
    case.files.rename(&spare, &paths[2]).unwrap();
    check_rebuilt(&mut case, random, 0);
}

#[test]
fn what_merging_has_left_and_whatever_else_lies_there_is_removed() {
    let random = &mut Random::new();
    let mut case = three(random);
    let before = case.files.disk();
    case.end_volume();
    case.seal();
    case.settle().unwrap();
    case.settle().unwrap();
    let [merged] = &case.paths()[..] else { panic!("{:?}", case.paths()) };
    // The old ones beside the merged one, as a stop leaves them; and things that are no runs.
    let files = RecordingFiles::on(before);
    let from = case.files.open(merged, false).unwrap();
    let mut bytes = vec![0; usize::try_from(from.len().unwrap()).unwrap()];
    from.read_exact_at(&mut bytes, 0).unwrap();
    files.open(merged, true).unwrap().write_all_at(&bytes, 0).unwrap();
    for name in ["00000099.run.new", "00000098.run", "notes"] {
        files.open(&Path::new(DIR).join(name), true).unwrap().write_all_at(b"half", 0).unwrap();
    }
    case.files = files;
    check_rebuilt(&mut case, random, 0);
    assert_eq!(case.paths().len(), 1, "{:?}", case.paths());
}

#[test]
fn an_index_that_is_slower_than_the_volumes_goes_on_from_them() {
    let random = &mut Random::new();
    let mut case = three(random);
    // The volume has ended, been sealed, and left the journal before the index had all of it.
    let (ahead, before) = (case.model.clone(), case.index.watermark());
    let mut late = open(&RecordingFiles::on(case.files.disk()), &case.volumes, case.sizes, 0);
    case.frames.iter().for_each(|frame| late.apply(frame).unwrap());
    std::mem::swap(&mut case.index, &mut late);
    case.maintenance =
        Maintenance::new(Arc::clone(&case.index), Arc::clone(&case.kept) as Arc<dyn SealedEvents>);
    let mut rest = Vec::new();
    for _ in 0..4 {
        let frame = case.model.next_frame(random, case.tip);
        case.tip = frame.tip();
        case.tally.frame(&frame);
        rest.push(frame);
    }
    case.frames.extend(rest);
    let contents =
        std::mem::replace(&mut case.tally, ContentsTally::new(case.tip.position + 1)).finish();
    let frames = std::mem::take(&mut case.frames);
    case.kept.volumes.lock().unwrap().insert(contents.first_position, frames);
    let volume =
        SealedVolume { directory: "late".into(), contents, tip: case.tip, files: Vec::new() };
    case.index.sealed(&volume);
    case.volumes.push(volume);
    assert_eq!(case.maintenance.builds(), 0, "it may get the frames yet");
    case.index.stall();
    assert_eq!((case.maintenance.builds(), case.index.watermark()), (1, before));
    check(&case.index, &ahead, random);
    assert_eq!(case.index.begin(Duration::ZERO), None);
    case.settle().unwrap();
    assert_eq!(case.index.begin(Duration::ZERO), Some(case.tip));
    case.feed(random, 3);
    case.check(random);
}

#[test]
fn tables_that_wait_for_the_disk_are_no_more_than_two() {
    let random = &mut Random::new();
    let mut case = Case::new(random_sizes(random), 0);
    for _ in 0..2 {
        case.feed(random, 3);
        case.end_volume();
    }
    case.feed(random, 3);
    let contents = case.tally.clone().finish();
    assert!(!case.index.rotate(&contents, case.tip, Duration::ZERO));
    case.check(random);
    case.settle().unwrap();
    case.end_volume();
    case.check(random);
}
