//! The power fails, or the disk does, anywhere while runs are written, merged and removed.

use super::*;
use crate::log::recorder;

/// An index with three volumes in runs, a fourth about to end, and larger pieces than its runs.
fn before_merging(random: &mut Random) -> Case {
    let sizes = Sizes { group_keys: 60, inside_bytes: 4, piece_bytes: 6_000 };
    let mut case = Case::new(sizes, 1 << 20);
    for _ in 0..3 {
        case.volume(random, 4);
        case.settle().unwrap();
    }
    case.feed(random, 4);
    case
}

/// What is to be done when the fourth volume ends: it is written, all four are merged, and the
/// old ones removed.
fn end_and_merge(case: &mut Case) -> Result<(), LogError> {
    case.end_volume();
    case.seal();
    case.settle()?;
    case.settle()
}

#[test]
fn whatever_lands_when_the_power_fails_the_index_finds_or_rebuilds_every_answer() {
    let random = &mut Random::new();
    let mut case = before_merging(random);
    let (mut disk, unsealed) = (case.files.disk(), case.volumes.clone());
    let before = case.files.taken();
    end_and_merge(&mut case).unwrap();
    let steps = case.files.steps();
    let chance = &mut recorder::Random(random.below(1 << 30) as u64);
    let (mut images, mut rebuilt) = (0, 0);
    for taken in before..=steps.len() {
        if taken > before {
            disk.apply(&steps[taken - 1]);
        }
        for (what, image) in disk.images(chance) {
            // The manifest may have the fourth volume at any time, or not yet.
            for volumes in [&case.volumes, &unsealed] {
                let index = open(&RecordingFiles::on(image.clone()), volumes, case.sizes, 0);
                let mut known = case.model.clone();
                let last = volumes.last().unwrap().contents.last_position;
                known.events.truncate(usize::try_from(last).unwrap());
                known.requests.retain(|_, position| *position <= last);
                let record = Arc::clone(&case.kept) as Arc<dyn SealedEvents>;
                let mut maintenance = Maintenance::new(Arc::clone(&index), record);
                let builds = maintenance.builds();
                rebuilt += builds;
                if last == case.model.last() {
                    // Until its run is durable, the fourth is read again; the others never are.
                    assert!(builds <= 1, "{builds} after {taken} steps, landed: {what}");
                }
                settle(&mut maintenance).unwrap();
                assert_eq!(index.watermark(), last, "after {taken} steps, landed: {what}");
                check_quickly(&index, &known, random);
                images += 1;
            }
        }
    }
    println!("{images} images, {rebuilt} volumes read again");
    assert!(images > 500 && rebuilt > 0);
}

fn check_quickly(index: &Index, model: &Model, random: &mut Random) {
    (0..2).for_each(|_| check_matches(index, model, random));
    check_requests(index, model, random);
}

#[test]
fn a_step_that_fails_is_done_again_later_and_disturbs_no_other() {
    let random = &mut Random::new();
    for step in 0.. {
        let mut case = before_merging(random);
        case.files.fail_after(Some(step));
        let outcome = end_and_merge(&mut case);
        if !case.files.has_failed() {
            outcome.unwrap();
            assert!(step > 10, "the workload was cut short");
            break;
        }
        println!("step {step}: {outcome:?}");
        // Lookups and appends go on as if nothing had happened.
        case.check(random);
        case.feed(random, 2);
        case.check(random);
        case.maintenance.forget_failures();
        case.settle().unwrap();
        case.settle().unwrap();
        assert_eq!(case.index.layout().runs().count(), 1);
        case.check(random);
        case.reopen();
        case.check(random);
    }
}

#[test]
fn work_that_is_stopped_leaves_nothing_behind() {
    let random = &mut Random::new();
    let mut case = before_merging(random);
    case.end_volume();
    case.seal();
    // The fourth is written, then all are merged.
    assert!(interrupted(&mut case) > 1 && interrupted(&mut case) > 1);
    assert_eq!(case.index.layout().runs().count(), 1);
    case.settle().unwrap();
    case.check(random);
    // And all are built again.
    case.files.remove(&case.paths()[0]).unwrap();
    case.reopen_unfed();
    assert!(interrupted(&mut case) > 1);
    case.settle().unwrap();
    case.feed_again();
    case.check(random);
}

/// Lets the next step stop after its first check whether to go on, its second and so on, until it
/// comes to its end; returns how many checks that took.
fn interrupted(case: &mut Case) -> usize {
    let before = case.paths();
    for most in 0.. {
        let left = std::cell::Cell::new(most);
        let go_on = || {
            let more = left.get() > 0;
            left.set(left.get().max(1) - 1);
            more
        };
        if case.maintenance.step(&go_on, Duration::ZERO).unwrap() {
            return most;
        }
        assert_eq!(case.paths(), before);
    }
    unreachable!("it never ends")
}
